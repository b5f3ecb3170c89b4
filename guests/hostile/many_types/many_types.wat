;; A hundred thousand types of functions in thirty-five modules, and not one function: the engine writes a function for
;; each type that differs from the others. How many do is not told before.
(component
  ;;! repeat = 35
  (core module
    ;;! repeat = 3000
    (type (func))
    ;;! end
  )
  ;;! end
)
