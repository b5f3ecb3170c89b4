//! `wasi:random`: the engine's generators, under a bound that has a type of its own.
//!
//! The engine holds the same bound, but tells it as a plain message, which nobody can tell from a value in a
//! wrong form. Nor does it look at the time where a guest asks for one number after the other.

use thiserror::Error;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::random::WasiRandomCtx;

use crate::bounds::MAX_RANDOM_BYTES;
use crate::state::HostState;

/// Links the generators, in place of the engine's own.
pub(super) fn bound_random(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    random::add_to_linker::<_, Bounded<'static>>(linker, generators)?;
    insecure::add_to_linker::<_, Bounded<'static>>(linker, generators)?;
    insecure_seed::add_to_linker::<_, Bounded<'static>>(linker, generators)
}

/// A guest asked for too much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{asked} random bytes in one call; at most {MAX_RANDOM_BYTES} are allowed")]
struct TooManyRandomBytes {
    asked: u64,
}

/// The engine's generators, under the bound.
struct Bounded<'a>(&'a mut HostState);

fn generators(state: &mut HostState) -> Bounded<'_> {
    Bounded(state)
}

impl Bounded<'_> {
    fn generators(&mut self) -> wasmtime::Result<&mut WasiRandomCtx> {
        self.0.check_time()?;
        Ok(self.0.ctx().ctx.random())
    }
}

impl HasData for Bounded<'static> {
    type Data<'a> = Bounded<'a>;
}

fn check(asked: u64) -> Result<(), TooManyRandomBytes> {
    if asked > MAX_RANDOM_BYTES { Err(TooManyRandomBytes { asked }) } else { Ok(()) }
}

impl random::Host for Bounded<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        check(len)?;
        self.generators()?.get_random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.generators()?.get_random_u64()
    }
}

impl insecure::Host for Bounded<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        check(len)?;
        self.generators()?.get_insecure_random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.generators()?.get_insecure_random_u64()
    }
}

impl insecure_seed::Host for Bounded<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        self.generators()?.insecure_seed()
    }
}
