;; Tables that begin with almost all the elements that the engine writes out when it compiles, of which one alone is
;; set: each module is a hundred bytes long, and makes megabytes. None of them is instantiated.
(component
  ;;! repeat = 120
  (core module
    (table 10000 funcref)
    (elem (i32.const 9999) func $nothing)
    (func $nothing))
  ;;! end
)
