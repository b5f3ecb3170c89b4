;;! world = message-handler
;; Sends two messages to itself for each that it gets, by its own id, so that they double for ever.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "airssys:core/messaging@0.1.0" "self-id" (func $self_id (param i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (call $self_id (i32.const 96))
    (call $send_on)
    (call $send_on)
    (i32.const 0)
    (i32.const 0))
  (func $send_on
    (call $send (i32.load (i32.const 96)) (i32.load (i32.const 100)) (i32.const 48) (i32.const 3)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))))
