;; Thirty thousand empty loops, one after the other, in ninety kilobytes: at the beginning of each the compiler looks at
;; fuel and deadlines.
(component
  (core module
    (func
      ;;! repeat = 30000
      loop
      end
      ;;! end
    )))
