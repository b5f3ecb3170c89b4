//! What ends a life. None of the deeds returns on a host that keeps its limits.

use std::hint::black_box;

use crate::airssys::core::services;

/// Longer than any call may take.
const OVERSLEEP_MS: u64 = 60_000;
const BLOCK_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy)]
pub(crate) enum Deed {
    LoopForEver,
    Oversleep,
    EatMemory,
    Recurse,
}

impl Deed {
    /// The deed of the life that follows so many restarts.
    pub(crate) fn of_life(restarts: u64) -> Self {
        match restarts % 4 {
            0 => Self::LoopForEver,
            1 => Self::Oversleep,
            2 => Self::EatMemory,
            _ => Self::Recurse,
        }
    }

    pub(crate) fn perform(self) {
        match self {
            Self::LoopForEver => loop {
                black_box(());
            },
            Self::Oversleep => services::sleep(OVERSLEEP_MS),
            // The allocation that fails ends the program, as it does in any other.
            Self::EatMemory => loop {
                black_box(Vec::<u8>::with_capacity(BLOCK_BYTES).leak());
            },
            Self::Recurse => {
                black_box(recurse(black_box(1)));
            }
        }
    }
}

/// What is done with the result is no part of an accumulation, so that the calls cannot be turned
/// into a loop, and none of it needs memory of its own: it is the stack of calls that overflows.
fn recurse(depth: u64) -> u64 {
    if depth == 0 {
        return 0;
    }
    recurse(depth.wrapping_add(2)).rotate_left(5) ^ depth
}
