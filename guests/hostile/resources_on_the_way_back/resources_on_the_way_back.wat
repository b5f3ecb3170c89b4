;; Goes as deep as it can and, when it comes back, asks the engine about a resource again and again, without a loop: the
;; engine answers by itself, and looks at neither fuel nor time. It is a whole component, because resources are of those.
(component
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core func $rep (canon resource.rep $thing))

  (core module $room
    (memory (export "memory") 1))
  (core instance $heap (instantiate $room))
  (alias core export $heap "memory" (core memory $memory))

  (core module $attacker
    (import "host" "memory" (memory 1))
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "rep" (func $rep (param i32) (result i32)))
    ;;! include = handler.wat
    (global $thing (mut i32) (i32.const 0))
    (func $deed (param i32 i32) (result i32 i32)
      (global.set $thing (call $new (i32.const 7)))
      (call $deeper (i32.const 3000))
      (i32.const 0)
      (i32.const 0))
    (func $deeper (param $left i32)
      (if (local.get $left)
        (then (call $deeper (i32.sub (local.get $left) (i32.const 1)))))
      ;;! repeat = 10000
      (drop (call $rep (global.get $thing)))
      ;;! end
      ))
  (core instance $main (instantiate $attacker
    (with "host" (instance
      (export "memory" (memory $memory))
      (export "new" (func $new))
      (export "rep" (func $rep))))))

  ;; The export of `airssys:core/handler`.
  (alias core export $main "cabi_realloc" (core func $realloc))
  (alias core export $main "airssys:core/handler@0.1.0#handle-message" (core func $handle-message))
  (alias core export $main "airssys:core/handler@0.1.0#handle-callback" (core func $handle-callback))
  (type $payload (record (field "data" (list u8)) (field "content-type" (option string))))
  (type $message (record
    (field "sender" string) (field "correlation-id" (option u64)) (field "topic" (option string))
    (field "payload" $payload)))
  (type $host-error (variant
    (case "denied" string) (case "full") (case "closed") (case "not-found") (case "no-handler") (case "too-large" u64)
    (case "rate-limited") (case "timed-out") (case "would-deadlock") (case "quota-exceeded")
    (case "invalid-argument" string) (case "unsupported" string)))
  (type $handler-error (variant (case "invalid-message" string) (case "failed" string)))
  (type $request-error (variant
    (case "refused" $host-error) (case "handler" $handler-error) (case "receiver-ended" string)))
  (func $on-message (param "message" $message) (result (result (option $payload) (error $handler-error)))
    (canon lift (core func $handle-message) (memory $memory) (realloc $realloc)))
  (func $on-callback (param "correlation" u64) (param "reply" (result $payload (error $request-error)))
    (canon lift (core func $handle-callback) (memory $memory) (realloc $realloc)))
  (component $names
    (type $payload-in (record (field "data" (list u8)) (field "content-type" (option string))))
    (import "import-type-payload" (type $payload (eq $payload-in)))
    (type $message-in (record
      (field "sender" string) (field "correlation-id" (option u64)) (field "topic" (option string))
      (field "payload" $payload)))
    (import "import-type-message" (type $message (eq $message-in)))
    (type $host-error-in (variant
      (case "denied" string) (case "full") (case "closed") (case "not-found") (case "no-handler") (case "too-large" u64)
      (case "rate-limited") (case "timed-out") (case "would-deadlock") (case "quota-exceeded")
      (case "invalid-argument" string) (case "unsupported" string)))
    (import "import-type-host-error" (type $host-error (eq $host-error-in)))
    (type $handler-error-in (variant (case "invalid-message" string) (case "failed" string)))
    (import "import-type-handler-error" (type $handler-error (eq $handler-error-in)))
    (type $request-error-in (variant
      (case "refused" $host-error) (case "handler" $handler-error) (case "receiver-ended" string)))
    (import "import-type-request-error" (type $request-error (eq $request-error-in)))
    (import "import-func-handle-message"
      (func $on-message (param "message" $message) (result (result (option $payload) (error $handler-error)))))
    (import "import-func-handle-callback"
      (func $on-callback (param "correlation" u64) (param "reply" (result $payload (error $request-error)))))
    (export $payload-out "payload" (type $payload))
    (type $message-of (record
      (field "sender" string) (field "correlation-id" (option u64)) (field "topic" (option string))
      (field "payload" $payload-out)))
    (export $message-out "message" (type $message-of))
    (export $host-error-out "host-error" (type $host-error))
    (export $handler-error-out "handler-error" (type $handler-error))
    (type $request-error-of (variant
      (case "refused" $host-error-out) (case "handler" $handler-error-out) (case "receiver-ended" string)))
    (export $request-error-out "request-error" (type $request-error-of))
    (export "handle-message" (func $on-message)
      (func (param "message" $message-out) (result (result (option $payload-out) (error $handler-error-out)))))
    (export "handle-callback" (func $on-callback)
      (func (param "correlation" u64) (param "reply" (result $payload-out (error $request-error-out))))))
  (instance $handler (instantiate $names
    (with "import-type-payload" (type $payload))
    (with "import-type-message" (type $message))
    (with "import-type-host-error" (type $host-error))
    (with "import-type-handler-error" (type $handler-error))
    (with "import-type-request-error" (type $request-error))
    (with "import-func-handle-message" (func $on-message))
    (with "import-func-handle-callback" (func $on-callback))))
  (export "airssys:core/handler@0.1.0" (instance $handler)))
