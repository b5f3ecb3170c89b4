;; A function whose name has 70,400 bytes. Were it to trap, as deep as it likes, each frame of the backtrace would hold
;; the name once more.
(component
  (core module
    (func $trap unreachable)
    (@custom "name" (after code)
      ;; One subsection, of function names; one name, of function 0.
      "\01\85\a6\04\01\00\80\a6\04"
      ;;! repeat = 1100
      "over-and-over-and-over-and-over-and-over-and-over-and-over-and-o"
      ;;! end
    )))
