;; A type of a component within a type of a component, two thousand levels deep, in six kilobytes: whoever reads it
;; by calling itself for each level runs out of stack.
(component binary
  "\00asm\0d\00\01\00"
  ;; The section of types, its length, and how many types there are in it.
  "\07\f3\2e\01"
  ;; A component type of one declaration, which is a type.
  ;;! repeat = 2000
  "\41\01\01"
  ;;! end
  "\41\00")
