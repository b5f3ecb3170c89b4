;; Memories with a byte of data at their beginning and another one at their end, which the engine would write out with
;; all that lies between, a megabyte for each module of fifty bytes.
(component
  ;;! repeat = 500
  (core module
    (memory 16)
    (data (i32.const 0) "a")
    (data (i32.const 1048575) "z"))
  ;;! end
)
