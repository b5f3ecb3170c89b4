;; Imports two interfaces that no host of this project has. Both have to be named when it is refused.
(component
  (import "acme:weather/forecast@1.2.0" (instance
    (export "tomorrow" (func (result string)))))
  (import "acme:weather/history@1.2.0" (instance
    (export "yesterday" (func (result string))))))
