;;! world = message-handler
;; Grows its memory page by page and writes a data segment to the end of each page, so that every page is
;; touched. Where no page is to be had it writes the segment all the same, which traps.
(module
  ;;! include = handler.wat
  (memory (export "memory") 1)
  (data $segment "data segment....")
  (func $deed (param i32 i32) (result i32 i32)
    (loop $again
      (drop (memory.grow (i32.const 1)))
      (memory.init $segment
        (i32.sub (i32.mul (global.get $pages) (i32.const 65536)) (i32.const 16))
        (i32.const 0)
        (i32.const 16))
      (global.set $pages (i32.add (global.get $pages) (i32.const 1)))
      (br $again))
    (unreachable))
  ;; Pages that it believes to have.
  (global $pages (mut i32) (i32.const 2)))
