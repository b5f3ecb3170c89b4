;;! world = message-handler
;; Grows its memory page by page until it is denied, sees -1 and carries on. The reply is the size
;; it got, in bytes: 8 bytes, little-endian.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (i64.store (i32.const 64) (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
    (i32.const 64)
    (i32.const 8)))
