;;! world = message-handler
;; Computes for ever, like loop_forever, but by instructions that take the processor many times as long as others, and
;; cost as much fuel: square roots and divisions, each of which waits for the one before.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (local $value f64)
    (local.set $value (f64.const 1e9))
    (loop $for-ever
      (local.set $value
        (f64.sqrt (f64.div (f64.const 1e9) (f64.sqrt (f64.div (f64.const 1e9) (f64.sqrt (f64.div (f64.const 1e9)
          (f64.sqrt (f64.div (f64.const 1e9) (f64.sqrt (f64.div (f64.const 1e9) (local.get $value))))))))))))
      (br_if $for-ever (f64.gt (local.get $value) (f64.const 0))))
    (i32.const 0)
    (i32.const 0)))
