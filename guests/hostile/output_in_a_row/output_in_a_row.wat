;; While it starts, writes as many empty lines to its standard output as one call takes, again and again, in one stretch
;; of instructions without a loop.
(component
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $outer))
    (export "output-stream" (type $output (sub resource)))
    (export "error" (type $error (eq $outer)))
    (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $output)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output (type $outer))
    (export "output-stream" (type $output (eq $outer)))
    (export "get-stdout" (func (result (own $output))))))
  (alias export $stdout "get-stdout" (func $get-stdout))
  (alias export $streams "[method]output-stream.blocking-write-and-flush" (func $blocking-write))

  (core module $room
    (memory (export "memory") 1))
  (core instance $heap (instantiate $room))
  (alias core export $heap "memory" (core memory $memory))
  (core func $stdout-of (canon lower (func $get-stdout)))
  (core func $write (canon lower (func $blocking-write) (memory $memory)))

  (core module $attacker
    (import "host" "memory" (memory 1))
    (import "host" "stdout" (func $stdout (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (func $attack
      (local $output i32)
      (local $length i32)
      (local.set $output (call $stdout))
      (local.set $length (i32.const 4096))
      ;; Ends of lines.
      (memory.fill (i32.const 4096) (i32.const 10) (local.get $length))
      ;;! repeat = 8000
      (call $write (local.get $output) (local.get $length) (local.get $length) (i32.const 0))
      ;;! end
    )
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance
      (export "memory" (memory $memory))
      (export "stdout" (func $stdout-of))
      (export "write" (func $write)))))))
