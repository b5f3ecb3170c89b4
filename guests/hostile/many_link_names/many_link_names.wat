;;! world = message-handler
;; Sends one message each to 2,000 components by name. The reply is empty.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  ;; `attack/n`, and three letters that count.
  (data (i32.const 96) "attack/n...")
  (func $deed (param i32 i32) (result i32 i32)
    (local $number i32)
    (loop $again
      (i32.store8 (i32.const 104) (call $letter (local.get $number)))
      (i32.store8 (i32.const 105) (call $letter (i32.shr_u (local.get $number) (i32.const 4))))
      (i32.store8 (i32.const 106) (call $letter (i32.shr_u (local.get $number) (i32.const 8))))
      (call $send (i32.const 96) (i32.const 11) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $number) (i32.const 2000))))
    (i32.const 0)
    (i32.const 0))
  (func $letter (param $number i32) (result i32)
    (i32.add (i32.const 0x61) (i32.and (local.get $number) (i32.const 15)))))
