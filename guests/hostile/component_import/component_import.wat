;; A component that is handed on to another one, which instantiates it again and again: how often in all cannot be
;; told from the other one alone.
(component
  (component $many
    (import "each" (component $each))
    ;;! repeat = 900
    (instance (instantiate $each))
    ;;! end
  )
  (component $leaf
    (core module $nothing)
    ;;! repeat = 900
    (core instance (instantiate $nothing))
    ;;! end
  )
  (instance (instantiate $many (with "each" (component $leaf)))))
