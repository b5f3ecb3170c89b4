  ;; The exports of `airssys:core/handler`, for guests whose deed is a few instructions. A guest
  ;; that includes this defines the memory "memory" and the function $deed, which gets a message's
  ;; data and returns the data of the reply. A message `ping` is answered with `pong`.
  ;;
  ;; 16..44 is the result of handle-message, 48 the text `pong`, $heap the end of what the host
  ;; passed with this call. Nothing is kept from one call to the next.

  (global $heap (mut i32) (i32.const 1024))
  (data (i32.const 48) "pong")

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32)
        (result i32)
    (local $start i32)
    (local.set $start
      (i32.and
        (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $start) (local.get $size)))
    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i32.eq
              (memory.grow
                (i32.add
                  (i32.sub (i32.shr_u (global.get $heap) (i32.const 16)) (memory.size))
                  (i32.const 1)))
              (i32.const -1))
          (then (unreachable)))))
    (if (local.get $old-size)
      (then (memory.copy (local.get $start) (local.get $old) (local.get $old-size))))
    (local.get $start))

  (func $handle-message (export "airssys:core/handler@0.1.0#handle-message")
        (param $sender i32) (param $sender-length i32) (param $is-request i32) (param $correlation i64)
        (param $is-published i32) (param $topic i32) (param $topic-length i32)
        (param $data i32) (param $length i32) (param $is-typed i32) (param $type i32) (param $type-length i32)
        (result i32)
    (global.set $heap (i32.const 1024))
    (if (result i32 i32)
        (if (result i32) (i32.eq (local.get $length) (i32.const 4))
          (then (i32.eq (i32.load align=1 (local.get $data)) (i32.const 0x676e6970)))
          (else (i32.const 0)))
      (then (i32.const 48) (i32.const 4))
      (else (call $deed (local.get $data) (local.get $length))))
    (local.set $length)
    (local.set $data)
    (i32.store (i32.const 16) (i32.const 0))                  ;; ok
    (i32.store (i32.const 20) (i32.const 1))                  ;; some
    (i32.store (i32.const 24) (local.get $data))
    (i32.store (i32.const 28) (local.get $length))
    (i32.store (i32.const 32) (i32.const 0))                  ;; no content type
    (i32.const 16))

  (func (export "airssys:core/handler@0.1.0#handle-callback")
    (param i64 i32 i32 i32 i64 i32 i32))
