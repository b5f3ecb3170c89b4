//! Mailboxes, the room in them, and the way to them.

mod mailbox;
mod model;
mod requests;
mod room;
mod router;
mod support;
