;;! world = message-handler
;; Sixteen tables, all of them empty: what each instance takes of the engine's pool is far more than what it
;; declares. Any message but `ping` traps, so that the instance is made anew.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (table 0 funcref)
  (func $deed (param i32 i32) (result i32 i32)
    (unreachable)))
