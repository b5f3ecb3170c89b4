;;! world = message-handler
;; Two memories of 1.5 MiB each to begin with: each is below a limit of 2 MiB, and their sum is above it.
(module
  ;;! include = handler.wat
  (memory (export "memory") 24)
  (memory $more 24)
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
