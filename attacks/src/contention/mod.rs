//! Limits under contention: what a crowd of hostile guests costs everybody else, measured.
//!
//! The attacks of `rows` each try one limit alone. Here twice as many guests compute as there are processors, and
//! the figures are those of the others. They mean something only in an optimised build.

use crate::attack::Attack;

/// Every measurement, in the order of the table.
#[must_use]
pub fn measurements() -> Vec<Attack> {
    Vec::new()
}
