//! The export of `health`, in the text format.

/// Exports `health` of the core instance `$main`.
pub(crate) const HEALTH_EXPORT: &str = r#"
  (type $status (variant (case "healthy") (case "degraded" string) (case "unhealthy" string)))
  (alias core export $main "memory" (core memory $answers))
  (func $health (result $status) (canon lift (core func $main "health") (memory $answers)))
  (component $shim
    (type $inner (variant (case "healthy") (case "degraded" string) (case "unhealthy" string)))
    (import "import-type-health-status" (type $imported (eq $inner)))
    (import "import-func-health" (func $f (result $imported)))
    (type $outer (variant (case "healthy") (case "degraded" string) (case "unhealthy" string)))
    (export $exported "health-status" (type $outer))
    (export "health" (func $f) (func (result $exported))))
  (instance $interface (instantiate $shim
    (with "import-type-health-status" (type $status))
    (with "import-func-health" (func $health))))
  (export "airssys:core/health@0.1.0" (instance $interface))
"#;
