;;! world = message-handler
;; Sleeps for a millisecond, again and again without end: each host call is short, only their sum is not.
(module
  (import "airssys:core/services@0.1.0" "sleep" (func $sleep (param i64)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (call $sleep (i64.const 1))
      (br $again))
    (unreachable)))
