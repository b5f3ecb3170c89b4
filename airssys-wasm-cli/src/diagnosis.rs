//! Errors as programs read them.

use std::error::Error;
use std::path::Path;

use serde::Serialize;

use airssys_wasm_core::{ManifestDiagnostic, ManifestError};
use airssys_wasm_system::SystemError;

use crate::output;

/// One thing that is wrong with a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DiagnosticJson {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    reason: String,
    help: Option<String>,
}

/// A command that has no results.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FailureJson {
    error: String,
    causes: Vec<String>,
    diagnostics: Vec<DiagnosticJson>,
}

impl FailureJson {
    pub(crate) fn new(error: &(dyn Error + 'static)) -> Self {
        if let Some(manifest) = output::manifest_error(error) {
            return Self {
                error: format!("{} is not valid", manifest.source_name()),
                causes: Vec::new(),
                diagnostics: of_manifest(manifest),
            };
        }
        let diagnostics = match error.downcast_ref::<SystemError>() {
            Some(found @ (SystemError::File { path, .. } | SystemError::OutsideFolder { path })) => {
                diagnostics(path, found)
            }
            _ => Vec::new(),
        };
        Self { error: error.to_string(), causes: output::causes(error), diagnostics }
    }
}

/// What is wrong according to an error that was met at `path`.
pub(crate) fn diagnostics(path: &Path, error: &SystemError) -> Vec<DiagnosticJson> {
    let file = match error {
        SystemError::Manifest(manifest) => return of_manifest(manifest),
        SystemError::File { path, .. } | SystemError::OutsideFolder { path } => path,
        _ => path,
    };
    vec![DiagnosticJson {
        file: file.display().to_string(),
        line: None,
        column: None,
        reason: output::chain(error).replace("\n  caused by: ", ": "),
        help: None,
    }]
}

fn of_manifest(manifest: &ManifestError) -> Vec<DiagnosticJson> {
    let one = |diagnostic: &ManifestDiagnostic| DiagnosticJson {
        file: manifest.source_name().to_owned(),
        line: Some(diagnostic.line()),
        column: Some(diagnostic.column()),
        reason: diagnostic.reason().to_owned(),
        help: diagnostic.help().map(str::to_owned),
    };
    manifest.diagnostics().iter().map(one).collect()
}
