;;! world = message-handler
;; Divides by zero, two calls below the handler.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (call $quotient (i32.const 1) (i32.const 0)))
  (func $quotient (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (local.get 1))))
