//! The rows of the table, by what they attack.

mod bounds;
mod ceilings;
mod ending;
mod load;
mod log;
mod mailbox;
mod memory;
mod processor;
mod rights;
mod stack;
mod start;
mod traffic;
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
        ceilings::ATTACKS,
        bounds::ATTACKS,
        rights::ATTACKS,
        traffic::ATTACKS,
        mailbox::ATTACKS,
        ending::ATTACKS,
        log::ATTACKS,
        trap::ATTACKS,
    ]
    .concat()
}
