;;! world = managed-handler
;; Loops for ever in `shutdown`, so that a graceful stop does not come to its end.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  ;; `ok` and three empty texts, at a place that is always zero.
  (func (export "airssys:core/lifecycle@0.1.0#initialize") (param i32 i32) (result i32)
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#metadata") (result i32)
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#shutdown")
    (loop $again (br $again)))
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
