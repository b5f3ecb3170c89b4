//! The mailbox: a queue bounded in messages and in bytes, with many senders and one owner.
//!
//! Senders push under a short lock. The owner takes the whole queue in one swap and then begins
//! message by message; what it took and has not begun still counts as waiting, so that the bounds
//! are exact. The counts have one writer each (senders write under the lock, the owner alone writes
//! what it began), so that the hot path has no contended read-modify-write.
//!
//! Answers to the owner's own requests lie beside the messages, in places of their own. A closed
//! mailbox takes no more messages; it takes answers for as long as its owner is there to read them.
//!
//! Invariant: waiting messages never exceed the capacity nor their bytes the bound, the message in
//! hand not counted; and whoever waits for a message or for room is woken, at the latest when the
//! mailbox closes.

mod answers;
mod owner;
mod pair;
mod queue;
mod sender;
mod warning;

pub use self::owner::MailboxReceiver;
pub use self::pair::{Mailbox, Pushed};
pub use self::sender::MailboxSender;
pub use self::warning::{MailboxBound, MailboxWarning};
