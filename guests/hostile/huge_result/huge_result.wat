;; Returns far more than it has: the lists in its result all lie in the same bytes of its one page.
(component
  (core module $module
    (memory (export "memory") 1)
    ;; 200 lists, each of the same 60,000 bytes; 8 is where the result itself lies.
    (func (export "flood") (result i32)
      (local $entry i32)
      (local.set $entry (i32.const 16))
      (loop $again
        (i32.store (local.get $entry) (i32.const 0))
        (i32.store offset=4 (local.get $entry) (i32.const 60000))
        (local.set $entry (i32.add (local.get $entry) (i32.const 8)))
        (br_if $again (i32.lt_u (local.get $entry) (i32.const 1616))))
      (i32.store (i32.const 8) (i32.const 16))
      (i32.store (i32.const 12) (i32.const 200))
      (i32.const 8)))
  (core instance $instance (instantiate $module))
  (func (export "flood") (result (list (list u8)))
    (canon lift (core func $instance "flood") (memory (core memory $instance "memory"))))
  ;; Its neighbour is well behaved.
  (core module $answering (func (export "answer") (result i32) (i32.const 42)))
  (core instance $answers (instantiate $answering))
  (func (export "answer") (result u32)
    (canon lift (core func $answers "answer"))))
