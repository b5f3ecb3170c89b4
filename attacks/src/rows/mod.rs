//! The rows of the table, by what they attack.

#[cfg(unix)]
mod access;
mod answers;
mod audit;
mod boundary;
mod bounds;
mod bulk;
mod ceilings;
mod compilation;
mod ending;
mod exports;
mod holdings;
mod load;
mod log;
mod mailbox;
mod memory;
mod neighbours;
mod network;
mod pool;
mod processor;
mod publication;
mod resident;
mod rights;
mod stack;
mod start;
mod storage;
mod talk;
mod texts;
mod traffic;
mod trap;
mod typed;

use crate::attack::Attack;

pub(crate) use resident::FLOODS;

/// Every attack, in the order of the table.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    [
        processor::ATTACKS,
        boundary::ATTACKS,
        bulk::ATTACKS,
        memory::ATTACKS,
        stack::ATTACKS,
        start::ATTACKS,
        exports::ATTACKS,
        load::ATTACKS,
        compilation::ATTACKS,
        pool::ATTACKS,
        ceilings::ATTACKS,
        bounds::ATTACKS,
        holdings::ATTACKS,
        texts::ATTACKS,
        rights::ATTACKS,
        #[cfg(unix)]
        access::ATTACKS,
        network::ATTACKS,
        traffic::ATTACKS,
        mailbox::ATTACKS,
        talk::ATTACKS,
        answers::ATTACKS,
        publication::ATTACKS,
        storage::ATTACKS,
        ending::ATTACKS,
        log::ATTACKS,
        audit::ATTACKS,
        trap::ATTACKS,
        neighbours::ATTACKS,
        typed::ATTACKS,
        resident::ATTACKS,
    ]
    .concat()
}
