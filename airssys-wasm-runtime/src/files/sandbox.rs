//! The engine's sandbox, driven from a thread that may block.
//!
//! The engine offers its operations only as host functions over a table of handles. Here each operation gets a table
//! of its own with what it needs, and, since the thread may block, is done as soon as it is polled.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::runtime::poll_noop;

/// One that lets the engine block the thread that it runs on.
static BLOCKING: LazyLock<WasiFilesystemCtx> =
    LazyLock::new(|| WasiCtx::builder().allow_blocking_current_thread(true).build().filesystem().clone());

/// A table with the handles of one operation.
pub(super) struct Sandbox {
    ctx: WasiFilesystemCtx,
    pub(super) table: ResourceTable,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        Self { ctx: BLOCKING.clone(), table: ResourceTable::new() }
    }

    /// Takes a handle in.
    pub(super) fn enter(&mut self, descriptor: Descriptor) -> FsResult<Resource<Descriptor>> {
        Ok(self.table.push(descriptor)?)
    }

    /// The engine's operations.
    pub(super) fn view(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// The result of an operation of the engine, which is done when it is polled first.
pub(super) fn done<T>(operation: impl Future<Output = FsResult<T>>) -> FsResult<T> {
    poll_noop(pin!(operation)).unwrap_or_else(|| Err(pending()))
}

fn pending() -> FsError {
    ErrorCode::WouldBlock.into()
}
