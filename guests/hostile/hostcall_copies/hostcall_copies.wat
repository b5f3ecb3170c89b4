;;! world = message-handler
;; Hands one place of its memory, 64 KiB of it, to the host as often as it is told (4 bytes, little-endian) in
;; one call: as the values of a log record's context. The reply is empty.
(module
  (import "airssys:core/services@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
  ;;! include = handler.wat
  (memory (export "memory") 8)
  (func $deed (param $data i32) (param i32) (result i32 i32)
    (local $count i32)
    (local $pair i32)
    (local $left i32)
    (local.set $count (i32.load align=1 (local.get $data)))
    (local.set $left (local.get $count))
    (local.set $pair (i32.const 65536))
    (loop $again
      (i32.store offset=8 (local.get $pair) (i32.const 131072))
      (i32.store offset=12 (local.get $pair) (i32.const 65536))
      (local.set $pair (i32.add (local.get $pair) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 65536) (local.get $count))
    (i32.const 0)
    (i32.const 0)))
