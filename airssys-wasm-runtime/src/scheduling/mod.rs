//! Long calls leave the threads that serve short ones.
//!
//! A call that computes for longer than a slice moves, with the future that owns its store, to threads of its
//! own, which the operating system prefers less. There all long calls take turns, one slice each, in one
//! queue, so that guests get equal shares of time, whatever they compute. What has been long once begins its next call
//! there, until one is short again: the rule of multilevel feedback queues (Corbató, Merwin-Daggett and Daley, *An
//! Experimental Time-Sharing System*, 1962). A guest whose calls all end just before they are long is found by what they
//! take together.
//!
//! So a short message never waits for a long computation: the operating system interrupts the one for the
//! other, within microseconds, where a cooperative scheduler would wait for the end of a slice.

mod conduct;
mod lane;
mod movable;
mod overdue;
mod threads;

pub(crate) use conduct::Conduct;
pub use lane::CallLane;
pub(crate) use lane::nanos;
pub(crate) use movable::Movable;
pub use overdue::OverdueCall;
pub(crate) use threads::LongCallThreads;
