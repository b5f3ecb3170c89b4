//! How the process ends: one table of exit codes, which `--help` shows.

use std::error::Error;
use std::fmt::Write;

/// What the end of the process tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything went well; an interrupted run that ended cleanly too.
    Done,
    /// A manifest, a component or a call is not valid.
    Invalid,
    /// The command line is not valid.
    Usage,
    /// Something failed while running.
    Failed,
}

/// What a process ended by a signal adds to the signal's number, as shells do.
pub(crate) const SIGNAL_BASE: u8 = 128;

/// Every exit code, with what it means.
const TABLE: &[(&str, &str)] = &[
    ("0", "done; also when a first Ctrl-C or SIGTERM ended a run cleanly"),
    (
        "1",
        "what was asked about is not valid: a manifest, a component, a function or its arguments, an audit log",
    ),
    ("2", "wrong usage of the command line"),
    (
        "3",
        "a failure while running: input, output, a call that was ended, or a report that did not come or misses lines",
    ),
    ("130", "ended at once by a second Ctrl-C"),
    ("143", "ended at once by a second SIGTERM"),
];

impl Exit {
    /// The number that the caller sees.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Invalid => 1,
            Self::Usage => 2,
            Self::Failed => 3,
        }
    }
}

/// The table as `--help` shows it.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in TABLE {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {code:<4} {meaning}");
    }
    text.push_str(
        "\nEnvironment:\n  AIRSSYS_LOG  what is logged to standard error, for example `info` (default: warn)\n  \
         NO_COLOR     no colour, even on a terminal",
    );
    text
}

/// Why a command failed, and what its exit code is.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: Box<dyn Error + Send + Sync>,
    has_results: bool,
}

impl Failure {
    fn new(exit: Exit, error: Box<dyn Error + Send + Sync>) -> Self {
        Self { exit, error, has_results: false }
    }

    /// What was asked about is not valid.
    pub(crate) fn invalid(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Exit::Invalid, error.into())
    }

    /// The command line does not fit what it names.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Exit::Usage, error.into())
    }

    /// Something failed on the way.
    pub(crate) fn running(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Exit::Failed, error.into())
    }

    /// The same beside results, which standard output has already.
    pub(crate) fn beside_results(self) -> Self {
        Self { has_results: true, ..self }
    }

    /// Whether standard output has results nevertheless.
    pub(crate) fn has_results(&self) -> bool {
        self.has_results
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn error(&self) -> &(dyn Error + 'static) {
        self.error.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exit_has_its_own_code_in_the_table() {
        let all = [Exit::Done, Exit::Invalid, Exit::Usage, Exit::Failed];
        assert_eq!(all.map(Exit::number), [0, 1, 2, 3]);
        for exit in all {
            assert_eq!(TABLE.iter().filter(|(code, _)| *code == exit.number().to_string()).count(), 1);
        }
        for signal in [2, 15] {
            let code = (SIGNAL_BASE + signal).to_string();
            assert!(TABLE.iter().any(|(listed, _)| *listed == code), "{code}");
        }
    }

    #[test]
    fn the_help_lists_every_code() {
        let help = help();
        assert!(TABLE.iter().all(|(code, meaning)| help.contains(&format!("  {code:<4} {meaning}\n"))));
    }

    #[test]
    fn a_failure_keeps_its_kind() {
        assert_eq!(Failure::invalid("x").exit(), Exit::Invalid);
        assert_eq!(Failure::usage("x").exit(), Exit::Usage);
        assert_eq!(Failure::running("x").exit(), Exit::Failed);
    }
}
