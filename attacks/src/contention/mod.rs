//! Limits under contention: what a crowd of hostile guests costs everybody else, measured.
//!
//! The attacks of `rows` each try one limit alone. Here twice as many guests compute as there are processors, and
//! the figures are those of the others: they mean something in an optimised build only.
//!
//! Invariant: a machine that is busy with other things only ever makes a figure worse. So a time is judged by
//! the best of a few rounds, beside a thread of the operating system that tells how late the machine itself was.

mod callers;
mod control;
mod deadline;
mod distribution;
mod false_kills;
mod footprint;
mod neighbour;
mod rounds;
mod runaways;
mod shares;
mod soak;
mod storm;
mod timers;

use crate::attack::Attack;

/// What measurements this system has no means for, and why; none where all are made.
pub const LEFT_OUT: Option<&str> = if cfg!(target_os = "linux") {
    None
} else {
    Some("the soak is left out: what the process holds is read from /proc, which only Linux has")
};

/// Every measurement, in the order of the table.
#[must_use]
pub fn measurements() -> Vec<Attack> {
    let soak = if LEFT_OUT.is_none() { soak::MEASUREMENTS } else { &[] };
    [
        deadline::MEASUREMENTS,
        neighbour::MEASUREMENTS,
        timers::MEASUREMENTS,
        storm::MEASUREMENTS,
        shares::MEASUREMENTS,
        false_kills::MEASUREMENTS,
        soak,
    ]
    .concat()
}
