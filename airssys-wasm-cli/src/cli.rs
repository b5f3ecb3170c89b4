//! What the command line accepts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use airssys_wasm_system::AuditHash;

use crate::exit;

/// Runs untrusted WebAssembly components as supervised, message-passing actors.
#[derive(Debug, Parser)]
#[command(name = "airssys-wasm", version, after_help = exit::help())]
pub(crate) struct Cli {
    /// How results are written to standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a system until its input ends, or until Ctrl-C or SIGTERM.
    Run(RunArguments),
    /// Tells what a component imports, exports and needs, without running it.
    Inspect(InspectArguments),
    /// Starts one component, calls one of its exported functions and prints the result.
    Invoke(InvokeArguments),
    /// Checks manifests and shows every error with its line.
    Validate(ValidateArguments),
    /// Looks after the log of what was denied and done.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prints a completion script.
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = run_help())]
pub(crate) struct RunArguments {
    /// A folder with an airssys.toml, or a system manifest.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,

    /// The file whose lines are the input; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
}

/// What `run --help` says besides its options.
fn run_help() -> String {
    let about = "\
Input: a system with [io] reads lines, from FILE or else from standard input. Where standard input is a \
terminal or the null device and `sample.log` lies in the folder of the system, that file is read instead.

Report: where a component that gets more than copies of the input has dead letters, kills, handler errors or \
denied messages, the report may miss lines. It is printed nevertheless, with `complete` false in JSON, and the exit code is 3.

Signals: the first Ctrl-C or SIGTERM stops reading; what was accepted is finished, the report taken and the \
summary printed. Where that takes longer than the longest stop_grace_ms of the components that the report \
may depend on, there is no report, and the exit code is 3. A second one ends the process at once.

Copies: a further target of the input that may send to nobody holds up nothing. At the end it has its \
stop_grace_ms, at most 5 s and none after a signal, before it is ended.";
    format!("{about}\n\n{}", exit::help())
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,

    /// The airssys.toml whose [host.ceilings] hold for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) ceilings: Option<PathBuf>,
}

/// Arguments of `invoke`.
#[derive(Debug, Args)]
#[command(after_help = invoke_help())]
pub(crate) struct InvokeArguments {
    /// The component's manifest, or a folder with a Component.toml.
    pub(crate) manifest: PathBuf,

    /// The function and its arguments, such as `add(1, 2)`.
    pub(crate) call: String,

    /// The airssys.toml whose ceilings hold for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) ceilings: Option<PathBuf>,
}

/// What `invoke --help` says besides its options.
fn invoke_help() -> String {
    let about = "\
Call: `function(arguments)` or `interface#function(arguments)`, with the arguments in WAVE, the text form of \
values of the component model: 1, \"text\", [1, 2], {x: 1, y: 2}, some(3). The interface may be without its \
version, or by its last name alone; it may be left out where only one function has the name.

Result: in WAVE, or as JSON with --format json; nothing where the function has none. An `err` that the function \
returns is a result like any other, and the exit code is 0. A function or an argument that does not fit the \
component is code 1; a call that a limit or a trap ended is code 3.

The component is started under the limits of its manifest and stopped afterwards. The call has the limits of one \
message: max_fuel and timeout_ms of [resources.cpu], and max_message_bytes for its arguments.";
    format!("{about}\n\n{}", exit::help())
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// Component.toml and airssys.toml files, or folders that hold one.
    #[arg(required = true, value_name = "MANIFEST")]
    pub(crate) manifests: Vec<PathBuf>,

    /// The airssys.toml whose ceilings hold for the Component.toml files.
    #[arg(long, value_name = "FILE")]
    pub(crate) ceilings: Option<PathBuf>,
}

/// What can be done with an audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Finds the first record of a log that was altered, removed, inserted or moved.
    Verify(VerifyArguments),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
#[command(after_help = verify_help())]
pub(crate) struct VerifyArguments {
    /// The files of one log in their order, or one of them.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The hash of the last record, as it was printed or kept before.
    #[arg(long, value_name = "HASH")]
    pub(crate) expect_last: Option<AuditHash>,
}

/// What `audit verify --help` says besides its options.
fn verify_help() -> String {
    let about = "\
Order: full files have the number of their first record in their names, so that a shell lists them in order: \
`audit verify audit.jsonl.* audit.jsonl`, or `audit verify audit.jsonl` as long as none was full.

Result: the last record and its hash, or the file and the line of the first bad record and the exit code 1.

What no chain of hashes shows: records that were cut off at the very end, and files that are missing before the \
first one given. Keep the last hash where nobody who writes the log can reach it, and give it as --expect-last. \
While a host writes the log, its last line may be unfinished.";
    format!("{about}\n\n{}", exit::help())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_defaults_to_this_folder() {
        let cli = Cli::try_parse_from(["airssys-wasm", "run", "--format", "json"]).unwrap();
        assert_eq!(cli.format, Format::Json);
        let Command::Run(arguments) = cli.command else { panic!("another command") };
        assert_eq!((arguments.path, arguments.input), (PathBuf::from("."), None));
    }
}
