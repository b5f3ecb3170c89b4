;;! world = message-handler
;; Asks for all of its memory in one jump: first for as much as 32 bits can address, then for half of that,
;; and so on down to a page, and again as long as anything is granted. The reply is the size it got, in bytes:
;; 8 bytes, little-endian.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (local $jump i32)
    (loop $from_the_top
      (local.set $jump (i32.const 65535))
      (loop $smaller
        (br_if $from_the_top (i32.ne (memory.grow (local.get $jump)) (i32.const -1)))
        (local.set $jump (i32.shr_u (local.get $jump) (i32.const 1)))
        (br_if $smaller (local.get $jump))))
    (i64.store (i32.const 64) (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
    (i32.const 64)
    (i32.const 8)))
