;;! world = message-handler
;; Writes a pattern to all that it has, to every page that it can get, to a global and to a table, and traps. A
;; message `look` makes the next instance look for anything that is not zero, in as much memory; the reply is
;; how much it found (8 bytes, little-endian).
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (table $table 512 funcref)
  (elem declare func $mark)
  (global $kept (mut i64) (i64.const 0))
  (func $mark)
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (loop $grow
      (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (if (i32.eq (i32.load align=1 (local.get $data)) (i32.const 0x6b6f6f6c))
      (then
        (i64.store (i32.const 64) (call $found))
        (return (i32.const 64) (i32.const 8))))
    (memory.fill (i32.const 4096) (i32.const 0xa5)
      (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4096)))
    (table.fill $table (i32.const 0) (ref.func $mark) (i32.const 512))
    (global.set $kept (i64.const -1))
    (unreachable))
  (func $found (result i64)
    (local $found i64)
    (local $at i32)
    (local.set $found (global.get $kept))
    (local.set $at (i32.const 4096))
    (loop $words
      (local.set $found
        (i64.add (local.get $found) (i64.extend_i32_u (i64.ne (i64.load (local.get $at)) (i64.const 0)))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $words (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16)))))
    (local.set $at (i32.const 0))
    (loop $entries
      (local.set $found
        (i64.add
          (local.get $found)
          (i64.extend_i32_u (i32.eqz (ref.is_null (table.get $table (local.get $at)))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $entries (i32.lt_u (local.get $at) (i32.const 512))))
    (local.get $found)))
