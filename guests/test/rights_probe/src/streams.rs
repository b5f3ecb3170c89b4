//! Standard input and output, and what can be done with any stream.

use wasip2::cli::{stderr, stdin, stdout};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use crate::report::Report;

const STREAMS: &str = "wasi:io/streams";

pub(crate) fn probe(report: &mut Report) {
    let input = stdin::get_stdin();
    report.note("wasi:cli/stdin", "get-stdin", "a handle");
    let output = stdout::get_stdout();
    report.note("wasi:cli/stdout", "get-stdout", "a handle");
    let error = stderr::get_stderr();
    report.note("wasi:cli/stderr", "get-stderr", "a handle");
    read(report, &input);
    write(report, &output, &input);
    drop(error);
    report.release(STREAMS, "output-stream", output);
    report.release(STREAMS, "input-stream", input);
}

fn read(report: &mut Report, input: &InputStream) {
    let mut note = |method: &str, answer: String| note(report, "input-stream", method, &answer);
    note("read", told(input.read(8).map(|bytes| bytes.len())));
    note("blocking-read", told(input.blocking_read(8).map(|bytes| bytes.len())));
    note("skip", told(input.skip(8)));
    note("blocking-skip", told(input.blocking_skip(8)));
    drop(input.subscribe());
    note("subscribe", "a handle".to_owned());
}

fn write(report: &mut Report, output: &OutputStream, input: &InputStream) {
    let mut note = |method: &str, answer: String| note(report, "output-stream", method, &answer);
    let done = |result: Result<(), StreamError>| told(result.map(|()| "returned"));
    note(
        "check-write",
        told(output.check_write().map(|room| if room > 0 { "some room" } else { "no room" })),
    );
    note("write", done(output.write(b"probe\n")));
    note("flush", done(output.flush()));
    note("blocking-flush", done(output.blocking_flush()));
    note("blocking-write-and-flush", done(output.blocking_write_and_flush(b"probe\n")));
    note("blocking-write-zeroes-and-flush", done(output.blocking_write_zeroes_and_flush(1)));
    drop(output.check_write());
    note("write-zeroes", done(output.write_zeroes(1)));
    drop(output.blocking_flush());
    drop(output.check_write());
    note("splice", told(output.splice(input, 8)));
    note("blocking-splice", told(output.blocking_splice(input, 8)));
    drop(output.subscribe());
    note("subscribe", "a handle".to_owned());
}

fn note(report: &mut Report, resource: &str, method: &str, answer: &str) {
    report.note(STREAMS, &format!("[method]{resource}.{method}"), answer);
}

pub(crate) fn told<T: ToString>(result: Result<T, StreamError>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(StreamError::Closed) => "closed".to_owned(),
        Err(StreamError::LastOperationFailed(_)) => "failed".to_owned(),
    }
}
