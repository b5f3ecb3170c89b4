;;! world = message-handler
;; Traps on `unreachable`, two calls below the handler.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (call $give_up)
    (i32.const 0)
    (i32.const 0))
  (func $give_up
    (unreachable)))
