;; Components within components, each of which instantiates the one within it eight times: a few hundred bytes, and
;; when they are unfolded some billions of instances.
(component
  (component $c10
    (component $c9
      (component $c8
        (component $c7
          (component $c6
            (component $c5
              (component $c4
                (component $c3
                  (component $c2
                    (component $c1
                      (component $c0 (core module $m) (core instance (instantiate $m)))
                      ;;! repeat = 8
                      (instance (instantiate $c0))
                      ;;! end
                    )
                    ;;! repeat = 8
                    (instance (instantiate $c1))
                    ;;! end
                  )
                  ;;! repeat = 8
                  (instance (instantiate $c2))
                  ;;! end
                )
                ;;! repeat = 8
                (instance (instantiate $c3))
                ;;! end
              )
              ;;! repeat = 8
              (instance (instantiate $c4))
              ;;! end
            )
            ;;! repeat = 8
            (instance (instantiate $c5))
            ;;! end
          )
          ;;! repeat = 8
          (instance (instantiate $c6))
          ;;! end
        )
        ;;! repeat = 8
        (instance (instantiate $c7))
        ;;! end
      )
      ;;! repeat = 8
      (instance (instantiate $c8))
      ;;! end
    )
    ;;! repeat = 8
    (instance (instantiate $c9))
    ;;! end
  )
  ;;! repeat = 8
  (instance (instantiate $c10))
  ;;! end
)
