//! The summary of a run, for people and for programs.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use airssys_wasm_core::Address;
use airssys_wasm_system::{AuditStatus, ComponentStatus};

use super::pretty::pretty;
use crate::cli::Format;
use crate::output;

/// What the output component said at the end.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Report {
    /// JSON, kept as it was written.
    Json(Box<RawValue>),
    /// Anything else, as text.
    Text(String),
}

impl Report {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        match serde_json::from_str::<Box<RawValue>>(&text) {
            Ok(json) if std::str::from_utf8(bytes).is_ok() => Self::Json(json),
            _ => Self::Text(text),
        }
    }
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) report: Option<Report>,
    /// Whether all that was accepted had its way into the report.
    pub(crate) complete: bool,
    pub(crate) statuses: Vec<ComponentStatus>,
    pub(crate) elapsed: Duration,
    pub(crate) interrupted: bool,
    /// Lines that were fed; none where the system has no input.
    pub(crate) lines: Option<u64>,
    /// Those of them that were cut.
    pub(crate) cut: u64,
    /// Copies of lines that further targets did not take.
    pub(crate) refused: Vec<(Address, u64)>,
    /// How the audit log stood at the end, where there is one.
    pub(crate) audit: Option<AuditStatus>,
}

#[derive(Serialize)]
struct SummaryJson<'s> {
    report: Option<&'s Report>,
    complete: bool,
    components: Vec<ComponentJson>,
    elapsed_ms: u64,
    interrupted: bool,
    cut: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditJson<'s>>,
}

#[derive(Serialize)]
struct AuditJson<'s> {
    written: u64,
    lost: u64,
    failing: Option<&'s str>,
    records: u64,
    last_hash: String,
}

impl<'s> From<&'s AuditStatus> for AuditJson<'s> {
    fn from(status: &'s AuditStatus) -> Self {
        Self {
            written: status.written,
            lost: status.lost,
            failing: status.failing.as_deref(),
            records: status.records,
            last_hash: status.last_hash.to_string(),
        }
    }
}

#[derive(Serialize)]
struct ComponentJson {
    id: String,
    state: &'static str,
    handled: u64,
    restarts: u64,
    kills: KillsJson,
    denied: u64,
    access_denied: u64,
    rejected_full: u64,
    handler_errors: u64,
    dropped: u64,
    dead_letters: u64,
    log_dropped: u64,
    memory: Option<MemoryJson>,
    last_end: Option<&'static str>,
}

#[derive(Serialize)]
struct KillsJson {
    out_of_fuel: u64,
    timeout: u64,
    out_of_memory: u64,
    trap: u64,
    host_limit: u64,
}

#[derive(Serialize)]
struct MemoryJson {
    current_bytes: u64,
    peak_bytes: u64,
    max_bytes: u64,
    denied_growths: u64,
}

impl From<&ComponentStatus> for ComponentJson {
    fn from(status: &ComponentStatus) -> Self {
        Self {
            id: status.id.to_string(),
            state: status.state.as_str(),
            handled: status.handled,
            restarts: status.restarts,
            kills: KillsJson {
                out_of_fuel: status.kills.out_of_fuel,
                timeout: status.kills.timeout,
                out_of_memory: status.kills.out_of_memory,
                trap: status.kills.trap,
                host_limit: status.kills.host_limit,
            },
            denied: status.denied,
            access_denied: status.access_denied,
            rejected_full: status.rejected_full,
            handler_errors: status.handler_errors,
            dropped: status.dropped,
            dead_letters: status.dead_letters,
            log_dropped: status.log_dropped,
            memory: status.memory.as_ref().map(|memory| MemoryJson {
                current_bytes: memory.current_bytes,
                peak_bytes: memory.peak_bytes,
                max_bytes: memory.max_bytes,
                denied_growths: memory.denied_growths,
            }),
            last_end: status.last_end.as_ref().map(|cause| cause.name()),
        }
    }
}

/// The columns of the table after the id and the state.
const COLUMNS: [&str; 9] =
    ["HANDLED", "RESTARTS", "FUEL", "TIMEOUT", "MEMORY", "TRAP", "HOST", "DENIED", "DROPPED"];

impl Summary {
    /// Writes it to standard output.
    pub(crate) fn print(&mut self, format: Format) -> io::Result<()> {
        self.statuses.sort_by_key(|status| status.id.to_string());
        match format {
            Format::Json => output::json(&self.json()),
            Format::Human => {
                output::data(self.human(output::is_on_terminal(), output::is_coloured()).as_bytes())
            }
        }
    }

    fn json(&self) -> SummaryJson<'_> {
        SummaryJson {
            report: self.report.as_ref(),
            complete: self.complete,
            components: self.statuses.iter().map(ComponentJson::from).collect(),
            elapsed_ms: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            interrupted: self.interrupted,
            cut: self.cut,
            audit: self.audit.as_ref().map(AuditJson::from),
        }
    }

    /// For people. On a terminal, what a guest wrote cannot steer it.
    fn human(&self, on_terminal: bool, coloured: bool) -> String {
        let mut text = String::new();
        match &self.report {
            Some(report) => {
                let shown = match report {
                    Report::Json(json) => pretty(json.get()),
                    Report::Text(said) => said.clone(),
                };
                text.push_str(&if on_terminal { output::harmless(&shown) } else { shown.as_str().into() });
                text.push_str("\n\n");
            }
            None if self.lines.is_some() => text.push_str("no report\n\n"),
            None => {}
        }
        self.table(&mut text, coloured);
        text.push('\n');
        let seconds = self.elapsed.as_secs_f64();
        // Writing to a string cannot fail, here and below.
        let _ = match self.lines {
            Some(lines) => {
                let rate = if seconds > 0.0 { lines as f64 / seconds } else { 0.0 };
                let ending = if lines == 1 { "" } else { "s" };
                writeln!(text, "{lines} line{ending} in {seconds:.3} s ({rate:.0} lines/s)")
            }
            None => writeln!(text, "ran for {seconds:.3} s"),
        };
        for (address, count) in &self.refused {
            let _ = writeln!(text, "{count} copies not taken by {address}");
        }
        if let Some(AuditStatus { written, lost, last_hash, .. }) = &self.audit {
            let _ = writeln!(
                text,
                "audit log: {written} records written, {lost} events not; last hash {last_hash}"
            );
        }
        if self.interrupted {
            text.push_str("interrupted\n");
        }
        text
    }

    fn table(&self, text: &mut String, coloured: bool) {
        let rows: Vec<_> = self.statuses.iter().map(row).collect();
        let id_width = rows.iter().map(|(id, ..)| id.len()).max().unwrap_or(0).max("COMPONENT".len());
        let state_width = rows.iter().map(|(_, state, _)| state.len()).max().unwrap_or(0).max("STATE".len());
        let widths: Vec<_> = COLUMNS
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cells = rows.iter().filter_map(|(.., cells)| cells.get(at)).map(String::len);
                cells.max().unwrap_or(0).max(name.len())
            })
            .collect();
        let line = |text: &mut String, id: &str, state: &str, cells: &[&str]| {
            let _ = write!(text, "{id:<id_width$}  {state:<state_width$}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(text, "  {cell:>width$}");
            }
        };
        let (bold, plain) = if coloured { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        text.push_str(bold);
        line(text, "COMPONENT", "STATE", &COLUMNS);
        text.push_str(plain);
        text.push('\n');
        for (id, state, cells) in &rows {
            line(text, id, state, &cells.each_ref().map(String::as_str));
            text.push('\n');
        }
    }
}

/// One line of the table.
fn row(status: &ComponentStatus) -> (String, &'static str, [String; COLUMNS.len()]) {
    let kills = &status.kills;
    let cells = [
        status.handled,
        status.restarts,
        kills.out_of_fuel,
        kills.timeout,
        kills.out_of_memory,
        kills.trap,
        kills.host_limit,
        status.denied.saturating_add(status.access_denied),
        status.dropped,
    ];
    (status.id.to_string(), status.state.as_str(), cells.map(|count| count.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(report: Option<Report>) -> Summary {
        Summary {
            report,
            complete: true,
            statuses: Vec::new(),
            elapsed: Duration::from_millis(2_000),
            interrupted: false,
            lines: Some(10),
            cut: 2,
            refused: vec![("logs/mischief".parse().unwrap(), 3)],
            audit: None,
        }
    }

    #[track_caller]
    fn check_json(reply: &[u8], expected: &str) {
        let json = serde_json::to_string(&summary(Some(Report::new(reply))).json()).unwrap();
        let rest = r#","complete":true,"components":[],"elapsed_ms":2000,"interrupted":false,"cut":2}"#;
        assert_eq!(json, format!(r#"{{"report":{expected}{rest}"#));
    }

    #[test]
    fn a_report_in_json_is_kept_to_the_byte() {
        check_json(
            br#"{"b": 1e2, "a":123456789012345678901234567890}"#,
            r#"{"b": 1e2, "a":123456789012345678901234567890}"#,
        );
        check_json(b" [1]\n", "[1]");
    }

    #[test]
    fn any_other_report_is_a_text() {
        check_json(b"done", r#""done""#);
        check_json(b"", r#""""#);
        check_json(b"\"\xff\"", "\"\\\"\u{fffd}\\\"\"");
    }

    #[test]
    fn no_report_is_null() {
        let json = serde_json::to_value(summary(None).json()).unwrap();
        assert!(json.get("report").unwrap().is_null());
    }

    #[test]
    fn people_see_the_report_and_the_rate() {
        let text = summary(Some(Report::new(br#"{"lines":10}"#))).human(false, false);
        let table = format!("COMPONENT  STATE  {}\n", COLUMNS.join("  "));
        let end = "\n10 lines in 2.000 s (5 lines/s)\n3 copies not taken by logs/mischief\n";
        assert_eq!(text, format!("{{\"lines\": 10}}\n\n{table}{end}"));
    }

    #[test]
    fn a_report_cannot_steer_a_terminal() {
        let text = summary(Some(Report::new(b"\x1b[2J"))).human(true, false);
        assert!(text.starts_with("\u{fffd}[2J\n"));
        assert!(summary(Some(Report::new(b"\x1b[2J"))).human(false, false).starts_with("\u{1b}[2J\n"));
    }
}
