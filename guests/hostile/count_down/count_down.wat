;;! world = message-handler
;; Counts down from what a message says (8 bytes: the number, little-endian; 9 bytes: the same, and then it
;; traps), so that a host can know to the unit how much fuel that takes.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param $data i32) (param $length i32) (result i32 i32)
    (local $left i64)
    (local.set $left (i64.load align=1 (local.get $data)))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.gt_s (local.get $left) (i64.const 0))))
    (if (i32.eq (local.get $length) (i32.const 9))
      (then (unreachable)))
    (i32.const 0)
    (i32.const 0)))
