//! Names looked up and connections made by the standard interfaces (`wasi:sockets`), for guests that do so. Every call
//! waits until it is done, and every error is the name of its code.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::{ResolveAddressStream, resolve_addresses};
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// Most bytes of one read.
const READ: u64 = 64 * 1024;

/// A connection, whose streams go before their socket.
pub struct Connection {
    pub input: InputStream,
    pub output: OutputStream,
    pub socket: TcpSocket,
}

fn name(code: ErrorCode) -> String {
    code.name().to_owned()
}

/// A look-up that has begun and that nobody waits for.
pub fn begin_look_up(host: &str) -> Result<ResolveAddressStream, String> {
    resolve_addresses(&instance_network(), host).map_err(name)
}

/// All addresses of a name.
pub fn look_up(host: &str) -> Result<Vec<IpAddr>, String> {
    let stream = begin_look_up(host)?;
    let mut addresses = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => addresses.push(IpAddr::from([a, b, c, d])),
            Ok(Some(IpAddress::Ipv6((a, b, c, d, e, f, g, h)))) => {
                addresses.push(Ipv6Addr::new(a, b, c, d, e, f, g, h).into());
            }
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(code) => return Err(name(code)),
        }
    }
}

fn family(address: &SocketAddr) -> IpAddressFamily {
    if address.is_ipv4() { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 }
}

fn outgoing(address: &SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) })
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: address.port(),
                flow_info: 0,
                address: (a, b, c, d, e, f, g, h),
                scope_id: 0,
            })
        }
    }
}

/// A socket of the family of an address, or of IPv4.
pub fn open(like: Option<&SocketAddr>) -> Result<TcpSocket, String> {
    create_tcp_socket(like.map_or(IpAddressFamily::Ipv4, family)).map_err(name)
}

/// Connects a socket.
pub fn connect_by(socket: TcpSocket, to: &SocketAddr) -> Result<Connection, String> {
    socket.start_connect(&instance_network(), outgoing(to)).map_err(name)?;
    loop {
        match socket.finish_connect() {
            Ok((input, output)) => return Ok(Connection { input, output, socket }),
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            Err(code) => return Err(name(code)),
        }
    }
}

/// Connects.
pub fn connect(to: &SocketAddr) -> Result<Connection, String> {
    connect_by(open(Some(to))?, to)
}

/// Binds a socket to an address.
pub fn bind(to: &SocketAddr) -> Result<TcpSocket, String> {
    let socket = open(Some(to))?;
    socket.start_bind(&instance_network(), outgoing(to)).map_err(name)?;
    socket.finish_bind().map_err(name)?;
    Ok(socket)
}

/// Listens on a port of the system's choice.
pub fn listen() -> Result<(), String> {
    let socket = bind(&SocketAddr::from(([0, 0, 0, 0], 0)))?;
    socket.start_listen().map_err(name)?;
    socket.finish_listen().map_err(name)
}

/// A socket for datagrams.
pub fn udp() -> Result<(), String> {
    create_udp_socket(IpAddressFamily::Ipv4).map(drop).map_err(name)
}

/// A request by `wasi:http`, as far as to the refusal.
pub fn http(authority: &str) -> Result<(), String> {
    let request = OutgoingRequest::new(Fields::new());
    let is_set = request.set_scheme(Some(&Scheme::Http)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some("/")).is_ok();
    if !is_set {
        return Err("not set".into());
    }
    let response = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(_))) => Ok(()),
        Some(Ok(Err(code))) => Err(format!("{code:?}")),
        other => Err(format!("{other:?}")),
    }
}

impl Connection {
    /// Writes all of it.
    pub fn write(&self, mut data: &[u8]) -> Result<(), String> {
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(4096));
            self.output.blocking_write_and_flush(now).map_err(stream_error)?;
            data = later;
        }
        Ok(())
    }

    /// Reads until the other side has nothing more to say.
    pub fn read_all(&self) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        loop {
            match self.input.blocking_read(READ) {
                Ok(data) => all.extend(data),
                Err(StreamError::Closed) => return Ok(all),
                Err(error) => return Err(stream_error(error)),
            }
        }
    }
}

fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".into(),
        StreamError::LastOperationFailed(error) => error.to_debug_string(),
    }
}
