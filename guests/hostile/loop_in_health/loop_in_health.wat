;;! world = component
;; Loops for ever in `health`, and answers messages as if nothing were wrong.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (func (export "airssys:core/health@0.1.0#health") (result i32)
    (loop $again (br $again))
    (unreachable))
  ;; What the others return is at a place that is always zero: `ok`, and empty texts.
  (func (export "airssys:core/lifecycle@0.1.0#initialize") (param i32 i32) (result i32)
    (i32.const 128))
  (func (export "airssys:core/lifecycle@0.1.0#shutdown"))
  (func (export "airssys:core/lifecycle@0.1.0#metadata") (result i32)
    (i32.const 128))
  (func (export "airssys:core/migration@0.1.0#snapshot") (result i32)
    (i32.const 128))
  (func (export "airssys:core/migration@0.1.0#restore") (param i32 i32 i32 i32) (result i32)
    (i32.const 128))
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
