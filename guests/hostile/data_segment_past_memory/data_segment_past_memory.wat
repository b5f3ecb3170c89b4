;;! world = message-handler
;; Has a data segment that lies far beyond its memory, so that instantiation itself writes out of bounds.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (data (i32.const 0x7fff0000) "beyond")
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
