//! `airssys-wasm audit verify`: whether a log is what was written.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;
use thiserror::Error;

use airssys_wasm_system::{AuditHash, AuditHead, AuditVerifier, BadAuditRecord};

use crate::cli::{Format, VerifyArguments};
use crate::exit::{Exit, Failure};
use crate::output::{self, Terminal};

/// Bytes that are read at a time: a log of any size takes no more memory than this and one record.
const PIECE_BYTES: usize = 65_536;

/// Why a log is not what was written.
#[derive(Debug, Error)]
enum Fault {
    #[error("{file}:{}: {}", bad.line, bad.fault)]
    BadRecord { file: String, bad: BadAuditRecord },
    #[error(
        "{file}: record {} is the last one, with the hash {}, and not with {expected}: records are missing at \
         the end or were written since, or it is another log",
        head.sequence, head.hash
    )]
    AnotherEnd { file: String, head: AuditHead, expected: AuditHash },
}

/// A file of the log cannot be read.
#[derive(Debug, Error)]
#[error("{file} cannot be read")]
struct ReadError {
    file: String,
    #[source]
    source: io::Error,
}

#[derive(Serialize)]
struct VerdictJson {
    valid: bool,
    files: Vec<FileJson>,
    records: u64,
    first_sequence: Option<u64>,
    last_sequence: Option<u64>,
    last_hash: Option<String>,
    closed: Option<bool>,
    fault: Option<FaultJson>,
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    records: u64,
}

#[derive(Serialize)]
struct FaultJson {
    file: String,
    line: Option<u64>,
    reason: String,
}

impl From<&Fault> for FaultJson {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::BadRecord { file, bad } => {
                Self { file: file.clone(), line: Some(bad.line), reason: bad.fault.to_string() }
            }
            Fault::AnotherEnd { file, .. } => {
                Self { file: file.clone(), line: None, reason: fault.to_string() }
            }
        }
    }
}

/// Verifies the files in the order in which they are given.
pub(crate) fn verify(
    arguments: &VerifyArguments,
    format: Format,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let lengths: Option<u64> = arguments.files.iter().map(|path| length(path)).sum();
    let bar = terminal.show(output::progress_bar(lengths));
    let mut verifier = AuditVerifier::new();
    let mut files = Vec::new();
    let outcome = verify_all(arguments, &mut verifier, &mut files, &bar);
    bar.finish_and_clear();
    let fault = outcome.map_err(Failure::running)?;
    match (format, fault) {
        (Format::Json, fault) => {
            let exit = if fault.is_none() { Exit::Done } else { Exit::Invalid };
            output::json(&verdict(&verifier, files, fault.as_ref())).map_err(Failure::running)?;
            Ok(exit)
        }
        (Format::Human, Some(fault)) => Err(Failure::invalid(fault)),
        (Format::Human, None) => {
            output::data(report(&verifier, &files).as_bytes()).map_err(Failure::running)?;
            Ok(Exit::Done)
        }
    }
}

/// Bytes of a file, where it has a length.
fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len())
}

fn verify_all(
    arguments: &VerifyArguments,
    verifier: &mut AuditVerifier,
    files: &mut Vec<FileJson>,
    bar: &ProgressBar,
) -> Result<Option<Fault>, ReadError> {
    let mut last = String::new();
    for path in &arguments.files {
        let file = path.display().to_string();
        let before = verifier.records();
        let verified = verify_file(path, verifier, bar);
        let verified = verified.map_err(|source| ReadError { file: file.clone(), source })?;
        files.push(FileJson { file: file.clone(), records: verifier.records() - before });
        if let Err(bad) = verified {
            return Ok(Some(Fault::BadRecord { file, bad }));
        }
        last = file;
    }
    match (arguments.expect_last, verifier.head()) {
        (Some(expected), Some(head)) if expected != head.hash => {
            Ok(Some(Fault::AnotherEnd { file: last, head, expected }))
        }
        _ => Ok(None),
    }
}

fn verify_file(
    path: &Path,
    verifier: &mut AuditVerifier,
    bar: &ProgressBar,
) -> io::Result<Result<(), BadAuditRecord>> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => return Ok(verifier.end_file()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let fed = verifier.feed(piece.get(..count).unwrap_or_default());
        if fed.is_err() {
            return Ok(fed);
        }
        bar.inc(count as u64);
    }
}

fn verdict(verifier: &AuditVerifier, files: Vec<FileJson>, fault: Option<&Fault>) -> VerdictJson {
    let head = verifier.head();
    VerdictJson {
        valid: fault.is_none(),
        files,
        records: verifier.records(),
        first_sequence: verifier.first_sequence(),
        last_sequence: head.map(|head| head.sequence),
        last_hash: head.map(|head| head.hash.to_string()),
        closed: head.map(|head| head.is_closed),
        fault: fault.map(FaultJson::from),
    }
}

fn report(verifier: &AuditVerifier, files: &[FileJson]) -> String {
    let mut text = String::new();
    for FileJson { file, records } in files {
        let ending = if *records == 1 { "" } else { "s" };
        text.push_str(&format!("{file}: ok ({records} record{ending})\n"));
    }
    // Files without a record are not whole.
    let (Some(first), Some(head)) = (verifier.first_sequence(), verifier.head()) else { return text };
    if first > 0 {
        text.push_str(&format!("begins with record {first}; what came before was not verified\n"));
    }
    let ends = if head.is_closed {
        "the host was shut down in order"
    } else {
        "the host runs, or ended without a word"
    };
    text.push_str(&format!("ends with record {}: {ends}\nlast hash {}\n", head.sequence, head.hash));
    text
}
