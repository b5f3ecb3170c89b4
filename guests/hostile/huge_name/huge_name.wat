;;! world = message-handler
;; Sends to a component whose name has as many bytes as it is told (4 bytes, little-endian). The reply is what
;; the host says of it, where that is a text, and else empty.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 25)
  (data (i32.const 65536) "attack/")
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (local $bytes i32)
    (local.set $bytes (i32.load align=1 (local.get $data)))
    (memory.fill (i32.const 65543) (i32.const 0x6e) (local.get $bytes))
    (call $send (i32.const 65536) (i32.add (local.get $bytes) (i32.const 7)) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
    ;; An error, and of the kind `invalid-argument`.
    (if (i32.and
          (i32.load8_u (i32.const 64))
          (i32.eq (i32.load8_u (i32.const 72)) (i32.const 10)))
      (then (return (i32.load (i32.const 80)) (i32.load (i32.const 84)))))
    (i32.const 0)
    (i32.const 0)))
