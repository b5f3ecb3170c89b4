;; Asks a standard interface for 64 KiB of random bytes again and again while it starts, in one stretch of instructions
;; without a loop.
(component
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))

  ;; Everything is put at one place, which has room for an answer.
  (core module $allocator
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (i32.const 4096)))
  (core instance $heap (instantiate $allocator))
  (alias core export $heap "memory" (core memory $memory))
  (alias core export $heap "realloc" (core func $realloc))
  (alias export $random "get-random-bytes" (func $get-random-bytes))
  (core func $get (canon lower (func $get-random-bytes) (memory $memory) (realloc $realloc)))

  (core module $attacker
    (import "host" "get" (func $get (param i64 i32)))
    (func $attack
      ;;! repeat = 20000
      (call $get (i64.const 65536) (i32.const 16))
      ;;! end
    )
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance (export "get" (func $get)))))))
