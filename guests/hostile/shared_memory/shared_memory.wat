;; Has a shared memory, which no limiter of the engine sees: a host has to refuse it at load.
(component
  (core module $module
    (memory (export "memory") 1 2 shared))
  (core instance (instantiate $module)))
