//! What the engine beneath does by itself, and beside each fact, on the same guest, that the danger in it does not
//! exist here. A change of engine that makes a fact untrue shows in these tests, and so does a limit of ours that
//! has come to rest on one.

mod bare;
mod causes;
mod engines;
mod fuel;
mod host_memory;
mod memory;
mod time;
