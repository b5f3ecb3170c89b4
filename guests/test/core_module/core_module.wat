;; A core module, which is no component: a host has to say so.
(module
  (memory (export "memory") 1)
  (func (export "answer") (result i32)
    (i32.const 42)))
