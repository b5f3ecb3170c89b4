;; Spins for ever in an exported function of its own.
(component
  (core module $module
    (func (export "spin") (loop $again (br $again)))
    (func (export "answer") (result i32) (i32.const 42)))
  (core instance $instance (instantiate $module))
  (func (export "spin") (canon lift (core func $instance "spin")))
  (func (export "answer") (result u32) (canon lift (core func $instance "answer"))))
