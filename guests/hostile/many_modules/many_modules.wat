;; More core modules than a file may have, all of them empty and none of them instantiated.
(component
  (component
    ;;! repeat = 600
    (core module)
    ;;! end
  )
  (component
    ;;! repeat = 600
    (core module)
    ;;! end
  ))
