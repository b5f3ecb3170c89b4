//! Tries to reach what it was not granted, in every way that each line of a message names: it looks the text up and
//! connects to what comes back, connects to the text as an address, binds to it, and asks for it by `wasi:http`. Then
//! it listens, and sends datagrams. The reply is how many of all these succeeded, a space, and how many were refused.
//!
//! The first line is the port. A message `ping` is answered with `pong`.

use std::net::{IpAddr, SocketAddr};

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let text = String::from_utf8_lossy(&message.payload.data);
        let data = if text == "ping" { b"pong".to_vec() } else { attack(&text) };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

#[derive(Default)]
struct Tally {
    succeeded: u32,
    refused: u32,
}

impl Tally {
    fn count<T, E>(&mut self, result: Result<T, E>) -> Option<T> {
        if result.is_ok() {
            self.succeeded += 1;
        } else {
            self.refused += 1;
        }
        result.ok()
    }
}

fn attack(text: &str) -> Vec<u8> {
    let mut tally = Tally::default();
    let mut lines = text.lines();
    let port: u16 = lines.next().and_then(|line| line.parse().ok()).unwrap_or_default();
    for host in lines {
        for address in tally.count(tcp_client::look_up(host)).unwrap_or_default() {
            tally.count(tcp_client::connect(&SocketAddr::new(address, port)));
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = SocketAddr::new(address, port);
            tally.count(tcp_client::connect(&address));
            tally.count(tcp_client::bind(&address));
            // Not the port that was asked for, but one that comes after it.
            tally.count(tcp_client::connect(&SocketAddr::new(address.ip(), port.wrapping_add(1))));
        }
        tally.count(tcp_client::http(&format!("{host}:{port}")));
    }
    tally.count(tcp_client::listen());
    tally.count(tcp_client::udp());
    format!("{} {}", tally.succeeded, tally.refused).into_bytes()
}

export!(Component);
