//! `wasi:http`.

use super::Rows;

const TYPES: &str = "wasi:http/types";
const UNSENT: &str = "a message can be written and not sent; its parts and their number are bounded";

pub(super) const ROWS: &[Rows] = &[
    Rows::Harmless {
        interface: "wasi:http/outgoing-handler",
        reason: "gives the place where the answer is found, and that is the refusal",
        answers: &[("handle", "a handle")],
    },
    Rows::Denied {
        interface: TYPES,
        rule: "capabilities.network",
        answers: &[("[method]future-incoming-response.get", "http-request-denied")],
    },
    Rows::Harmless {
        interface: TYPES,
        reason: "the place where the refusal is found",
        answers: &[
            ("[method]future-incoming-response.subscribe", "a handle"),
            ("[resource-drop]future-incoming-response", "released"),
        ],
    },
    Rows::Harmless {
        interface: TYPES,
        reason: "fields of its own, of bounded size",
        answers: &[
            ("[constructor]fields", "a handle"),
            ("[static]fields.from-list", "done"),
            ("[method]fields.get", "1"),
            ("[method]fields.has", "true"),
            ("[method]fields.set", "done"),
            ("[method]fields.delete", "done"),
            ("[method]fields.append", "done"),
            ("[method]fields.entries", "1"),
            ("[method]fields.clone", "a handle"),
            ("[resource-drop]fields", "released"),
        ],
    },
    Rows::Harmless {
        interface: TYPES,
        reason: UNSENT,
        answers: &[
            ("[constructor]outgoing-request", "a handle"),
            ("[method]outgoing-request.body", "a handle"),
            ("[method]outgoing-request.method", "a value"),
            ("[method]outgoing-request.set-method", "done"),
            ("[method]outgoing-request.path-with-query", "one"),
            ("[method]outgoing-request.set-path-with-query", "done"),
            ("[method]outgoing-request.scheme", "one"),
            ("[method]outgoing-request.set-scheme", "done"),
            ("[method]outgoing-request.authority", "one"),
            ("[method]outgoing-request.set-authority", "done"),
            ("[method]outgoing-request.headers", "a handle"),
            ("[resource-drop]outgoing-request", "released"),
            ("[constructor]request-options", "a handle"),
            ("[method]request-options.connect-timeout", "one"),
            ("[method]request-options.set-connect-timeout", "done"),
            ("[method]request-options.first-byte-timeout", "one"),
            ("[method]request-options.set-first-byte-timeout", "done"),
            ("[method]request-options.between-bytes-timeout", "one"),
            ("[method]request-options.set-between-bytes-timeout", "done"),
            ("[resource-drop]request-options", "released"),
            ("[constructor]outgoing-response", "a handle"),
            ("[method]outgoing-response.status-code", "204"),
            ("[method]outgoing-response.set-status-code", "done"),
            ("[method]outgoing-response.headers", "a handle"),
            ("[method]outgoing-response.body", "a handle"),
            ("[resource-drop]outgoing-response", "released"),
            ("[method]outgoing-body.write", "a handle"),
            ("[static]outgoing-body.finish", "done"),
            ("[resource-drop]outgoing-body", "released"),
        ],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "incoming-request",
        functions: &[
            "[method]incoming-request.method",
            "[method]incoming-request.path-with-query",
            "[method]incoming-request.scheme",
            "[method]incoming-request.authority",
            "[method]incoming-request.headers",
            "[method]incoming-request.consume",
            "[resource-drop]incoming-request",
        ],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "response-outparam",
        functions: &["[static]response-outparam.set", "[resource-drop]response-outparam"],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "incoming-response",
        functions: &[
            "[method]incoming-response.status",
            "[method]incoming-response.headers",
            "[method]incoming-response.consume",
            "[resource-drop]incoming-response",
        ],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "incoming-body",
        functions: &[
            "[method]incoming-body.stream",
            "[static]incoming-body.finish",
            "[resource-drop]incoming-body",
        ],
    },
    Rows::Unreachable {
        interface: TYPES,
        handle: "future-trailers",
        functions: &[
            "[method]future-trailers.subscribe",
            "[method]future-trailers.get",
            "[resource-drop]future-trailers",
        ],
    },
    Rows::Harmless {
        interface: TYPES,
        reason: "the error of a body of its own, longer than it was said to be",
        answers: &[("http-error-code", "one")],
    },
];
