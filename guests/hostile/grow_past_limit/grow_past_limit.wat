;;! world = message-handler
;; Grows its memory page by page until it is denied, and then traps, as an allocation failure does.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $allocation_failed)
    (i32.const 0)
    (i32.const 0))
  (func $allocation_failed
    (unreachable)))
