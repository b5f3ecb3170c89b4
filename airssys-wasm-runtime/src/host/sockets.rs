//! `wasi:sockets`: TCP connections to what was granted, under the bounds; no UDP.
//!
//! Addresses are judged where the engine is about to use them, by the check that it was given. What is replaced here
//! is what it has no question for: that there is a socket at all, and what the system holds for it.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host;
use wasmtime_wasi::p2::{SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use crate::bounds::MAX_SOCKET_BUFFER_BYTES;
use crate::host::network::Refusal;
use crate::state::HostState;

/// Where the engine links the functions that are replaced.
const CREATE_TCP: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const CREATE_UDP: &str = "wasi:sockets/udp-create-socket@0.2.12";
const TCP: &str = "wasi:sockets/tcp@0.2.12";

/// What a function of these interfaces returns to the guest.
type Outcome<T> = Result<T, ErrorCode>;

/// Links what makes sockets and what sizes them, in place of the engine's own.
pub(super) fn bound_sockets(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Socket = Resource<TcpSocket>;
    linker.instance(CREATE_TCP)?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, HostState>, (family,): (IpAddressFamily,)| {
            Ok((create_tcp(store.data_mut(), family)?,))
        },
    )?;
    linker.instance(CREATE_UDP)?.func_wrap(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, HostState>, (_,): (IpAddressFamily,)| {
            let target = &"wasi:sockets/udp-create-socket.create-udp-socket";
            store.data_mut().check_time()?;
            let refusal = store.data_mut().network().deny_udp(target);
            Ok((Err::<Resource<UdpSocket>, _>(code_of(refusal)),))
        },
    )?;
    let mut tcp = linker.instance(TCP)?;
    tcp.func_wrap(
        "[method]tcp-socket.set-receive-buffer-size",
        |mut store: StoreContextMut<'_, HostState>, (socket, bytes): (Socket, u64)| {
            let bytes = bounded(bytes);
            Ok((told(store.data_mut().sockets().set_receive_buffer_size(socket, bytes))?,))
        },
    )?;
    tcp.func_wrap(
        "[method]tcp-socket.set-send-buffer-size",
        |mut store: StoreContextMut<'_, HostState>, (socket, bytes): (Socket, u64)| {
            let bytes = bounded(bytes);
            Ok((told(store.data_mut().sockets().set_send_buffer_size(socket, bytes))?,))
        },
    )
}

fn create_tcp(
    state: &mut HostState,
    family: IpAddressFamily,
) -> wasmtime::Result<Outcome<Resource<TcpSocket>>> {
    state.check_time()?;
    let network = state.network();
    if let Err(refusal) = network.may_open(open_sockets(state.resource_table())) {
        return Ok(Err(match refusal {
            Refusal::TooMany => ErrorCode::NewSocketLimit,
            other => code_of(other),
        }));
    }
    let mut sockets = state.sockets();
    let socket = match told(sockets.create_tcp_socket(family))? {
        Ok(socket) => socket,
        Err(code) => return Ok(Err(code)),
    };
    // Without a size of its own a connection's buffers grow to megabytes, as the system sees fit.
    match told(size(&mut sockets, &socket))? {
        Ok(()) => Ok(Ok(socket)),
        Err(code) => {
            sockets.drop(socket)?;
            Ok(Err(code))
        }
    }
}

fn size(sockets: &mut WasiSocketsCtxView<'_>, socket: &Resource<TcpSocket>) -> SocketResult<()> {
    let borrow = || Resource::new_borrow(socket.rep());
    sockets.set_receive_buffer_size(borrow(), MAX_SOCKET_BUFFER_BYTES)?;
    sockets.set_send_buffer_size(borrow(), MAX_SOCKET_BUFFER_BYTES)
}

/// A size is a wish, which the interface lets a host fulfil as far as it likes.
fn bounded(bytes: u64) -> u64 {
    bytes.min(MAX_SOCKET_BUFFER_BYTES)
}

/// Counted where they are held, so that the count is right however they go.
fn open_sockets(table: &mut ResourceTable) -> usize {
    table.iter_mut().filter(|entry| entry.is::<TcpSocket>()).count()
}

/// The guest's part of an error; any other ends the call.
fn told<T>(result: SocketResult<T>) -> wasmtime::Result<Outcome<T>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => error.downcast().map(Err),
    }
}

/// A refusal as these interfaces tell it.
pub(super) fn code_of(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::Denied => ErrorCode::AccessDenied,
        Refusal::Malformed => ErrorCode::InvalidArgument,
        Refusal::TooMany | Refusal::NoAnswer => ErrorCode::TemporaryResolverFailure,
        Refusal::Unresolvable => ErrorCode::NameUnresolvable,
    }
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
        assert!(bound_sockets(&mut linker).is_err());
        linker.allow_shadowing(true);
        bound_sockets(&mut linker).unwrap();
    }
}
