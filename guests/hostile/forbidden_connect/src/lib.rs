//! Tries to reach what it was not granted. The first line of a message is a word and a port, the others are hosts:
//!
//! - `names`: looks each of them up, and connects to whatever comes back
//! - `addresses`: connects to each of them, at the port and at the next one
//! - `others`: binds to each of them and asks it by `wasi:http`; then it listens, and makes a socket for datagrams
//!
//! The reply is how many of all these succeeded, a space, and how many were refused. A message `ping` is answered with
//! `pong`.

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
    let (deed, port) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    let port: u16 = port.parse().unwrap_or_default();
    for host in lines {
        match (deed, host.parse::<IpAddr>()) {
            ("names", _) => {
                for address in tally.count(tcp_client::look_up(host)).unwrap_or_default() {
                    tally.count(tcp_client::connect(&SocketAddr::new(address, port)));
                }
            }
            ("addresses", Ok(address)) => {
                tally.count(tcp_client::connect(&SocketAddr::new(address, port)));
                tally.count(tcp_client::connect(&SocketAddr::new(address, port.wrapping_add(1))));
            }
            ("others", Ok(address)) => {
                tally.count(tcp_client::bind(&SocketAddr::new(address, port)));
                tally.count(tcp_client::http(&format!("{host}:{port}")));
            }
            _ => {}
        }
    }
    if deed == "others" {
        tally.count(tcp_client::listen());
        tally.count(tcp_client::udp());
    }
    format!("{} {}", tally.succeeded, tally.refused).into_bytes()
}

export!(Component);
