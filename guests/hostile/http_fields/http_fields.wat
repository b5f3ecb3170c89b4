;; While it starts, adds 100 bytes at a time to the fields of a message of `wasi:http`, without end. After each
;; time that the host took them it writes an empty record to the log.
(component
  (import "airssys:core/services@0.1.0" (instance $services
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type $level (eq $levels)))
    (export "log"
      (func (param "level" $level) (param "message" string) (param "context" (list (tuple string string)))))))
  (import "wasi:http/types@0.2.0" (instance $types
    (type $failures (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
    (export "header-error" (type $header-error (eq $failures)))
    (export "fields" (type $fields (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[method]fields.append"
      (func (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8))
        (result (result (error $header-error)))))))

  ;; The name is at 64, the value at 128.
  (core module $texts
    (memory (export "memory") 1)
    (data (i32.const 64) "x")
    (func (export "fill")
      (memory.fill (i32.const 128) (i32.const 0x76) (i32.const 100))))
  (core instance $texts (instantiate $texts))
  (alias core export $texts "memory" (core memory $memory))
  (alias export $services "log" (func $write-log))
  (alias export $types "[constructor]fields" (func $new-fields))
  (alias export $types "[method]fields.append" (func $append-field))
  (core func $log (canon lower (func $write-log) (memory $memory)))
  (core func $new (canon lower (func $new-fields)))
  (core func $append (canon lower (func $append-field) (memory $memory)))

  (core module $attacker
    (import "texts" "memory" (memory 1))
    (import "texts" "fill" (func $fill))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "host" "new" (func $new (result i32)))
    (import "host" "append" (func $append (param i32 i32 i32 i32 i32 i32)))
    (func $attack
      (local $fields i32)
      (call $fill)
      (local.set $fields (call $new))
      (loop $again
        (call $append (local.get $fields) (i32.const 64) (i32.const 1) (i32.const 128) (i32.const 100)
          (i32.const 16))
        (if (i32.load8_u (i32.const 16))
          (then (return)))
        (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (br $again)))
    (start $attack))
  (core instance (instantiate $attacker
    (with "texts" (instance $texts))
    (with "host" (instance
      (export "log" (func $log))
      (export "new" (func $new))
      (export "append" (func $append)))))))
