//! The rows of the table, by what they attack.

mod load;
mod log;
mod memory;
mod processor;
mod rights;
mod stack;
mod start;
mod trap;

use crate::attack::Attack;

/// Every attack, in the order of the table.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    [
        processor::ATTACKS,
        memory::ATTACKS,
        stack::ATTACKS,
        start::ATTACKS,
        load::ATTACKS,
        rights::ATTACKS,
        log::ATTACKS,
        trap::ATTACKS,
    ]
    .concat()
}
