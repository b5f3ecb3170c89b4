;;! world = message-handler
;; Copies its whole memory onto itself but for one KiB, again and again without end: one instruction for 2 MiB of work.
;; After each time it writes an empty record to the log.
(module
  (import "airssys:core/services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (local $bytes i32)
    (loop $grow
      (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (local.set $bytes (i32.shl (memory.size) (i32.const 16)))
    (loop $again
      (memory.copy (i32.const 0) (i32.const 1024) (i32.sub (local.get $bytes) (i32.const 1024)))
      (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (br $again))
    (unreachable)))
