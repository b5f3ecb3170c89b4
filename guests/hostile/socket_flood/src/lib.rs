//! Takes more and more of what connections need, as the first word of a message says, at the address that is its
//! second:
//!
//! - `hoard`: connects until it is refused, and keeps every connection; the reply is how many there are
//! - `churn`: makes sockets and gives each up at once, until it is refused; the reply is how many it had
//! - `swell`: asks for buffers of 1 GiB, before and after it is connected; the reply is the larger one that it was
//!   told of
//!
//! A message `ping` is answered with `pong`.

use std::net::SocketAddr;

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Far more than a host should give to one instance.
const ATTEMPTS: usize = 10_000;

const HUGE: u64 = 1 << 30;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let text = String::from_utf8_lossy(&message.payload.data);
        let data = if text == "ping" { b"pong".to_vec() } else { attack(&text).to_string().into_bytes() };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn attack(text: &str) -> u64 {
    let (deed, address) = text.split_once(' ').unwrap_or_default();
    let Ok(address) = address.parse::<SocketAddr>() else { return 0 };
    match deed {
        "hoard" => hoard(&address),
        "churn" => (0..ATTEMPTS).take_while(|_| tcp_client::open(Some(&address)).is_ok()).count() as u64,
        "swell" => swell(&address).unwrap_or_default(),
        _ => 0,
    }
}

fn hoard(address: &SocketAddr) -> u64 {
    let mut held = Vec::new();
    for _ in 0..ATTEMPTS {
        held.extend(tcp_client::connect(address));
    }
    held.len() as u64
}

fn swell(address: &SocketAddr) -> Result<u64, String> {
    let socket = tcp_client::open(Some(address))?;
    // Whether it is told that it got less does not matter: what it has is read below.
    _ = socket.set_receive_buffer_size(HUGE);
    _ = socket.set_send_buffer_size(HUGE);
    let connection = tcp_client::connect_by(socket, address)?;
    let socket = &connection.socket;
    _ = socket.set_receive_buffer_size(u64::MAX);
    _ = socket.set_send_buffer_size(u64::MAX);
    let sizes = [socket.receive_buffer_size(), socket.send_buffer_size()];
    Ok(sizes.into_iter().flatten().max().unwrap_or_default())
}

export!(Component);
