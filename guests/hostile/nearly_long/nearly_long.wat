;;! world = message-handler
;; Counts down from what a message says (8 bytes: the number, little-endian; 9 bytes: the same, and then it sends the
;; message to itself), so that a host can choose how long each of its calls is: one after the other, none of them endless.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "airssys:core/messaging@0.1.0" "self-id" (func $self_id (param i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (local $left i64)
    (local.set $left (i64.load align=1 (local.get $data)))
    ;; Where the message lies now the host puts the answers to the calls that follow.
    (i64.store (i32.const 200) (local.get $left))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (if (i32.eq (local.get $length) (i32.const 9))
      (then
        (call $self_id (i32.const 96))
        (call $send (i32.load (i32.const 96)) (i32.load (i32.const 100)) (i32.const 200) (local.get $length)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))))
    (i32.const 0)
    (i32.const 0)))
