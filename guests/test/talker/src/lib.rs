//! Talks to others in every way as it is told, and keeps what it hears.
//!
//! A message of the content type `order` is an order of words with spaces between, the last of which may hold
//! spaces; the reply is what came of it. Every other message is kept as `SENDER TEXT`, one that was published as
//! `SENDER@TOPIC TEXT`, and answered with `heard TEXT`. A text that begins with `!` is sent as an order, without the `!`.
//!
//! - `request TARGET TIMEOUT TEXT`, `peer-request …`: the reply is the id of the request
//! - `call TARGET TIMEOUT TEXT`, `peer-call …`: the reply is the reply
//! - `cancel ID`, `cancel-timer ID`
//! - `broadcast TARGET,TARGET,… TEXT`: the results with commas between
//! - `publish TOPIC TEXT`, `subscribe PATTERN`, `unsubscribe PATTERN`
//! - `send TARGET TEXT`, `send-after TARGET DELAY TEXT`: the reply of the latter is the id of the timer
//! - `heard`, `callbacks`: what was kept so far, a line each; of callbacks `ID OUTCOME`
//! - `all ORDER; ORDER; …`: one after the other, their replies with commas between
//! - `trap`: it ends
//!
//! `[config] orders = ["…"]` are followed when it starts. With `[config] witness = "TOPIC"` it publishes there what happens
//! to it, a line each and as it happens, so that it is known even of one that is killed: `began`; `heard …` as it is kept;
//! `did ORDER -> REPLY` for each order, and `followed` behind those of one message; `told ID OUTCOME` for each callback;
//! `shut down`.

use std::cell::RefCell;

use airssys::core::messaging::{self, Peer};
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;
use serde::Deserialize;

wit_bindgen::generate!({ path: "../../../wit", world: "managed-handler" });

const ORDER: &str = "order";

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static CALLBACKS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static WITNESS: RefCell<Option<String>> = const { RefCell::new(None) };
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    orders: Vec<String>,
    #[serde(default)]
    witness: Option<String>,
}

struct Component;

impl Lifecycle for Component {
    fn initialize(config: String) -> Result<(), String> {
        let config: Config = serde_json::from_str(&config).map_err(|error| error.to_string())?;
        WITNESS.set(config.witness);
        witness(|| "began".to_owned());
        for order in config.orders {
            follow(&order).ok_or_else(|| format!("not understood: {order}"))?;
        }
        Ok(())
    }

    fn shutdown() {
        witness(|| "shut down".to_owned());
    }

    fn metadata() -> ComponentMetadata {
        ComponentMetadata {
            name: "talker".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
        }
    }
}

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let text = String::from_utf8_lossy(&message.payload.data).into_owned();
        let reply = if message.payload.content_type.as_deref() == Some(ORDER) {
            let reply = follow(&text)
                .ok_or_else(|| HandlerError::InvalidMessage(format!("not understood: {text}")))?;
            witness(|| "followed".to_owned());
            reply
        } else {
            let topic = message.topic.map(|topic| format!("@{topic}")).unwrap_or_default();
            let line = format!("{}{topic} {text}", message.sender);
            witness(|| format!("heard {line}"));
            HEARD.with_borrow_mut(|heard| heard.push(line));
            format!("heard {text}")
        };
        Ok(Some(Payload { data: reply.into_bytes(), content_type: None }))
    }

    fn handle_callback(id: CorrelationId, reply: Result<Payload, RequestError>) {
        let line = format!("{id} {}", outcome(reply));
        witness(|| format!("told {line}"));
        CALLBACKS.with_borrow_mut(|callbacks| callbacks.push(line));
    }
}

fn witness(line: impl FnOnce() -> String) {
    if let Some(topic) = WITNESS.with_borrow(Clone::clone) {
        // Whether anybody listens is the listener's concern.
        let _published = messaging::publish(&topic, &payload(&line()));
    }
}

fn follow(order: &str) -> Option<String> {
    let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
    if verb == "all" {
        return Some(rest.split("; ").map(follow).collect::<Option<Vec<_>>>()?.join(","));
    }
    let came = follow_one(verb, rest)?;
    witness(|| format!("did {order} -> {came}"));
    Some(came)
}

fn follow_one(verb: &str, rest: &str) -> Option<String> {
    Some(match verb {
        "send" => {
            let (target, text) = rest.split_once(' ')?;
            told(messaging::send(target, &payload(text)).map(|()| "ok"))
        }
        "request" | "peer-request" | "call" | "peer-call" => {
            let (target, rest) = rest.split_once(' ')?;
            let (timeout, text) = rest.split_once(' ')?;
            ask(verb, target, timeout.parse().ok()?, &payload(text))
        }
        "cancel" => told(messaging::cancel_request(rest.parse().ok()?).map(|()| "ok")),
        "cancel-timer" => told(messaging::cancel_timer(rest.parse().ok()?).map(|()| "ok")),
        "broadcast" => {
            let (targets, text) = rest.split_once(' ')?;
            let targets: Vec<String> = targets.split(',').map(str::to_owned).collect();
            let results = messaging::broadcast(&targets, &payload(text));
            results.into_iter().map(|result| told(result.map(|()| "ok"))).collect::<Vec<_>>().join(",")
        }
        "publish" => {
            let (topic, text) = rest.split_once(' ')?;
            told(messaging::publish(topic, &payload(text)))
        }
        "subscribe" => told(messaging::subscribe(rest).map(|()| "ok")),
        "unsubscribe" => told(messaging::unsubscribe(rest).map(|()| "ok")),
        "send-after" => {
            let (target, rest) = rest.split_once(' ')?;
            let (delay, text) = rest.split_once(' ')?;
            told(messaging::send_after(target, &payload(text), delay.parse().ok()?))
        }
        "heard" => HEARD.with_borrow(|heard| heard.join("\n")),
        "callbacks" => CALLBACKS.with_borrow(|callbacks| callbacks.join("\n")),
        "trap" => panic!("as ordered"),
        _ => return None,
    })
}

fn ask(verb: &str, target: &str, timeout_ms: u32, payload: &Payload) -> String {
    match verb {
        "request" => told(messaging::request(target, payload, timeout_ms)),
        "peer-request" => told(Peer::resolve(target).and_then(|peer| peer.request(payload, timeout_ms))),
        "call" => outcome(messaging::call(target, payload, timeout_ms)),
        _ => outcome(
            Peer::resolve(target)
                .map_err(RequestError::Refused)
                .and_then(|peer| peer.call(payload, timeout_ms)),
        ),
    }
}

fn payload(text: &str) -> Payload {
    match text.strip_prefix('!') {
        Some(order) => Payload { data: order.into(), content_type: Some(ORDER.to_owned()) },
        None => Payload { data: text.into(), content_type: None },
    }
}

fn told<T: ToString>(result: Result<T, HostError>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => describe(error),
    }
}

fn outcome(reply: Result<Payload, RequestError>) -> String {
    match reply {
        Ok(payload) => String::from_utf8_lossy(&payload.data).into_owned(),
        Err(RequestError::Refused(error)) => describe(error),
        Err(RequestError::Handler(HandlerError::InvalidMessage(text))) => format!("invalid-message: {text}"),
        Err(RequestError::Handler(HandlerError::Failed(text))) => format!("failed: {text}"),
        Err(RequestError::ReceiverEnded(cause)) => format!("receiver-ended: {cause}"),
    }
}

fn describe(error: HostError) -> String {
    match error {
        HostError::Denied(rule) => format!("denied: {rule}"),
        HostError::Full => "full".into(),
        HostError::Closed => "closed".into(),
        HostError::NotFound => "not-found".into(),
        HostError::NoHandler => "no-handler".into(),
        HostError::TooLarge(limit) => format!("too-large: {limit}"),
        HostError::RateLimited => "rate-limited".into(),
        HostError::TimedOut => "timed-out".into(),
        HostError::WouldDeadlock => "would-deadlock".into(),
        HostError::QuotaExceeded => "quota-exceeded".into(),
        HostError::InvalidArgument(what) => format!("invalid-argument: {what}"),
        HostError::Unsupported(what) => format!("unsupported: {what}"),
    }
}

export!(Component);
