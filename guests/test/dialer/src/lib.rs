//! Looks names up and connects as it is told. A message is an order of words with spaces between, the last of which may
//! hold spaces; the reply is what came of it, or the name of the error.
//!
//! - `look-up NAME`: its addresses with commas between
//! - `fetch ADDRESS:PORT TEXT`: sends the text and replies with what comes until the connection is closed
//! - `fetch-name NAME PORT TEXT`: the same at the first address of a name
//! - `connect ADDRESS:PORT`, `hold ADDRESS:PORT`: a connection that is closed again, or kept
//! - `bind ADDRESS:PORT`, `listen`, `udp`, `http AUTHORITY`: what nobody is granted

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use tcp_client::Connection;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

thread_local! {
    static HELD: RefCell<Vec<Connection>> = const { RefCell::new(Vec::new()) };
}

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let text = String::from_utf8_lossy(&message.payload.data);
        let reply = match follow(&text) {
            Some(Ok(data)) => data,
            Some(Err(code)) => code.into_bytes(),
            None => return Err(HandlerError::InvalidMessage(format!("not understood: {text}"))),
        };
        Ok(Some(Payload { data: reply, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

type Outcome = Result<Vec<u8>, String>;

/// None where the order is not understood.
fn follow(order: &str) -> Option<Outcome> {
    let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
    let ok = |()| b"ok".to_vec();
    Some(match verb {
        "look-up" => tcp_client::look_up(rest).map(|addresses| {
            addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",").into_bytes()
        }),
        "fetch" => {
            let (address, text) = rest.split_once(' ')?;
            fetch(&address.parse().ok()?, text)
        }
        "fetch-name" => {
            let (name, rest) = rest.split_once(' ')?;
            let (port, text) = rest.split_once(' ')?;
            let port = port.parse().ok()?;
            match tcp_client::look_up(name) {
                Ok(addresses) => fetch(&SocketAddr::new(*addresses.first()?, port), text),
                Err(code) => Err(code),
            }
        }
        "connect" => tcp_client::connect(&rest.parse().ok()?).map(drop).map(ok),
        "hold" => tcp_client::connect(&rest.parse().ok()?)
            .map(|connection| HELD.with_borrow_mut(|held| held.push(connection)))
            .map(ok),
        "bind" => tcp_client::bind(&rest.parse().ok()?).map(drop).map(ok),
        "listen" => tcp_client::listen().map(ok),
        "udp" => tcp_client::udp().map(ok),
        "http" => tcp_client::http(rest).map(ok),
        _ => return None,
    })
}

fn fetch(address: &SocketAddr, text: &str) -> Outcome {
    let connection = tcp_client::connect(address)?;
    connection.write(text.as_bytes())?;
    connection.read_all()
}

export!(Component);
