//! `wasi:cli`, `wasi:clocks` and `wasi:random`.

use super::Rows;

const ENVIRONMENT: &str = "wasi:cli/environment";
const EXIT: &str = "wasi:cli/exit";
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock";
const NO_TERMINAL: &str = "no stream of a component is a terminal";
const OUTPUT: &str = "what is written goes nowhere but to the component's own log, within its volume";
const RANDOM: &str = "numbers without meaning, and a bounded number of bytes for each call";
const TIME: &str = "the time, which everybody knows";

pub(super) const ROWS: &[Rows] = &[
    Rows::Harmless {
        interface: ENVIRONMENT,
        reason: "nothing but the variables that were granted, and no others are there",
        answers: &[("get-environment", "none")],
    },
    Rows::Harmless {
        interface: ENVIRONMENT,
        reason: "a component has neither arguments nor a folder that it is in",
        answers: &[("get-arguments", "none"), ("initial-cwd", "none")],
    },
    Rows::Harmless {
        interface: EXIT,
        reason: "it gives up itself and nobody else; its restart policy decides what follows",
        answers: &[("exit", "the instance ends"), ("exit-with-code", "the instance ends")],
    },
    Rows::Harmless {
        interface: "wasi:cli/stdin",
        reason: "a stream that is at its end",
        answers: &[("get-stdin", "a handle")],
    },
    Rows::Harmless { interface: "wasi:cli/stdout", reason: OUTPUT, answers: &[("get-stdout", "a handle")] },
    Rows::Harmless { interface: "wasi:cli/stderr", reason: OUTPUT, answers: &[("get-stderr", "a handle")] },
    Rows::Harmless {
        interface: "wasi:cli/terminal-stdin",
        reason: NO_TERMINAL,
        answers: &[("get-terminal-stdin", "none")],
    },
    Rows::Harmless {
        interface: "wasi:cli/terminal-stdout",
        reason: NO_TERMINAL,
        answers: &[("get-terminal-stdout", "none")],
    },
    Rows::Harmless {
        interface: "wasi:cli/terminal-stderr",
        reason: NO_TERMINAL,
        answers: &[("get-terminal-stderr", "none")],
    },
    Rows::Unreachable {
        interface: "wasi:cli/terminal-input",
        handle: "terminal-input",
        functions: &["[resource-drop]terminal-input"],
    },
    Rows::Unreachable {
        interface: "wasi:cli/terminal-output",
        handle: "terminal-output",
        functions: &["[resource-drop]terminal-output"],
    },
    Rows::Harmless {
        interface: MONOTONIC_CLOCK,
        reason: TIME,
        answers: &[("now", "a time"), ("resolution", "a time")],
    },
    Rows::Harmless {
        interface: MONOTONIC_CLOCK,
        reason: "a wait costs nothing but the call's own time, and the handles of an instance are bounded",
        answers: &[("subscribe-instant", "a handle"), ("subscribe-duration", "a handle")],
    },
    Rows::Harmless {
        interface: "wasi:clocks/wall-clock",
        reason: TIME,
        answers: &[("now", "a time"), ("resolution", "a time")],
    },
    Rows::Harmless {
        interface: "wasi:random/random",
        reason: RANDOM,
        answers: &[("get-random-bytes", "8"), ("get-random-u64", "a number")],
    },
    Rows::Harmless {
        interface: "wasi:random/insecure",
        reason: RANDOM,
        answers: &[("get-insecure-random-bytes", "8"), ("get-insecure-random-u64", "a number")],
    },
    Rows::Harmless {
        interface: "wasi:random/insecure-seed",
        reason: RANDOM,
        answers: &[("insecure-seed", "a number")],
    },
];
