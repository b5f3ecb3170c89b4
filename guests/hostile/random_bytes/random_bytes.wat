;; Asks for random bytes while it starts: 1 KiB, then 2 KiB, and so on up to 1 MiB in one call. After each
;; call that is answered it writes a record to the log.
(component
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "airssys:core/services@0.1.0" (instance $services
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type $level (eq $levels)))
    (export "log"
      (func (param "level" $level) (param "message" string) (param "context" (list (tuple string string)))))))

  ;; Everything is put at one place, which has room for the largest answer.
  (core module $allocator
    (memory (export "memory") 17)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (i32.const 4096)))
  (core instance $heap (instantiate $allocator))
  (alias core export $heap "memory" (core memory $memory))
  (alias core export $heap "realloc" (core func $realloc))
  (alias export $random "get-random-bytes" (func $get-random-bytes))
  (alias export $services "log" (func $write-log))
  (core func $get (canon lower (func $get-random-bytes) (memory $memory) (realloc $realloc)))
  (core func $log (canon lower (func $write-log) (memory $memory)))

  (core module $attacker
    (import "host" "get" (func $get (param i64 i32)))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (func $attack
      (local $length i64)
      (loop $again
        (local.set $length (i64.add (local.get $length) (i64.const 1024)))
        (call $get (local.get $length) (i32.const 16))
        ;; An empty text at the level `info`.
        (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (br_if $again (i64.lt_u (local.get $length) (i64.const 1048576)))))
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance (export "get" (func $get)) (export "log" (func $log)))))))
