;; While it starts, makes handles to resources of its own without end, and gives none back. No function of the
;; host takes part in that. After each it writes an empty record to the log.
(component
  (import "airssys:core/services@0.1.0" (instance $services
    (type $levels (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type $level (eq $levels)))
    (export "log"
      (func (param "level" $level) (param "message" string) (param "context" (list (tuple string string)))))))
  (core module $nothing
    (memory (export "memory") 1))
  (core instance $nothing (instantiate $nothing))
  (alias core export $nothing "memory" (core memory $memory))
  (alias export $services "log" (func $write-log))
  (core func $log (canon lower (func $write-log) (memory $memory)))
  (type $own (resource (rep i32)))
  (core func $new (canon resource.new $own))

  (core module $attacker
    (import "own" "new" (func $new (param i32) (result i32)))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (func $attack
      (loop $again
        (drop (call $new (i32.const 1)))
        (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (br $again)))
    (start $attack))
  (core instance (instantiate $attacker
    (with "own" (instance (export "new" (func $new))))
    (with "host" (instance (export "log" (func $log)))))))
