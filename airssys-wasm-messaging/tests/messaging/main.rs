//! Mailboxes, the room in them, the way to them, and what payloads are in.

mod admission;
mod answers;
mod cluster;
mod codec;
mod mailbox;
mod model;
mod player;
mod publication;
mod refusals;
mod requests;
mod room;
mod router;
mod support;
mod talk;
mod turns;
