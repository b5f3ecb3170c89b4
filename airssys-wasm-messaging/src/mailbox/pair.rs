//! Making a mailbox, and what pushing into it gives.

use std::sync::Arc;

use crate::envelope::Envelope;
use crate::mailbox::owner::MailboxReceiver;
use crate::mailbox::queue::Shared;
use crate::mailbox::sender::MailboxSender;
use crate::mailbox::warning::MailboxWarning;
use airssys_wasm_core::MailboxConfig;

/// Makes mailboxes.
///
/// ```
/// use airssys_wasm_core::{MailboxConfig, SendError};
/// use airssys_wasm_messaging::{Envelope, Mailbox};
///
/// let (sender, mut receiver) = Mailbox::new(&MailboxConfig { capacity: 1, ..MailboxConfig::default() });
/// let from: airssys_wasm_core::Address = "logs/tail/0".parse()?;
/// assert!(sender.try_push(Envelope::new(from.clone(), "one".into())).is_ok());
/// let refused = sender.try_push(Envelope::new(from, "two".into()));
/// assert_eq!(refused.err().map(|(error, _)| error), Some(SendError::Full));
/// assert!(receiver.try_next().is_some());
/// assert_eq!(sender.depth(), 0);
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Mailbox;

impl Mailbox {
    /// An empty mailbox: its senders' side, which can be cloned, and its owner's side. A capacity
    /// of zero is taken as one.
    #[expect(clippy::new_ret_no_self, reason = "a mailbox is its two sides, as a channel is")]
    #[must_use]
    pub fn new(config: &MailboxConfig) -> (MailboxSender, MailboxReceiver) {
        let shared = Arc::new(Shared::new(config));
        let receiver = MailboxReceiver::new(Arc::clone(&shared));
        (MailboxSender::new(shared), receiver)
    }
}

/// What became of an accepted message besides being queued.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Pushed {
    /// What was dropped to make room, oldest first; only with
    /// [`Overflow::DropOldest`](airssys_wasm_core::Overflow::DropOldest).
    pub dropped: Vec<Envelope>,
    /// That the mailbox is nearly full, where this message is the first to bring it there.
    pub warning: Option<MailboxWarning>,
}
