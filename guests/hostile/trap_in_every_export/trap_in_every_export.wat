;;! world = component
;; Traps in the export whose first letter is the first letter of its configuration: `initialize`, `message`,
;; `callback`, `health`, `data` (of itself) or `shutdown`. Whatever does not trap answers as it should.
(module
  (memory (export "memory") 1)
  (global $where (mut i32) (i32.const 0))
  ;; 16 is the reply to any message, 48 its text, 128 a place that is always zero: `ok`, healthy, empty texts.
  (data (i32.const 20) "\01\00\00\00\30\00\00\00\04\00\00\00")
  (data (i32.const 48) "pong")

  ;; No call looks at more than the first byte of what it gets, so that all is put at one place.
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))
  (func $trap_in (param $export i32)
    (if (i32.eq (global.get $where) (local.get $export))
      (then (unreachable))))

  (func (export "airssys:core/lifecycle@0.1.0#initialize") (param $config i32) (param i32) (result i32)
    (global.set $where (i32.load8_u (local.get $config)))
    (call $trap_in (i32.const 0x69))
    (i32.const 128))
  (func (export "airssys:core/handler@0.1.0#handle-message")
        (param i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $trap_in (i32.const 0x6d))
    (i32.const 16))
  (func (export "airssys:core/handler@0.1.0#handle-callback") (param i64 i32 i32 i32 i64 i32 i32)
    (call $trap_in (i32.const 0x63)))
  (func (export "airssys:core/health@0.1.0#health") (result i32)
    (call $trap_in (i32.const 0x68))
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#metadata") (result i32)
    (call $trap_in (i32.const 0x64))
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#shutdown")
    (call $trap_in (i32.const 0x73)))
  (func (export "airssys:core/migration@0.1.0#snapshot") (result i32)
    (i32.const 128))
  (func (export "airssys:core/migration@0.1.0#restore") (param i32 i32 i32 i32) (result i32)
    (i32.const 128)))
