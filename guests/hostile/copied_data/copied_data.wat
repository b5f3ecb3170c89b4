;; Thirty thousand segments of a byte of data each, in a memory that is another module's: the engine writes a
;; function that copies one after the other, and looks at fuel and deadlines before each.
(component
  (core module
    (import "a" "m" (memory 1))
    ;;! repeat = 30000
    (data (i32.const 0) "x")
    ;;! end
  ))
