//! Which errors of the sandbox are refusals by right, and errors of streams that keep their code.

use thiserror::Error;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, StreamError};

use super::work::Unfinished;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("the folder was granted to be read and no more")]
    ReadOnly,
    #[error("it leads outside of what was granted, or the system itself forbids it")]
    Outside,
    #[error("the system itself forbids it")]
    System,
    #[error("it is neither a regular file nor a folder")]
    Special,
}

impl Refusal {
    /// Whether an error is a refusal by right; `is_change` where a folder that is only read refuses it anyway.
    pub(super) fn of(error: &FsError, is_change: bool) -> Option<Self> {
        match error.downcast_ref()? {
            ErrorCode::NotPermitted | ErrorCode::ReadOnly if is_change => Some(Self::ReadOnly),
            ErrorCode::NotPermitted | ErrorCode::ReadOnly => Some(Self::Outside),
            ErrorCode::Access => Some(Self::System),
            _ => None,
        }
    }
}

/// The error of a stream, which the guest can ask for its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0:?}")]
pub(super) struct StreamFault(pub(super) ErrorCode);

/// What a guest is told of an operation that did not come to its end.
pub(super) fn unfinished(_: Unfinished) -> FsError {
    ErrorCode::Io.into()
}

/// What a stream tells of it.
pub(super) fn unfinished_stream(_: Unfinished) -> StreamError {
    StreamError::LastOperationFailed(StreamFault(ErrorCode::Io).into())
}

/// What a stream tells of an operation of the sandbox.
pub(super) fn stream_error(error: FsError) -> StreamError {
    match error.downcast_ref().copied() {
        Some(code) => StreamError::LastOperationFailed(StreamFault(code).into()),
        None => StreamError::Trap(error.into()),
    }
}
