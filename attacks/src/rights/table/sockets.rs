//! `wasi:sockets`.

use super::Rows;

const NAME_LOOK_UP: &str = "wasi:sockets/ip-name-lookup";
/// No component is granted more of it than connections by TCP.
const NETWORK: &str = "capabilities.network";
const TCP: &str = "wasi:sockets/tcp";
const TOKEN: &str = "a token without which sockets cannot be asked for anything; it opens nothing by itself";
const UDP: &str = "wasi:sockets/udp";

pub(super) const ROWS: &[Rows] = &[
    Rows::Harmless {
        interface: "wasi:sockets/instance-network",
        reason: TOKEN,
        answers: &[("instance-network", "a handle")],
    },
    Rows::Harmless {
        interface: "wasi:sockets/network",
        reason: TOKEN,
        answers: &[("[resource-drop]network", "released")],
    },
    Rows::Denied {
        interface: NAME_LOOK_UP,
        rule: NETWORK,
        answers: &[("resolve-addresses", "access-denied")],
    },
    Rows::Unreachable {
        interface: NAME_LOOK_UP,
        handle: "resolve-address-stream",
        functions: &[
            "[method]resolve-address-stream.resolve-next-address",
            "[method]resolve-address-stream.subscribe",
            "[resource-drop]resolve-address-stream",
        ],
    },
    Rows::Denied {
        interface: "wasi:sockets/tcp-create-socket",
        rule: NETWORK,
        answers: &[("create-tcp-socket", "access-denied")],
    },
    Rows::Unreachable {
        interface: TCP,
        handle: "tcp-socket",
        functions: &[
            "[method]tcp-socket.start-bind",
            "[method]tcp-socket.finish-bind",
            "[method]tcp-socket.start-connect",
            "[method]tcp-socket.finish-connect",
            "[method]tcp-socket.start-listen",
            "[method]tcp-socket.finish-listen",
            "[method]tcp-socket.accept",
            "[method]tcp-socket.local-address",
            "[method]tcp-socket.remote-address",
            "[method]tcp-socket.is-listening",
            "[method]tcp-socket.address-family",
            "[method]tcp-socket.set-listen-backlog-size",
            "[method]tcp-socket.keep-alive-enabled",
            "[method]tcp-socket.set-keep-alive-enabled",
            "[method]tcp-socket.keep-alive-idle-time",
            "[method]tcp-socket.set-keep-alive-idle-time",
            "[method]tcp-socket.keep-alive-interval",
            "[method]tcp-socket.set-keep-alive-interval",
            "[method]tcp-socket.keep-alive-count",
            "[method]tcp-socket.set-keep-alive-count",
            "[method]tcp-socket.hop-limit",
            "[method]tcp-socket.set-hop-limit",
            "[method]tcp-socket.receive-buffer-size",
            "[method]tcp-socket.set-receive-buffer-size",
            "[method]tcp-socket.send-buffer-size",
            "[method]tcp-socket.set-send-buffer-size",
            "[method]tcp-socket.subscribe",
            "[method]tcp-socket.shutdown",
            "[resource-drop]tcp-socket",
        ],
    },
    Rows::Denied {
        interface: "wasi:sockets/udp-create-socket",
        rule: NETWORK,
        answers: &[("create-udp-socket", "access-denied")],
    },
    Rows::Unreachable {
        interface: UDP,
        handle: "udp-socket",
        functions: &[
            "[method]udp-socket.start-bind",
            "[method]udp-socket.finish-bind",
            "[method]udp-socket.stream",
            "[method]udp-socket.local-address",
            "[method]udp-socket.remote-address",
            "[method]udp-socket.address-family",
            "[method]udp-socket.unicast-hop-limit",
            "[method]udp-socket.set-unicast-hop-limit",
            "[method]udp-socket.receive-buffer-size",
            "[method]udp-socket.set-receive-buffer-size",
            "[method]udp-socket.send-buffer-size",
            "[method]udp-socket.set-send-buffer-size",
            "[method]udp-socket.subscribe",
            "[resource-drop]udp-socket",
        ],
    },
    Rows::Unreachable {
        interface: UDP,
        handle: "incoming-datagram-stream",
        functions: &[
            "[method]incoming-datagram-stream.receive",
            "[method]incoming-datagram-stream.subscribe",
            "[resource-drop]incoming-datagram-stream",
        ],
    },
    Rows::Unreachable {
        interface: UDP,
        handle: "outgoing-datagram-stream",
        functions: &[
            "[method]outgoing-datagram-stream.check-send",
            "[method]outgoing-datagram-stream.send",
            "[method]outgoing-datagram-stream.subscribe",
            "[resource-drop]outgoing-datagram-stream",
        ],
    },
];
