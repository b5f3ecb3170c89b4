;;! world = message-handler
;; Traps in the core module's start function: before any call of an export.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (start $start)
  (func $start
    (unreachable))
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
