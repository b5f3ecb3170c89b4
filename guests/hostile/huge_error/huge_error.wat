;;! world = component
;; Says 512 KiB wherever it can say something that is not the content of a message: in the errors of its handler
;; and, where its configuration is not empty JSON, of `initialize`; in its health and in each text about itself.
(module
  (memory (export "memory") 10)
  ;; The text begins at the second page.
  (global $bytes i32 (i32.const 524288))
  (data (i32.const 48) "pong")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (i32.const 1024))

  ;; Writes the text to a place for it, and letters to the text.
  (func $say (param $place i32)
    (memory.fill (i32.const 65536) (i32.const 0x65) (global.get $bytes))
    (i32.store (local.get $place) (i32.const 65536))
    (i32.store offset=4 (local.get $place) (global.get $bytes)))

  (func (export "airssys:core/handler@0.1.0#handle-message")
        (param i32 i32 i32 i64 i32 i32 i32) (param $data i32) (param $length i32) (param i32 i32 i32) (result i32)
    (if (i32.eq (local.get $length) (i32.const 4))
      (then
        (i32.store (i32.const 16) (i32.const 0))              ;; ok
        (i32.store (i32.const 20) (i32.const 1))              ;; some
        (i32.store (i32.const 24) (i32.const 48))
        (i32.store (i32.const 28) (i32.const 4)))
      (else
        (i32.store (i32.const 16) (i32.const 1))              ;; an error
        (i32.store (i32.const 20) (i32.const 1))              ;; failed
        (call $say (i32.const 24))))
    (i32.const 16))
  (func (export "airssys:core/handler@0.1.0#handle-callback") (param i64 i32 i32 i32 i64 i32 i32))

  (func (export "airssys:core/lifecycle@0.1.0#initialize") (param i32) (param $length i32) (result i32)
    (if (i32.gt_u (local.get $length) (i32.const 2))
      (then
        (i32.store (i32.const 128) (i32.const 1))             ;; an error
        (call $say (i32.const 132))))
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#metadata") (result i32)
    (call $say (i32.const 128))
    (call $say (i32.const 136))
    (call $say (i32.const 144))
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#shutdown"))
  (func (export "airssys:core/health@0.1.0#health") (result i32)
    (i32.store (i32.const 128) (i32.const 2))                 ;; unhealthy
    (call $say (i32.const 132))
    (i32.const 128))
  (func (export "airssys:core/migration@0.1.0#snapshot") (result i32)
    (i32.const 256))
  (func (export "airssys:core/migration@0.1.0#restore") (param i32 i32 i32 i32) (result i32)
    (i32.const 256)))
