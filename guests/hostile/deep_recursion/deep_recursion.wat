;;! world = message-handler
;; Calls itself without end. What follows the call keeps it from being a jump.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.wrap_i64 (call $deeper (i64.const 0))))
  (func $deeper (param $depth i64) (result i64)
    (i64.xor
      (local.get $depth)
      (call $deeper (i64.add (local.get $depth) (i64.const 1))))))
