;; Fifteen types that share their parts, so that the last is sixty thousand of them, and a function of that type which
;; nine hundred instances are given: for each the type is compared with itself, part by part. None of that is
;; instantiated.
(component
  (type $t0 (tuple f32 f32))
  (type $t1 (tuple $t0 $t0))
  (type $t2 (tuple $t1 $t1))
  (type $t3 (tuple $t2 $t2))
  (type $t4 (tuple $t3 $t3))
  (type $t5 (tuple $t4 $t4))
  (type $t6 (tuple $t5 $t5))
  (type $t7 (tuple $t6 $t6))
  (type $t8 (tuple $t7 $t7))
  (type $t9 (tuple $t8 $t8))
  (type $t10 (tuple $t9 $t9))
  (type $t11 (tuple $t10 $t10))
  (type $t12 (tuple $t11 $t11))
  (type $t13 (tuple $t12 $t12))
  (type $t14 (tuple $t13 $t13))
  (component $c
    (alias outer 1 $t14 (type $t))
    (import "f" (func (param "n" $t))))
  (component
    (alias outer 1 $t14 (type $t))
    (alias outer 1 $c (component $c))
    (import "f" (func $f (param "n" $t)))
    ;;! repeat = 900
    (instance (instantiate $c (with "f" (func $f))))
    ;;! end
  ))
