;;! world = message-handler
;; Sends one message of as many bytes as it is told (4 bytes, little-endian) to one that is parked, and
;; answers with the result as the host wrote it (24 bytes). Told by 5 bytes, it makes its reply that large instead.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (data (i32.const 96) "attack/park-in-host-call")
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (local $bytes i32)
    (local.set $bytes (i32.load align=1 (local.get $data)))
    (loop $grow
      (if (i32.lt_u (i32.shl (memory.size) (i32.const 16)) (local.get $bytes))
        (then
          (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
          (unreachable))))
    (if (i32.eq (local.get $length) (i32.const 5))
      (then (return (i32.const 0) (local.get $bytes))))
    ;; Its own memory is the payload, from the first byte on; there is no content type.
    (call $send (i32.const 96) (i32.const 24) (i32.const 0) (local.get $bytes)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
    (i32.const 64)
    (i32.const 24)))
