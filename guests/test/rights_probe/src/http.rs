//! `wasi:http`: requests can be written, but not sent.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    RequestOptions, Scheme,
};
use wasip2::io::error::Error;
use wasip2::io::streams::StreamError;

use crate::report::{Report, count, presence};

const TYPES: &str = "wasi:http/types";
const ERROR: &str = "wasi:io/error";

pub(crate) fn probe(report: &mut Report) {
    fields(report);
    let request = request(report);
    let options = options(report);
    let sent = outgoing_handler::handle(request, Some(options));
    report.note("wasi:http/outgoing-handler", "handle", if sent.is_ok() { "a handle" } else { "refused" });
    if let Ok(future) = sent {
        answer(report, future);
    }
    let spare = RequestOptions::new();
    report.release(TYPES, "request-options", spare);
    response(report);
    body(report);
    if let Some(error) = failed_write() {
        report.note(ERROR, "[method]error.to-debug-string", presence(Some(error.to_debug_string())));
        report.note(TYPES, "http-error-code", presence(types::http_error_code(&error)));
        let code = wasip2::filesystem::types::filesystem_error_code(&error);
        report.note("wasi:filesystem/types", "filesystem-error-code", presence(code));
        report.release(ERROR, "error", error);
    }
}

fn note(report: &mut Report, function: &str, answer: &str) {
    report.note(TYPES, function, answer);
}

fn done<T, E>(result: Result<T, E>) -> &'static str {
    if result.is_ok() { "done" } else { "refused" }
}

fn fields(report: &mut Report) {
    let fields = Fields::new();
    note(report, "[constructor]fields", "a handle");
    note(report, "[method]fields.set", done(fields.set("a", &[b"1".to_vec()])));
    note(report, "[method]fields.append", done(fields.append("b", b"2")));
    note(report, "[method]fields.delete", done(fields.delete("a")));
    note(report, "[method]fields.get", &count(&fields.get("b")));
    note(report, "[method]fields.has", &fields.has("b").to_string());
    note(report, "[method]fields.entries", &count(&fields.entries()));
    drop(fields.clone());
    note(report, "[method]fields.clone", "a handle");
    let list = Fields::from_list(&[("a".to_owned(), b"1".to_vec())]);
    note(report, "[static]fields.from-list", done(list));
    report.release(TYPES, "fields", fields);
}

fn request(report: &mut Report) -> OutgoingRequest {
    let request = OutgoingRequest::new(Fields::new());
    note(report, "[constructor]outgoing-request", "a handle");
    let mut note = |method: &str, answer: &str| {
        note(report, &format!("[method]outgoing-request.{method}"), answer);
    };
    note("set-method", done(request.set_method(&Method::Get)));
    request.method();
    note("method", "a value");
    note("set-path-with-query", done(request.set_path_with_query(Some("/"))));
    note("path-with-query", presence(request.path_with_query()));
    note("set-scheme", done(request.set_scheme(Some(&Scheme::Http))));
    note("scheme", presence(request.scheme()));
    note("set-authority", done(request.set_authority(Some("localhost"))));
    note("authority", presence(request.authority()));
    drop(request.headers());
    note("headers", "a handle");
    note("body", if request.body().is_ok() { "a handle" } else { "refused" });
    report.release(TYPES, "outgoing-request", OutgoingRequest::new(Fields::new()));
    request
}

fn options(report: &mut Report) -> RequestOptions {
    let options = RequestOptions::new();
    note(report, "[constructor]request-options", "a handle");
    let mut note =
        |method: &str, answer: &str| note(report, &format!("[method]request-options.{method}"), answer);
    note("set-connect-timeout", done(options.set_connect_timeout(Some(1))));
    note("connect-timeout", presence(options.connect_timeout()));
    note("set-first-byte-timeout", done(options.set_first_byte_timeout(Some(1))));
    note("first-byte-timeout", presence(options.first_byte_timeout()));
    note("set-between-bytes-timeout", done(options.set_between_bytes_timeout(Some(1))));
    note("between-bytes-timeout", presence(options.between_bytes_timeout()));
    options
}

fn answer(report: &mut Report, future: FutureIncomingResponse) {
    future.subscribe().block();
    note(report, "[method]future-incoming-response.subscribe", "a handle");
    let answer = match future.get() {
        Some(Ok(Ok(_))) => "a handle",
        Some(Ok(Err(ErrorCode::HttpRequestDenied))) => "http-request-denied",
        Some(Ok(Err(_))) => "another error",
        Some(Err(())) | None => "none",
    };
    note(report, "[method]future-incoming-response.get", answer);
    report.release(TYPES, "future-incoming-response", future);
}

fn response(report: &mut Report) {
    let response = OutgoingResponse::new(Fields::new());
    note(report, "[constructor]outgoing-response", "a handle");
    let mut note =
        |method: &str, answer: &str| note(report, &format!("[method]outgoing-response.{method}"), answer);
    note("set-status-code", done(response.set_status_code(204)));
    note("status-code", &response.status_code().to_string());
    drop(response.headers());
    note("headers", "a handle");
    note("body", if response.body().is_ok() { "a handle" } else { "refused" });
    report.release(TYPES, "outgoing-response", response);
}

fn body(report: &mut Report) {
    let response = OutgoingResponse::new(Fields::new());
    let Ok(body) = response.body() else { return };
    note(report, "[method]outgoing-body.write", if body.write().is_ok() { "a handle" } else { "refused" });
    note(report, "[static]outgoing-body.finish", done(OutgoingBody::finish(body, None)));
    drop(response);
    let response = OutgoingResponse::new(Fields::new());
    if let Ok(body) = response.body() {
        report.release(TYPES, "outgoing-body", body);
    }
}

/// The one error that a guest without rights can have: of a body that is longer than it was said to be.
fn failed_write() -> Option<Error> {
    let fields = Fields::new();
    fields.set("content-length", &[b"1".to_vec()]).ok()?;
    let request = OutgoingRequest::new(fields);
    let body = request.body().ok()?;
    let stream = body.write().ok()?;
    stream.check_write().ok()?;
    match stream.write(b"more") {
        Err(StreamError::LastOperationFailed(error)) => Some(error),
        _ => None,
    }
}
