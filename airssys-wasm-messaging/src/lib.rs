//! Bounded mailboxes, the router that leads to them, and the replies that come back.
//!
//! A message goes from a [`RouterLink`] through the guard into the receiver's mailbox, which its one
//! owner empties through a [`MailboxReceiver`]. Whatever is accepted is handled, or dead-lettered
//! where its fate can be counted; a requester always hears something.
//!
//! Invariant: this crate knows neither the engine nor how a component runs, keeps every queue
//! bounded, and holds no lock across an await.
//!
//! ```
//! use std::sync::Arc;
//!
//! use airssys_wasm_core::{Address, Admission, ComponentId, Guard, MailboxConfig, SendError};
//! use airssys_wasm_messaging::{Mailbox, RegisterOptions, Router};
//!
//! #[derive(Debug)]
//! struct Open;
//!
//! impl Admission for Open {
//!     fn admit(&self, _weight: usize) -> Result<(), SendError> {
//!         Ok(())
//!     }
//! }
//!
//! impl Guard for Open {
//!     fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
//!         Ok(Arc::new(Open))
//!     }
//! }
//!
//! let router = Router::new(Arc::new(Open));
//! let (sender, mut receiver) = Mailbox::new(&MailboxConfig::default());
//! router.register(ComponentId::new("logs", "parser", "0")?, sender, RegisterOptions::default());
//!
//! router.send_from_host(&Address::host("cli")?, &"logs/parser".parse()?, "a line".into(), None)?;
//! let envelope = receiver.try_next().ok_or("a message")?;
//! assert_eq!(envelope.payload.bytes().as_ref(), b"a line");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod bounds;

mod codec;

mod correlation;
mod dead_letters;
mod envelope;
mod mailbox;
mod reply;

mod turn;

mod backlog;
mod desk;
mod pending;
mod quota;
mod slab;
mod timers;
mod wheel;

mod counters;
mod directory;
mod link;
mod router;

mod call;
mod waits;

mod feed;
mod publication;
mod receipts;
mod topics;

pub use crate::bounds::{
    ENTRY_BYTES, FEED_CAPACITY, FEED_MAX_BYTES, MAX_PENDING_REQUESTS, MAX_PUSHED_OUT, MAX_SUBSCRIPTIONS,
    MAX_TIMER_BYTES, MAX_TIMERS, MAX_UNREAD_ANSWER_BYTES,
};
pub use crate::codec::{
    CodecError, MAX_BORSH_STACK_BYTES, MAX_CODEC_BYTES, MAX_CODEC_DEPTH, decode_multicodec,
    encode_multicodec, from_borsh, from_cbor, from_json, to_borsh, to_cbor, to_json,
};
pub use crate::correlation::CorrelationSource;
pub use crate::counters::{RouterCounters, TrafficCounters, TrafficSnapshot};
pub use crate::dead_letters::{DeadLetter, DeadLetterCause, DeadLetterObserver, DeadLetters};
pub use crate::desk::{DeskSnapshot, DeskView};
pub use crate::envelope::{Answer, Envelope, EnvelopeKind};
pub use crate::feed::{Published, TopicStream};
pub use crate::link::RouterLink;
pub use crate::mailbox::{Mailbox, MailboxBound, MailboxReceiver, MailboxSender, MailboxWarning, Pushed};
pub use crate::quota::{Quota, QuotaWarning};
pub use crate::reply::{Reply, ReplySlot, ReplyWait};
pub use crate::router::{
    Denial, DenialObserver, MailboxObserver, RegisterOptions, Router, RouterOptions, TopicDenial,
};
pub use crate::timers::TimerDriver;
