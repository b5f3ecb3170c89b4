;;! world = message-handler
;; Hands the host a megabyte for its log again and again, in one stretch of instructions without a loop: compiled code
;; never looks at the time there, and nearly all the work is the host's.
(module
  (import "airssys:core/services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 17)
  (func $deed (param i32 i32) (result i32 i32)
    (local $length i32)
    (local.set $length (i32.const 1048576))
    ;;! repeat = 10000
    (call $log (i32.const 0) (i32.const 0) (local.get $length) (i32.const 0) (i32.const 0))
    ;;! end
    (i32.const 0)
    (i32.const 0)))
