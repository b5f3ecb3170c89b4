;; While it starts, goes down as deep as the stack lets it, and asks for a random number again and again on its way back:
;; there no function begins and no loop, a number needs no handle, and no room has to be made for it.
(component
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))))
  (alias export $random "get-random-u64" (func $get-random))
  (core func $number (canon lower (func $get-random)))

  (core module $attacker
    (import "host" "number" (func $number (result i64)))
    (func $attack (param $deeper i32)
      (if (local.get $deeper)
        (then (call $attack (i32.sub (local.get $deeper) (i32.const 1)))))
      ;;! repeat = 4000
      (drop (call $number))
      ;;! end
    )
    (func $begin
      (call $attack (i32.const 4000)))
    (start $begin))
  (core instance (instantiate $attacker
    (with "host" (instance
      (export "number" (func $number)))))))
