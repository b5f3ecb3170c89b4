;; While it starts, sets the texts of a `wasi:http` request, each to 1 KiB, to 2 KiB, and so on up to 1 MiB: its
;; method, authority and path, which the host keeps with the request. For each that the host took it makes a
;; record of that length in the log.
(component
  (import "airssys:core/services@0.1.0" (instance $services
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type $level (eq $levels)))
    (export "log"
      (func (param "level" $level) (param "message" string) (param "context" (list (tuple string string)))))))
  (import "wasi:http/types@0.2.0" (instance $types
    (type $methods (variant
      (case "get") (case "head") (case "post") (case "put") (case "delete") (case "connect") (case "options")
      (case "trace") (case "patch") (case "other" string)))
    (export "method" (type $method (eq $methods)))
    (export "fields" (type $fields (sub resource)))
    (export "outgoing-request" (type $request (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-request"
      (func (param "headers" (own $fields)) (result (own $request))))
    (export "[method]outgoing-request.set-method"
      (func (param "self" (borrow $request)) (param "method" $method) (result (result))))
    (export "[method]outgoing-request.set-authority"
      (func (param "self" (borrow $request)) (param "authority" (option string)) (result (result))))
    (export "[method]outgoing-request.set-path-with-query"
      (func (param "self" (borrow $request)) (param "path-with-query" (option string)) (result (result))))))

  (core module $text
    (memory (export "memory") 17)
    (func (export "fill")
      (memory.fill (i32.const 0) (i32.const 0x61) (i32.const 1114112))
      ;; A path begins with a slash.
      (i32.store8 (i32.const 64) (i32.const 0x2f))))
  (core instance $text (instantiate $text))
  (alias core export $text "memory" (core memory $memory))
  (alias export $services "log" (func $write-log))
  (alias export $types "[constructor]fields" (func $new-fields))
  (alias export $types "[constructor]outgoing-request" (func $new-request))
  (alias export $types "[method]outgoing-request.set-method" (func $set-method))
  (alias export $types "[method]outgoing-request.set-authority" (func $set-authority))
  (alias export $types "[method]outgoing-request.set-path-with-query" (func $set-path))
  (core func $log (canon lower (func $write-log) (memory $memory)))
  (core func $fields (canon lower (func $new-fields)))
  (core func $request (canon lower (func $new-request)))
  (core func $method (canon lower (func $set-method) (memory $memory)))
  (core func $authority (canon lower (func $set-authority) (memory $memory)))
  (core func $path (canon lower (func $set-path) (memory $memory)))

  (core module $attacker
    (import "text" "fill" (func $fill))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "host" "fields" (func $fields (result i32)))
    (import "host" "request" (func $request (param i32) (result i32)))
    (import "host" "method" (func $method (param i32 i32 i32 i32) (result i32)))
    (import "host" "authority" (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "host" "path" (func $path (param i32 i32 i32 i32) (result i32)))
    (func $attack
      (local $request i32)
      (local $length i32)
      (call $fill)
      (local.set $request (call $request (call $fields)))
      (loop $again
        (local.set $length (i32.add (local.get $length) (i32.const 1024)))
        (call $tell (local.get $length)
          (call $method (local.get $request) (i32.const 9) (i32.const 128) (local.get $length)))
        (call $tell (local.get $length)
          (call $authority (local.get $request) (i32.const 1) (i32.const 128) (local.get $length)))
        (call $tell (local.get $length)
          (call $path (local.get $request) (i32.const 1) (i32.const 64) (local.get $length)))
        (br_if $again (i32.lt_u (local.get $length) (i32.const 1048576)))))
    (func $tell (param $length i32) (param $refused i32)
      (if (i32.eqz (local.get $refused))
        (then
          (call $log (i32.const 2) (i32.const 128) (local.get $length) (i32.const 0) (i32.const 0)))))
    (start $attack))
  (core instance (instantiate $attacker
    (with "text" (instance $text))
    (with "host" (instance
      (export "log" (func $log))
      (export "fields" (func $fields))
      (export "request" (func $request))
      (export "method" (func $method))
      (export "authority" (func $authority))
      (export "path" (func $path)))))))
