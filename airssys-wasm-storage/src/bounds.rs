//! The fixed bounds of the store, in one table. A component's quota is not here: the manifest sets it.

use std::time::Duration;

/// Longest key in bytes of UTF-8; the shortest has one. Long enough for a path, and many fit one page of the file.
pub const MAX_KEY_BYTES: usize = 512;

/// Largest value in bytes. What one component has under way is held in memory, one value at a time.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Keys of one component. Each takes room in the file beside its bytes, which a quota of bytes alone would not bound.
pub const MAX_KEYS: u64 = 65_536;

/// What one listing may hold in bytes: each key counts as its own bytes and [`LISTED_KEY_BYTES`].
pub const MAX_LISTING_BYTES: usize = 1024 * 1024;

/// What a listed key takes in memory beside its bytes, on the host and in the guest.
pub const LISTED_KEY_BYTES: usize = 32;

/// Changes that wait for the one thread that writes, in bytes: of keys and values, and [`CHANGE_BYTES`] for each
/// change. What waits is written in one transaction, so that this bounds a transaction too, and is no more than
/// the share of the cache that is kept for what is not yet written. Who finds no room waits for its turn.
pub const MAX_WAITING_CHANGE_BYTES: usize = 8 * 1024 * 1024;

/// What a change counts for beside its key and values: the pages that it dirties are more than its own bytes.
pub const CHANGE_BYTES: usize = 4096;

/// Reads that wait for the threads that read. Each component has one at most, so that this is met only by a crowd
/// of components; the next ones wait for their turn.
pub const MAX_WAITING_READS: usize = 1024;

/// Threads that read. Two, so that one slow read of a disk does not hold up all others.
pub const READERS: usize = 2;

/// The cache of pages in bytes, half of it at most for pages that are not yet written.
pub const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// How long an observer that was told of a failure hears of no other one, unless it lasts. On a nearly full disk what
/// guests ask for decides by turns whether the store fails.
pub(crate) const TOLD_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of one part of a value. A part and its key fill one page of the file, so that all pages are of one size: a
/// file of such pages never has room that no value fits.
pub(crate) const PART_BYTES: usize = 4_064;

/// Pieces of memory that a store without a file takes when they are first written, in bytes.
pub(crate) const MEMORY_CHUNK_BYTES: usize = 64 * 1024;
