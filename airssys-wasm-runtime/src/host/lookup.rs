//! `wasi:sockets/ip-name-lookup`: granted names, looked up by the host's own resolver.
//!
//! The engine's own look-up is all or nothing and knows no names, so that the whole interface is replaced.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::vec;

use tokio::task::JoinHandle;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress};
use wasmtime_wasi::p2::{DynPollable, Network, Pollable, subscribe};
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;

use airssys_wasm_core::MAX_HOST_NAME_BYTES;

use crate::host::network::{Asking, InstanceNetwork, Refusal};
use crate::host::sockets::code_of;
use crate::state::HostState;

/// Where the engine links what is replaced.
const LOOK_UP: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// What a function of this interface returns to the guest.
type Outcome<T> = Result<T, ErrorCode>;

type Stream = Resource<AddressStream>;

/// Links the interface in place of the engine's own.
pub(super) fn judge_look_ups(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(LOOK_UP)?;
    interface.resource(
        "resolve-address-stream",
        ResourceType::host::<AddressStream>(),
        |mut store, rep| {
            store.data_mut().resource_table().delete(Stream::new_own(rep))?;
            Ok(())
        },
    )?;
    interface.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, HostState>, (network, name): (Resource<Network>, String)| {
            let state = store.data_mut();
            // Without the resource there is no such call; there is no more to it.
            state.resource_table().get(&network)?;
            Ok((match AddressStream::begin(&state.network(), &name) {
                Ok(stream) => Ok(state.resource_table().push(stream)?),
                Err(refusal) => Err(code_of(refusal)),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, HostState>, (stream,): (Stream,)| {
            Ok((store.data_mut().resource_table().get_mut(&stream)?.next(),))
        },
    )?;
    interface.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, HostState>, (stream,): (Stream,)| {
            let pollable: Resource<DynPollable> = subscribe(store.data_mut().resource_table(), stream)?;
            Ok((pollable,))
        },
    )
}

/// The addresses of one look-up, as they come.
#[derive(Debug)]
struct AddressStream(State);

#[derive(Debug)]
enum State {
    Asking(Asked),
    Answered(vec::IntoIter<IpAddr>),
    Failed(Refusal),
}

/// A look-up that goes on beside the guest, and ends with whoever holds it.
#[derive(Debug)]
struct Asked(JoinHandle<Result<Vec<IpAddr>, Refusal>>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl AddressStream {
    fn begin(network: &Arc<InstanceNetwork>, text: &str) -> Result<Self, Refusal> {
        let (name, place) = match network.may_ask(&ascii(text)?)? {
            Asking::Answered(address) => return Ok(Self(State::Answered(vec![address].into_iter()))),
            Asking::Name(name, place) => (name, place),
        };
        let network = Arc::clone(network);
        let asked = async move {
            let answers = network.ask(&name).await;
            drop(place);
            answers
        };
        Ok(Self(State::Asking(Asked(with_ambient_tokio_runtime(|| tokio::spawn(asked))))))
    }

    fn next(&mut self) -> Outcome<Option<IpAddress>> {
        if self.poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            return Err(ErrorCode::WouldBlock);
        }
        match &mut self.0 {
            State::Asking(_) => Err(ErrorCode::WouldBlock),
            State::Answered(addresses) => Ok(addresses.next().map(IpAddress::from)),
            State::Failed(refusal) => Err(code_of(*refusal)),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Asking(asked) = &mut self.0 else { return Poll::Ready(()) };
        let Poll::Ready(answer) = Pin::new(&mut asked.0).poll(context) else { return Poll::Pending };
        self.0 = match answer {
            Ok(Ok(addresses)) => State::Answered(addresses.into_iter()),
            Ok(Err(refusal)) => State::Failed(refusal),
            // The resolver panicked, or its runtime ends.
            Err(_) => State::Failed(Refusal::NoAnswer),
        };
        Poll::Ready(())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for AddressStream {
    async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll(context)).await;
    }
}

/// The text in the alphabet of names, as the interface demands it of the host.
fn ascii(text: &str) -> Result<Cow<'_, str>, Refusal> {
    // One more for a dot at the end.
    if text.len() > MAX_HOST_NAME_BYTES + 1 {
        return Err(Refusal::Malformed);
    }
    if text.is_ascii() {
        return Ok(Cow::Borrowed(text));
    }
    idna::domain_to_ascii(text).map(Cow::Owned).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_is_there_to_be_replaced() {
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<HostState>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        // Without shadowing each of them is a name that is taken: else guests would get the engine's own.
        assert!(judge_look_ups(&mut linker).is_err());
        linker.allow_shadowing(true);
        judge_look_ups(&mut linker).unwrap();
    }

    #[test]
    fn names_of_other_alphabets_are_asked_in_ascii() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(ascii(text).ok().as_deref(), expected, "{text}");
        };
        check("API.example.com", Some("API.example.com"));
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("аррӏе.com", Some("xn--80ak6aa92e.com"));
        check("аpi.example.com", Some("xn--pi-6kc.example.com"));
        // Letters that are the same in another width, and dots.
        check("ａｐｉ。example．com", Some("api.example.com"));
        check("１２７.0.0.1", Some("127.0.0.1"));
        check("a\u{202e}b.example", None);
        check(&"ä".repeat(128), None);
        check(&"a".repeat(255), None);
    }
}
