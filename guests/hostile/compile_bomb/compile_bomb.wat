;;! world = message-handler
;; One function whose calls carry five hundred values in and as many out: a few kilobytes, of which a compiler
;; makes gigabytes.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (type $make (func
    (result
      ;;! repeat = 500
      i32
      ;;! end
    )))
  (type $many (func
    (param
      ;;! repeat = 500
      i32
      ;;! end
    )
    (result
      ;;! repeat = 500
      i32
      ;;! end
    )))
  (func $make (type $make)
    ;;! repeat = 500
    i32.const 0
    ;;! end
  )
  (func $many (type $many)
    call $make)
  (func (type $make)
    call $make
    ;;! repeat = 4000
    call $many
    ;;! end
  )
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
