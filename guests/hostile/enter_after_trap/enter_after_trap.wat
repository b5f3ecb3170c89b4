;;! world = message-handler
;; Writes an empty record to the log whenever it is entered, and then traps: who reads the log sees whether
;; it was entered again.
(module
  (import "airssys:core/services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (unreachable)))
