;; Functions of three bytes with five hundred results each, which can be called from elsewhere: into each the engine
;; writes a way that hands over as many.
(component
  ;;! repeat = 50
  (core module
    (type $many (func
      (result
        ;;! repeat = 500
        i32
        ;;! end
      )))
    (func $f0 (type $many) unreachable)
    (func $f1 (type $many) unreachable)
    (func $f2 (type $many) unreachable)
    (func $f3 (type $many) unreachable)
    (func $f4 (type $many) unreachable)
    (func $f5 (type $many) unreachable)
    (func $f6 (type $many) unreachable)
    (func $f7 (type $many) unreachable)
    (func $f8 (type $many) unreachable)
    (func $f9 (type $many) unreachable)
    (func $f10 (type $many) unreachable)
    (func $f11 (type $many) unreachable)
    (func $f12 (type $many) unreachable)
    (func $f13 (type $many) unreachable)
    (func $f14 (type $many) unreachable)
    (func $f15 (type $many) unreachable)
    (func $f16 (type $many) unreachable)
    (func $f17 (type $many) unreachable)
    (func $f18 (type $many) unreachable)
    (func $f19 (type $many) unreachable)
    (func $f20 (type $many) unreachable)
    (func $f21 (type $many) unreachable)
    (func $f22 (type $many) unreachable)
    (func $f23 (type $many) unreachable)
    (func $f24 (type $many) unreachable)
    (func $f25 (type $many) unreachable)
    (func $f26 (type $many) unreachable)
    (func $f27 (type $many) unreachable)
    (func $f28 (type $many) unreachable)
    (func $f29 (type $many) unreachable)
    (func $f30 (type $many) unreachable)
    (func $f31 (type $many) unreachable)
    (elem declare func
      $f0 $f1 $f2 $f3 $f4 $f5 $f6 $f7 $f8 $f9 $f10 $f11 $f12 $f13 $f14 $f15
      $f16 $f17 $f18 $f19 $f20 $f21 $f22 $f23 $f24 $f25 $f26 $f27 $f28 $f29 $f30 $f31))
  ;;! end
)
