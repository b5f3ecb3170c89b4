;; A module with a hundred and twenty thousand passive elements, of which there are two hundred and forty instances:
;; each holds sixteen bytes for each element, half a gigabyte in a file of little more than a hundred kilobytes.
(component
  (core module $module
    (func $f)
    (elem func
      ;;! repeat = 120000
      $f
      ;;! end
    ))
  ;;! repeat = 240
  (core instance (instantiate $module))
  ;;! end
)
