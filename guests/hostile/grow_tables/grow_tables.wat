;;! world = message-handler
;; Two tables, each of which stays below what all tables may hold: it is their sum that passes the limit.
;; They are grown in turn, 50 elements each, until both are denied. The reply is the sum of their sizes in
;; elements (8 bytes, little-endian).
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (table $a 1 funcref)
  (table $b 1 funcref)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (br_if $again
        (i32.or
          (i32.ne (table.grow $a (ref.null func) (i32.const 50)) (i32.const -1))
          (i32.ne (table.grow $b (ref.null func) (i32.const 50)) (i32.const -1)))))
    (i64.store (i32.const 64) (i64.extend_i32_u (i32.add (table.size $a) (table.size $b))))
    (i32.const 64)
    (i32.const 8)))
