//! The engine alone: the same guest, the same settings for fuel, epochs and pooling, and nothing else.

use anyhow::Result;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker, Resource};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use crate::files::read_guest;

/// The bindings of the bare host.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "airssys:core/component",
        ownership: Borrowing { duplicate_if_necessary: true },
        imports: { default: trappable },
        exports: { default: async },
    });
}

use bindings::airssys::core::messaging::{self, HostError, Payload, RequestError};
use bindings::airssys::core::services::{self, ComponentSummary, LogLevel, WallTime};
use bindings::airssys::core::types;
use bindings::exports::airssys::core::handler::{Guest, GuestIndices};

/// A host that does nothing.
#[derive(Debug, Default)]
pub(crate) struct BareHost;

/// A pre-linked guest on a bare engine.
pub(crate) struct BareEngine {
    engine: Engine,
    pre: InstancePre<BareHost>,
    handler: GuestIndices,
}

/// An instance of it.
pub(crate) struct BareInstance {
    store: Store<BareHost>,
    handler: Guest,
}

impl BareEngine {
    pub(crate) fn new(guest: &str) -> Result<Self> {
        let wasm = read_guest(guest)?;
        Self::load(&wasm).map_err(plain)
    }

    fn load(wasm: &[u8]) -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(4 << 20).table_elements(10_000).max_memories_per_module(16);
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .memory_reservation(4 << 20)
            .concurrency_support(false)
            .async_stack_size(1 << 20)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, wasm)?;
        let mut linker = Linker::<BareHost>::new(&engine);
        bindings::Component::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
        let pre = linker.instantiate_pre(&component)?;
        let handler = GuestIndices::new(&pre)?;
        Ok(Self { engine, pre, handler })
    }

    pub(crate) async fn start(&self) -> Result<BareInstance> {
        self.instantiate().await.map_err(plain)
    }

    async fn instantiate(&self) -> wasmtime::Result<BareInstance> {
        let mut store = Store::new(&self.engine, BareHost);
        store.set_fuel(u64::MAX)?;
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let handler = self.handler.load(&mut store, &instance)?;
        Ok(BareInstance { store, handler })
    }
}

impl BareInstance {
    /// One typed call.
    pub(crate) async fn call(&mut self, data: &[u8]) -> Result<usize> {
        let payload = types::PayloadParam { data, content_type: None };
        let message = types::Message { sender: "host/bench", correlation_id: None, topic: None, payload };
        let answer = self.handler.call_handle_message(&mut self.store, message).await.map_err(plain)?;
        match answer {
            Ok(Some(reply)) => Ok(reply.data.len()),
            Ok(None) => Ok(0),
            Err(error) => anyhow::bail!("the handler answered {error:?}"),
        }
    }
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into())
}

type Refused<T> = wasmtime::Result<Result<T, HostError>>;

fn refused<T>() -> Refused<T> {
    Ok(Err(HostError::NotFound))
}

impl types::Host for BareHost {}

impl messaging::HostPeer for BareHost {
    fn resolve(&mut self, _: String) -> Refused<Resource<messaging::Peer>> {
        refused()
    }
    fn id(&mut self, _: Resource<messaging::Peer>) -> wasmtime::Result<String> {
        Ok(String::new())
    }
    fn send(&mut self, _: Resource<messaging::Peer>, _: Payload) -> Refused<()> {
        refused()
    }
    fn request(&mut self, _: Resource<messaging::Peer>, _: Payload, _: u32) -> Refused<u64> {
        refused()
    }
    fn call(
        &mut self,
        _: Resource<messaging::Peer>,
        _: Payload,
        _: u32,
    ) -> wasmtime::Result<Result<Payload, RequestError>> {
        Ok(Err(RequestError::Refused(HostError::NoHandler)))
    }
    fn drop(&mut self, _: Resource<messaging::Peer>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl messaging::Host for BareHost {
    fn send(&mut self, _: String, _: Payload) -> Refused<()> {
        refused()
    }
    fn request(&mut self, _: String, _: Payload, _: u32) -> Refused<u64> {
        refused()
    }
    fn call(&mut self, _: String, _: Payload, _: u32) -> wasmtime::Result<Result<Payload, RequestError>> {
        Ok(Err(RequestError::Refused(HostError::NoHandler)))
    }
    fn cancel_request(&mut self, _: u64) -> Refused<()> {
        refused()
    }
    fn broadcast(&mut self, _: Vec<String>, _: Payload) -> wasmtime::Result<Vec<Result<(), HostError>>> {
        Ok(Vec::new())
    }
    fn publish(&mut self, _: String, _: Payload) -> Refused<u32> {
        refused()
    }
    fn subscribe(&mut self, _: String) -> Refused<()> {
        refused()
    }
    fn unsubscribe(&mut self, _: String) -> Refused<()> {
        refused()
    }
    fn send_after(&mut self, _: String, _: Payload, _: u64) -> Refused<u64> {
        refused()
    }
    fn cancel_timer(&mut self, _: u64) -> Refused<()> {
        refused()
    }
    fn self_id(&mut self) -> wasmtime::Result<String> {
        Ok("bench/bare/0".to_owned())
    }
}

impl services::Host for BareHost {
    fn log(&mut self, _: LogLevel, _: String, _: Vec<(String, String)>) -> wasmtime::Result<()> {
        Ok(())
    }
    fn now(&mut self) -> wasmtime::Result<WallTime> {
        Ok(WallTime { seconds: 0, nanoseconds: 0 })
    }
    fn monotonic_now(&mut self) -> wasmtime::Result<u64> {
        Ok(0)
    }
    fn sleep(&mut self, _: u64) -> wasmtime::Result<()> {
        Ok(())
    }
    fn list_components(&mut self) -> wasmtime::Result<Vec<ComponentSummary>> {
        Ok(Vec::new())
    }
    fn component_info(&mut self, _: String) -> wasmtime::Result<Result<ComponentSummary, HostError>> {
        Ok(Err(HostError::NotFound))
    }
}

impl bindings::airssys::core::storage::Host for BareHost {
    fn get(&mut self, _: String) -> Refused<Option<Vec<u8>>> {
        refused()
    }
    fn set(&mut self, _: String, _: Vec<u8>) -> Refused<()> {
        refused()
    }
    fn delete(&mut self, _: String) -> Refused<bool> {
        refused()
    }
    fn exists(&mut self, _: String) -> Refused<bool> {
        refused()
    }
    fn list_keys(&mut self, _: String) -> Refused<Vec<String>> {
        refused()
    }
    fn usage(&mut self) -> Refused<bindings::airssys::core::storage::StorageUsage> {
        refused()
    }
    fn compare_and_swap(&mut self, _: String, _: Option<Vec<u8>>, _: Vec<u8>) -> Refused<bool> {
        refused()
    }
}
