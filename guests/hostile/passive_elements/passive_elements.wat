;; Three hundred thousand passive elements of a byte each: the engine writes a function that stores every one of
;; them.
(component
  (core module
    (func $f)
    (elem func
      ;;! repeat = 300000
      $f
      ;;! end
    )))
