;;! world = managed-handler
;; Loops for ever in `initialize`.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func (export "airssys:core/lifecycle@0.1.0#initialize") (param i32 i32) (result i32)
    (loop $again (br $again))
    (unreachable))
  (func (export "airssys:core/lifecycle@0.1.0#shutdown"))
  ;; Three empty texts, at a place that is always zero.
  (func (export "airssys:core/lifecycle@0.1.0#metadata") (result i32)
    (i32.const 128))
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
