;;! world = message-handler
;; Loops for ever.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again (br $again))
    (unreachable)))
