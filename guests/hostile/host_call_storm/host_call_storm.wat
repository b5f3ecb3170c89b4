;;! world = message-handler
;; Calls the host's cheapest function without end: all the work is the host's, and next to none its own.
(module
  (import "airssys:core/services@0.1.0" "monotonic-now" (func $now (result i64)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (drop (call $now))
      (br $again))
    (unreachable)))
