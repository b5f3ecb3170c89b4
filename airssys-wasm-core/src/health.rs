//! How a component says it is.

/// The answer to a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works with less than it should have. Reported, never counted against it.
    Degraded(String),
    /// It does not work. Several in a row restart it.
    Unhealthy(String),
}
