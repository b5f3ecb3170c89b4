//! `wasi:io`.

use super::Rows;

const ERROR: &str = "wasi:io/error";
const POLL: &str = "wasi:io/poll";
const STREAMS: &str = "wasi:io/streams";

pub(super) const ROWS: &[Rows] = &[
    Rows::Harmless {
        interface: ERROR,
        reason: "the one error that can be had is about a body of its own, longer than it was said to be",
        answers: &[("[method]error.to-debug-string", "one"), ("[resource-drop]error", "released")],
    },
    Rows::Harmless {
        interface: POLL,
        reason: "a wait costs nothing but the call's own time, and the wall clock of the call ends it",
        answers: &[
            ("poll", "some ready"),
            ("[method]pollable.ready", "true"),
            ("[method]pollable.block", "returned"),
            ("[resource-drop]pollable", "released"),
        ],
    },
    Rows::Harmless {
        interface: STREAMS,
        reason: "the input streams that can be had are at their end",
        answers: &[
            ("[method]input-stream.read", "closed"),
            ("[method]input-stream.blocking-read", "closed"),
            ("[method]input-stream.skip", "closed"),
            ("[method]input-stream.blocking-skip", "closed"),
            ("[method]input-stream.subscribe", "a handle"),
            ("[resource-drop]input-stream", "released"),
        ],
    },
    Rows::Harmless {
        interface: STREAMS,
        reason: "the output streams that can be had lead to its own log, or into the body of a message that is never \
                 sent; what they hold is bounded",
        answers: &[
            ("[method]output-stream.check-write", "some room"),
            ("[method]output-stream.write", "returned"),
            ("[method]output-stream.blocking-write-and-flush", "returned"),
            ("[method]output-stream.flush", "returned"),
            ("[method]output-stream.blocking-flush", "returned"),
            ("[method]output-stream.subscribe", "a handle"),
            ("[method]output-stream.write-zeroes", "returned"),
            ("[method]output-stream.blocking-write-zeroes-and-flush", "returned"),
            ("[method]output-stream.splice", "closed"),
            ("[method]output-stream.blocking-splice", "closed"),
            ("[resource-drop]output-stream", "released"),
        ],
    },
];
