//! Why a call ended, from what the engine says of it.
//!
//! Causes come from the types of errors, never from their texts.

use std::char::DecodeUtf16Error;
use std::io;
use std::str::Utf8Error;
use std::string::FromUtf8Error;

use thiserror::Error;
use wasmtime::component::ResourceTableError;
use wasmtime::error::OutOfMemory;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use airssys_wasm_core::{EndCause, FuelMetrics, TrapKind};

use crate::bounds::{MAX_BACKTRACE_BYTES, MAX_BACKTRACE_FRAMES, MAX_COMPONENT_HANDLES};
use crate::deadline::Interruption;
use crate::text::{cut, head};

/// A call that ended its instance.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{cause}")]
pub struct CallFailure {
    /// Why.
    pub cause: EndCause,
    /// What the call consumed: exact when it ran out of fuel, otherwise a lower bound within
    /// [`FUEL_INTERVAL`](crate::FUEL_INTERVAL) units.
    pub fuel: FuelMetrics,
}

/// What the host knows of a call beside the engine's error.
pub(crate) struct Circumstances {
    pub(crate) fuel: FuelMetrics,
    /// Whether the guest passed its budget, although the engine may not have looked since.
    pub(crate) is_fuel_passed: bool,
    pub(crate) timeout_ms: u64,
    pub(crate) max_memory_bytes: u64,
    pub(crate) denied_growth: Option<u64>,
}

impl Circumstances {
    /// The cause of a call that the host ended: out of fuel before timeout. Who ends an instance by hand is told so.
    pub(crate) fn interrupted(&self, interruption: Interruption) -> EndCause {
        match interruption {
            Interruption::Timeout if self.is_fuel_passed => EndCause::OutOfFuel(self.fuel),
            Interruption::Timeout => {
                EndCause::Timeout { timeout_ms: self.timeout_ms, fuel_consumed: self.fuel.consumed() }
            }
            Interruption::Killed => EndCause::Killed,
        }
    }

    /// The cause of a call that the engine ended: out of fuel before timeout, before out of memory,
    /// before any other trap.
    ///
    /// `has_no_handle_left` is asked only where the engine gives a plain message.
    pub(crate) fn trapped(
        &self,
        error: &wasmtime::Error,
        has_no_handle_left: impl FnOnce() -> bool,
    ) -> EndCause {
        if let Some(interruption) = error.downcast_ref::<Interruption>() {
            return self.interrupted(*interruption);
        }
        let trap = error.downcast_ref::<Trap>();
        if trap == Some(&Trap::OutOfFuel) || self.is_fuel_passed {
            return EndCause::OutOfFuel(self.fuel);
        }
        // What the engine says beside it is a plain message, too.
        if trap.is_none() && is_of_the_system(error) {
            return EndCause::HostFailure { detail: first_line(error) };
        }
        if trap.is_none() && is_plain(error) && has_no_handle_left() {
            return EndCause::HostLimit { detail: format!("more than {MAX_COMPONENT_HANDLES} handles") };
        }
        let kind = match trap {
            Some(trap) => trap_kind(*trap),
            None => match error_kind(error) {
                Some(kind) => kind,
                None => return EndCause::HostLimit { detail: first_line(error) },
            },
        };
        if let Some(requested_bytes) = self.denied_growth {
            return EndCause::OutOfMemory { max_bytes: self.max_memory_bytes, requested_bytes };
        }
        EndCause::Trap { kind, backtrace: backtrace(error) }
    }
}

fn trap_kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::StackOverflow => TrapKind::StackOverflow,
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => TrapKind::Table,
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
            TrapKind::Arithmetic
        }
        Trap::CannotEnterComponent
        | Trap::CannotLeaveComponent
        | Trap::InvalidChar
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => TrapKind::ComponentModel,
        _ => TrapKind::Other,
    }
}

/// The kind of an error of the engine that is no trap, none where it is a bound of the engine.
///
/// Values that a guest hands over in a wrong form are reported by the engine as plain messages or as
/// errors of text decoding; its bound on copies, a full resource table and too many random bytes have types of their
/// own, of which the first is the engine's secret: what is none of the others is taken for it, but for what the
/// system or the pool refused the host. Its bound on component-model handles is a plain message as well, and is told by
/// asking the store. Errors of an embedder's host functions are told as a host limit, unless they are plain messages
/// or errors of the system.
fn error_kind(error: &wasmtime::Error) -> Option<TrapKind> {
    if error.is::<I32Exit>() {
        Some(TrapKind::Exit)
    } else if error.is::<ResourceTableError>() {
        match error.downcast_ref::<ResourceTableError>() {
            Some(ResourceTableError::Full) => None,
            _ => Some(TrapKind::ComponentModel),
        }
    } else if is_plain(error)
        || error.is::<Utf8Error>()
        || error.is::<FromUtf8Error>()
        || error.is::<DecodeUtf16Error>()
    {
        Some(TrapKind::ComponentModel)
    } else {
        None
    }
}

/// Whether a call failed by the host, and by no trap of the guest.
pub(crate) fn is_of_the_host(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<Trap>().is_none() && is_of_the_system(error)
}

/// Whether it is the host that could not go on, which is no fault of the guest: a mapping, a descriptor or a place in
/// the pool was not to be had.
fn is_of_the_system(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
        || error.is::<OutOfMemory>()
        || error.chain().any(|cause| cause.is::<io::Error>() || is_errno(cause))
}

/// What the engine's own calls of the system come back with.
#[cfg(target_os = "linux")]
fn is_errno(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.is::<rustix::io::Errno>()
}

/// Elsewhere they come back with the standard library's error.
#[cfg(not(target_os = "linux"))]
fn is_errno(_: &(dyn std::error::Error + 'static)) -> bool {
    false
}

/// Whether the engine says it by a message alone.
fn is_plain(error: &wasmtime::Error) -> bool {
    error.is::<String>() || error.is::<&'static str>()
}

fn first_line(error: &wasmtime::Error) -> String {
    let mut text = error.root_cause().to_string();
    cut(&mut text, 256);
    text
}

/// The guest's call stack, innermost frame first, one frame a line.
///
/// Names are the guest's and as long as it likes, so that they are cut before anything is made of them.
fn backtrace(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let mut text = String::new();
    for (number, frame) in trace.frames().iter().take(MAX_BACKTRACE_FRAMES).enumerate() {
        let name = frame.func_name().map_or_else(
            || format!("<function {}>", frame.func_index()),
            |name| format!("{:#}", rustc_demangle::demangle(head(name, LOOKED_AT_BYTES))),
        );
        let module = head(frame.module().name().unwrap_or("<module>"), LOOKED_AT_BYTES);
        text.push_str(&format!("{number:>2}: {module}!{name}\n"));
        if text.len() > MAX_BACKTRACE_BYTES {
            cut(&mut text, MAX_BACKTRACE_BYTES - ELLIPSIS.len());
            text.push_str(ELLIPSIS);
            break;
        }
    }
    text.shrink_to_fit();
    text
}

/// Bytes of a name that are looked at.
const LOOKED_AT_BYTES: usize = MAX_BACKTRACE_BYTES;

/// Stands at the end of what was cut.
const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: wasmtime::Error, is_host_failure: bool) {
        let circumstances = Circumstances {
            fuel: FuelMetrics::new(0, 1),
            is_fuel_passed: false,
            timeout_ms: 1,
            max_memory_bytes: 1,
            denied_growth: Some(2),
        };
        let cause = circumstances.trapped(&error, || false);
        assert_eq!(matches!(cause, EndCause::HostFailure { .. }), is_host_failure, "{error:?}: {cause:?}");
    }

    #[test]
    fn what_the_system_refuses_the_host_is_no_limit_of_the_guests() {
        let no_memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        check(no_memory().into(), true);
        check(wasmtime::Error::from(no_memory()).context("a stack").context("a call"), true);
        #[cfg(target_os = "linux")]
        check(wasmtime::Error::from(rustix::io::Errno::NOMEM).context("a mapping"), true);
        check(ResourceTableError::Full.into(), false);
        check(std::fmt::Error.into(), false);
        check(Trap::UnreachableCodeReached.into(), false);
    }
}
