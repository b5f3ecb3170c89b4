//! `airssys:core`.

use super::Rows;

const MESSAGING: &str = "airssys:core/messaging";
const SERVICES: &str = "airssys:core/services";
const STORAGE: &str = "airssys:core/storage";
const SEND_TO: &str = "denied: capabilities.messaging.send_to";
const KEEP: &str = "denied: capabilities.storage";

pub(super) const ROWS: &[Rows] = &[
    Rows::Denied {
        interface: MESSAGING,
        rule: "capabilities.messaging.send_to",
        answers: &[
            ("send", SEND_TO),
            ("request", SEND_TO),
            ("call", SEND_TO),
            ("broadcast", SEND_TO),
            ("[static]peer.resolve", SEND_TO),
        ],
    },
    Rows::Denied {
        interface: MESSAGING,
        rule: "capabilities.messaging.publish",
        answers: &[("publish", "denied: capabilities.messaging.publish")],
    },
    Rows::Denied {
        interface: MESSAGING,
        rule: "capabilities.messaging.subscribe",
        answers: &[("subscribe", "denied: capabilities.messaging.subscribe")],
    },
    Rows::Unreachable {
        interface: MESSAGING,
        handle: "peer",
        functions: &[
            "[method]peer.id",
            "[method]peer.send",
            "[method]peer.request",
            "[method]peer.call",
            "[resource-drop]peer",
        ],
    },
    Rows::Harmless {
        interface: MESSAGING,
        reason: "an instance ends nothing but what it has begun itself, and it has begun nothing of this number or name",
        answers: &[
            ("cancel-request", "not-found"),
            ("cancel-timer", "not-found"),
            ("unsubscribe", "not-found"),
        ],
    },
    Rows::Harmless {
        interface: MESSAGING,
        reason: "kept within the bounds of the instance's own timers; the guard is asked when its time has come, and what \
                 it refuses then is recorded and becomes a dead letter",
        answers: &[("send-after", "kept")],
    },
    Rows::Harmless {
        interface: MESSAGING,
        reason: "the instance's own name",
        answers: &[("self-id", "rights/probe/0")],
    },
    Rows::Harmless {
        interface: SERVICES,
        reason: "its own log, of bounded records and volume",
        answers: &[("log", "returned")],
    },
    Rows::Harmless {
        interface: SERVICES,
        reason: "the time, which everybody knows",
        answers: &[("now", "a time"), ("monotonic-now", "a time")],
    },
    Rows::Harmless {
        interface: SERVICES,
        reason: "costs nothing but the call's own time, and the wall clock of the call ends it",
        answers: &[("sleep", "returned")],
    },
    Rows::Harmless {
        interface: SERVICES,
        reason: "shows the instance itself, and those that it may send to: nobody",
        answers: &[("list-components", "0 others"), ("component-info", "not-found")],
    },
    Rows::Denied {
        interface: STORAGE,
        rule: "capabilities.storage",
        answers: &[
            ("get", KEEP),
            ("set", KEEP),
            ("delete", KEEP),
            ("exists", KEEP),
            ("list-keys", KEEP),
            ("usage", KEEP),
            ("compare-and-swap", KEEP),
        ],
    },
];
