;;! world = message-handler
;; Sends an empty message to `attack/echo` with a content type of as many bytes as it is told (4 bytes,
;; little-endian), and answers with the result as the host wrote it (24 bytes), under the same content type.
(module
  (import "airssys:core/messaging@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 25)
  (data (i32.const 48) "pong")
  (data (i32.const 96) "attack/echo")
  ;; The host passes little; the content types begin at the second page.
  (global $heap (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size))))

  (func (export "airssys:core/handler@0.1.0#handle-message")
        (param i32 i32 i32 i64 i32 i32 i32) (param $data i32) (param $length i32) (param i32 i32 i32) (result i32)
    (local $bytes i32)
    (global.set $heap (i32.const 1024))
    (i32.store (i32.const 16) (i32.const 0))                  ;; ok
    (i32.store (i32.const 20) (i32.const 1))                  ;; some
    (i32.store (i32.const 32) (i32.const 0))                  ;; no content type
    (if (i32.eq (i32.load align=1 (local.get $data)) (i32.const 0x676e6970))
      (then
        (i32.store (i32.const 24) (i32.const 48))
        (i32.store (i32.const 28) (i32.const 4)))
      (else
        (local.set $bytes (i32.load align=1 (local.get $data)))
        (memory.fill (i32.const 65536) (i32.const 0x74) (local.get $bytes))
        (call $send (i32.const 96) (i32.const 11) (i32.const 0) (i32.const 0)
          (i32.const 1) (i32.const 65536) (local.get $bytes) (i32.const 64))
        (i32.store (i32.const 24) (i32.const 64))
        (i32.store (i32.const 28) (i32.const 24))
        (i32.store (i32.const 32) (i32.const 1))
        (i32.store (i32.const 36) (i32.const 65536))
        (i32.store (i32.const 40) (local.get $bytes))))
    (i32.const 16))

  (func (export "airssys:core/handler@0.1.0#handle-callback") (param i64 i32 i32 i32 i64 i32 i32)))
