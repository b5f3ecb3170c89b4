;;! world = message-handler
;; Sixteen memories, all but one of them empty: what each instance takes of the engine's pool is far more than what
;; it declares. Any message but `ping` traps, so that the instance is made anew.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (memory 0)
  (func $deed (param i32 i32) (result i32 i32)
    (unreachable)))
