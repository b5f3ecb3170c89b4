;; While it starts, writes to the body of a `wasi:http` request as much as the host says that it may, as long as
;; it may. For each write it makes a record of that length in the log.
(component
  (import "airssys:core/services@0.1.0" (instance $services
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type $level (eq $levels)))
    (export "log"
      (func (param "level" $level) (param "message" string) (param "context" (list (tuple string string)))))))
  (import "wasi:io/error@0.2.0" (instance $errors
    (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $error (type $outer))
    (export "output-stream" (type $output (sub resource)))
    (export "error" (type $error (eq $outer)))
    (type $failures (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failures)))
    (export "[method]output-stream.check-write"
      (func (param "self" (borrow $output)) (result (result u64 (error $stream-error)))))
    (export "[method]output-stream.write"
      (func (param "self" (borrow $output)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:http/types@0.2.0" (instance $types
    (alias outer 1 $output (type $outer))
    (export "output-stream" (type $output (eq $outer)))
    (export "fields" (type $fields (sub resource)))
    (export "outgoing-request" (type $request (sub resource)))
    (export "outgoing-body" (type $body (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-request"
      (func (param "headers" (own $fields)) (result (own $request))))
    (export "[method]outgoing-request.body"
      (func (param "self" (borrow $request)) (result (result (own $body)))))
    (export "[method]outgoing-body.write"
      (func (param "self" (borrow $body)) (result (result (own $output)))))))

  (core module $nothing
    (memory (export "memory") 2))
  (core instance $nothing (instantiate $nothing))
  (alias core export $nothing "memory" (core memory $memory))
  (alias export $services "log" (func $write-log))
  (alias export $types "[constructor]fields" (func $new-fields))
  (alias export $types "[constructor]outgoing-request" (func $new-request))
  (alias export $types "[method]outgoing-request.body" (func $body-of))
  (alias export $types "[method]outgoing-body.write" (func $stream-of))
  (alias export $streams "[method]output-stream.check-write" (func $check-write))
  (alias export $streams "[method]output-stream.write" (func $write-bytes))
  (core func $log (canon lower (func $write-log) (memory $memory)))
  (core func $fields (canon lower (func $new-fields)))
  (core func $request (canon lower (func $new-request)))
  (core func $body (canon lower (func $body-of) (memory $memory)))
  (core func $stream (canon lower (func $stream-of) (memory $memory)))
  (core func $check (canon lower (func $check-write) (memory $memory)))
  (core func $write (canon lower (func $write-bytes) (memory $memory)))

  (core module $attacker
    (import "host" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "request" (func $request (param i32) (result i32)))
    (import "host" "body" (func $body (param i32 i32)))
    (import "host" "stream" (func $stream (param i32 i32)))
    (import "host" "check" (func $check (param i32 i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (func $attack
      (local $stream i32)
      (local $length i32)
      (call $body (call $request (call $fields)) (i32.const 16))
      (call $stream (i32.load (i32.const 20)) (i32.const 16))
      (local.set $stream (i32.load (i32.const 20)))
      (loop $again
        (call $check (local.get $stream) (i32.const 16))
        (local.set $length (i32.load (i32.const 24)))
        ;; An error, or no room.
        (if (i32.or (i32.load8_u (i32.const 16)) (i32.eqz (local.get $length)))
          (then (return)))
        (call $write (local.get $stream) (i32.const 1024) (local.get $length) (i32.const 16))
        (if (i32.load8_u (i32.const 16))
          (then (return)))
        (call $log (i32.const 2) (i32.const 1024) (local.get $length) (i32.const 0) (i32.const 0))
        (br $again)))
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance
      (export "memory" (memory $memory))
      (export "log" (func $log))
      (export "fields" (func $fields))
      (export "request" (func $request))
      (export "body" (func $body))
      (export "stream" (func $stream))
      (export "check" (func $check))
      (export "write" (func $write)))))))
