//! Files of the host, as far as a component may reach them: `wasi:filesystem`.
//!
//! Invariant: the engine's own sandbox resolves every path. What is added here is what it leaves open: each
//! operation runs on a thread of ours, of which an instance holds few, every handle counts against a bound, a path
//! has a longest length, a large folder is read in parts, only regular files and folders are opened, and whoever
//! was refused is told of.

mod descriptor;
mod error;
mod grant;
mod handle;
mod host;
mod listing;
mod mounts;
mod opening;
mod output;
mod reader;
mod sandbox;
mod threads;
mod work;

pub(crate) use grant::{Folders, ProtectedFolders};
pub(crate) use handle::FileAccess;
pub(crate) use host::bound_files;
pub(crate) use threads::FileThreads;
pub use work::FileWork;
