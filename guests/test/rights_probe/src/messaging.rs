//! `airssys:core/messaging`.

use crate::airssys::core::messaging::{self, Peer};
use crate::airssys::core::types::Payload;
use crate::report::{Report, reply, told};

const INTERFACE: &str = "airssys:core/messaging";

/// Long enough that the call would be ended by its own time before.
const TIMEOUT_MS: u32 = 60_000;

/// Ids that nothing of this instance has.
const UNKNOWN: u64 = 1 << 40;

pub(crate) fn probe(report: &mut Report, target: &str) {
    let payload = Payload { data: b"probe".to_vec(), content_type: None };
    let mut note = |function: &str, answer: String| report.note(INTERFACE, function, answer);
    note("send", told(messaging::send(target, &payload).map(|()| "accepted")));
    note("request", told(messaging::request(target, &payload, TIMEOUT_MS).map(|_| "accepted")));
    note("call", reply(messaging::call(target, &payload, TIMEOUT_MS).map(|_| "answered")));
    note("cancel-request", told(messaging::cancel_request(UNKNOWN).map(|()| "cancelled")));
    let results = messaging::broadcast(&[target.to_owned()], &payload);
    let results: Vec<String> = results.into_iter().map(|one| told(one.map(|()| "accepted"))).collect();
    note("broadcast", results.join(","));
    note("publish", told(messaging::publish("probe.topic", &payload)));
    note("subscribe", told(messaging::subscribe("probe.topic").map(|()| "subscribed")));
    note("unsubscribe", told(messaging::unsubscribe("probe.topic").map(|()| "unsubscribed")));
    note("send-after", told(messaging::send_after(target, &payload, 1).map(|_| "kept")));
    note("cancel-timer", told(messaging::cancel_timer(UNKNOWN).map(|()| "stopped")));
    note("self-id", messaging::self_id());
    note("[static]peer.resolve", told(Peer::resolve(target).map(|_| "a handle")));
}
