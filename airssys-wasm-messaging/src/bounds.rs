//! The fixed bounds on what one instance can have under way with others, in one table.

/// Requests of one instance that wait for their answers, and answers that it has not read yet, together. Each
/// request has a place for its answer in the instance's own mailbox, beside the mailbox's capacity, and the answer
/// holds it until it is read: a full mailbox keeps no answer out, and answers take no room of messages.
pub const MAX_PENDING_REQUESTS: usize = 256;

/// What the answers that one instance has not read yet hold together, in bytes of replies and of handlers' errors; one
/// that is larger than that, as the instance may allow, has a place of its own beside them, and no second one such has.
/// An answer that says only why there is no reply holds nothing, and is never refused. Beside `mailbox.max_bytes` and not within it, because there
/// anybody who may send to a component could fill the room that its answers need.
pub const MAX_UNREAD_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Messages that one message may push out of a mailbox whose rule is `overflow = "drop-oldest"`. Where more would have
/// to go the message is refused as full: what a message weighs and what others weigh that make room for it has no fixed
/// ratio, and whoever sends it must not be held up, nor hold up others, by clearing away hundreds of thousands of small
/// ones.
pub const MAX_PUSHED_OUT: usize = 256;

/// Timers of one instance that have not fired.
pub const MAX_TIMERS: usize = 256;

/// What they hold together, in bytes of payloads and target names.
pub const MAX_TIMER_BYTES: usize = 1024 * 1024;

/// Patterns that one instance is subscribed to.
pub const MAX_SUBSCRIPTIONS: usize = 64;

/// What the host holds for an entry beside the bytes of what it says, in bytes at most: a message that waits, a
/// request, a timer, a subscription, a handle, and each segment
/// of the topic that a subscription is for. Its place in queues and maps, its way back, and what the allocator adds.
/// Measured against what is resident while a guest floods; nothing is refused by it.
pub const ENTRY_BYTES: usize = 320;

/// Publications that may wait in one stream of the host's, in number and in bytes. The oldest make room for new
/// ones, and the stream is told how many it missed.
pub const FEED_CAPACITY: usize = 1_024;
/// See [`FEED_CAPACITY`].
pub const FEED_MAX_BYTES: usize = 4 * 1024 * 1024;
