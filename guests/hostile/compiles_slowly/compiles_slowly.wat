;;! world = message-handler
;; Functions that call others with five hundred values each, so that a few bytes are much work for a compiler. Each
;; is within what a function may be, and so are all together: it is compiled, and takes its time.
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
  ;;! repeat = 24
  (func (type $make)
    call $make
    ;;! repeat = 24
    call $many
    ;;! end
  )
  ;;! end
  (func $deed (param i32 i32) (result i32 i32)
    (i32.const 0)
    (i32.const 0)))
