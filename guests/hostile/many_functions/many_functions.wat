;; More functions than a component may have, of three bytes each, in twenty modules, and as much data as makes the file
;; so large that their work alone is not too much for it.
(component
  ;;! repeat = 20
  (core module
    (type $t (func))
    ;;! repeat = 6600
    (func (type $t))
    ;;! end
  )
  ;;! end
  (core module
    (data
      ;;! repeat = 60000
      "\00\00\00\00\00\00\00\00\00\00"
      ;;! end
    )))
