//! What programs import: their surroundings, clocks, random numbers, and the folders that they were given.

use wasip2::cli::{environment, terminal_stderr, terminal_stdin, terminal_stdout};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::filesystem::preopens;
use wasip2::random::{insecure, insecure_seed, random};

use crate::report::{Report, count, presence};

/// A pollable, where `resource` is `pollable`, belongs to this interface.
const POLL: &str = "wasi:io/poll";

pub(crate) fn probe(report: &mut Report) {
    surroundings(report);
    clocks(report);
    let mut note = |interface: &str, function: &str, answer: String| {
        report.note(&format!("wasi:random/{interface}"), function, answer);
    };
    note("random", "get-random-bytes", count(&random::get_random_bytes(8)));
    random::get_random_u64();
    note("random", "get-random-u64", "a number".to_owned());
    note("insecure", "get-insecure-random-bytes", count(&insecure::get_insecure_random_bytes(8)));
    insecure::get_insecure_random_u64();
    note("insecure", "get-insecure-random-u64", "a number".to_owned());
    insecure_seed::insecure_seed();
    note("insecure-seed", "insecure-seed", "a number".to_owned());
    report.note("wasi:filesystem/preopens", "get-directories", count(&preopens::get_directories()));
}

fn surroundings(report: &mut Report) {
    const ENVIRONMENT: &str = "wasi:cli/environment";
    report.note(ENVIRONMENT, "get-environment", count(&environment::get_environment()));
    report.note(ENVIRONMENT, "get-arguments", count(&environment::get_arguments()));
    report.note(ENVIRONMENT, "initial-cwd", presence(environment::initial_cwd()));
    let input = presence(terminal_stdin::get_terminal_stdin());
    report.note("wasi:cli/terminal-stdin", "get-terminal-stdin", input);
    let output = presence(terminal_stdout::get_terminal_stdout());
    report.note("wasi:cli/terminal-stdout", "get-terminal-stdout", output);
    let error = presence(terminal_stderr::get_terminal_stderr());
    report.note("wasi:cli/terminal-stderr", "get-terminal-stderr", error);
}

fn clocks(report: &mut Report) {
    const MONOTONIC: &str = "wasi:clocks/monotonic-clock";
    const WALL: &str = "wasi:clocks/wall-clock";
    let time = |is_one| if is_one { "a time" } else { "no time" };
    let now = monotonic_clock::now();
    report.note(MONOTONIC, "resolution", time(monotonic_clock::resolution() > 0));
    let instant = monotonic_clock::subscribe_instant(now + 1);
    report.note(MONOTONIC, "subscribe-instant", "a handle");
    let duration = monotonic_clock::subscribe_duration(1_000_000);
    report.note(MONOTONIC, "subscribe-duration", "a handle");
    let ready = wasip2::io::poll::poll(&[&instant, &duration]);
    report.note(POLL, "poll", if ready.is_empty() { "none ready" } else { "some ready" });
    duration.block();
    report.note(POLL, "[method]pollable.block", "returned");
    report.note(POLL, "[method]pollable.ready", duration.ready());
    report.note(MONOTONIC, "now", time(monotonic_clock::now() > now));
    report.release(POLL, "pollable", (instant, duration));
    report.note(WALL, "now", time(wall_clock::now().seconds > 0));
    let resolution = wall_clock::resolution();
    report.note(WALL, "resolution", time(resolution.seconds > 0 || resolution.nanoseconds > 0));
}
