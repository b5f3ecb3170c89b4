;;! world = message-handler
;; Goes as deep as it can and computes when it comes back, without a loop and without a call: compiled code looks at
;; fuel and time where functions and loops begin, and there is neither on the way.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (global $sum (mut f64) (f64.const 0))
  (func $deed (param i32 i32) (result i32 i32)
    (call $deeper (i32.const 4000))
    (i32.const 0)
    (i32.const 0))
  (func $deeper (param $left i32)
    (if (local.get $left)
      (then (call $deeper (i32.sub (local.get $left) (i32.const 1)))))
    (f64.convert_i32_u (local.get $left))
    ;;! repeat = 60000
    f64.sqrt
    ;;! end
    global.set $sum))
