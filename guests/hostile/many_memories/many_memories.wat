;;! world = message-handler
;; Eight memories, each of which stays small: it is their sum that passes the limit. They are grown
;; in turn, a page each, until one is denied or each has 16 MiB. A payload `tolerant` is answered with the
;; sum of their sizes in bytes (8 bytes, little-endian); after any other the guest traps.
(module
  ;;! include = handler.wat
  (memory $a (export "memory") 1)
  (memory $b 1)
  (memory $c 1)
  (memory $d 1)
  (memory $e 1)
  (memory $f 1)
  (memory $g 1)
  (memory $h 1)
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (block $denied
      (loop $again
        (br_if $denied (i32.eq (memory.grow $a (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $b (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $c (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $d (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $e (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $f (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $g (i32.const 1)) (i32.const -1)))
        (br_if $denied (i32.eq (memory.grow $h (i32.const 1)) (i32.const -1)))
        (br_if $again (i32.lt_u (memory.size $h) (i32.const 256)))))
    (if (i32.ne (local.get $length) (i32.const 8))
      (then (call $allocation_failed)))
    (i64.store $a (i32.const 64)
      (i64.shl
        (i64.extend_i32_u
          (i32.add
            (i32.add
              (i32.add (memory.size $a) (memory.size $b))
              (i32.add (memory.size $c) (memory.size $d)))
            (i32.add
              (i32.add (memory.size $e) (memory.size $f))
              (i32.add (memory.size $g) (memory.size $h)))))
        (i64.const 16)))
    (i32.const 64)
    (i32.const 8))
  (func $allocation_failed
    (unreachable)))
