;; While it starts, reads from standard input with the call that blocks, again and again without end, whatever
;; comes of it.
(component
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $outer))
    (export "input-stream" (type $input (sub resource)))
    (export "error" (type $error (eq $outer)))
    (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]input-stream.blocking-read"
      (func (param "self" (borrow $input)) (param "len" u64)
        (result (result (list u8) (error $stream-error)))))))
  (alias export $streams "input-stream" (type $input))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input (type $outer))
    (export "input-stream" (type $input (eq $outer)))
    (export "get-stdin" (func (result (own $input))))))
  (alias export $stdin "get-stdin" (func $get-stdin))
  (alias export $streams "[method]input-stream.blocking-read" (func $blocking-read))

  ;; Everything is put at one place.
  (core module $allocator
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (i32.const 4096)))
  (core instance $heap (instantiate $allocator))
  (alias core export $heap "memory" (core memory $memory))
  (alias core export $heap "realloc" (core func $realloc))
  (core func $stdin-of (canon lower (func $get-stdin)))
  (core func $read (canon lower (func $blocking-read) (memory $memory) (realloc $realloc)))

  (core module $attacker
    (import "host" "stdin" (func $stdin (result i32)))
    (import "host" "read" (func $read (param i32 i64 i32)))
    (func $attack
      (local $input i32)
      (local.set $input (call $stdin))
      (loop $again
        (call $read (local.get $input) (i64.const 1024) (i32.const 16))
        (br $again)))
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance
      (export "stdin" (func $stdin-of))
      (export "read" (func $read)))))))
