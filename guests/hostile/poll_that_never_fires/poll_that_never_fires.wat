;; While it starts, waits for a pollable of the clock that is ready in some 584 years.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $pollable (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (alias export $clock "subscribe-duration" (func $subscribe-duration))
  (alias export $poll "[method]pollable.block" (func $block-on))
  (core func $subscribe (canon lower (func $subscribe-duration)))
  (core func $block (canon lower (func $block-on)))

  (core module $attacker
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (func $attack
      (call $block (call $subscribe (i64.const -1))))
    (start $attack))
  (core instance (instantiate $attacker
    (with "host" (instance
      (export "subscribe" (func $subscribe))
      (export "block" (func $block)))))))
