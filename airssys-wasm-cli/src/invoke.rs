//! `airssys-wasm invoke`: one call of one exported function, under the limits of the component's manifest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::ProgressBar;
use thiserror::Error;
use tokio::runtime;

use airssys_wasm_core::{
    CallError, EncodedValues, EndCause, RequestError, RestartPolicy, SupervisionConfig, ValueFormat,
};
use airssys_wasm_system::{Component, ComponentStatus, Host, HostBuilder, SystemError};

use crate::cli::{Format, InvokeArguments};
use crate::exit::{Exit, Failure};
use crate::output::{self, Terminal};
use crate::policy::Policy;
use crate::signals::Interruption;

/// The manifest in a folder.
const COMPONENT_MANIFEST: &str = "Component.toml";

/// How often the spinner moves.
const SPINNER_TICK: Duration = Duration::from_millis(100);

/// Instances that there is room for: the one, and the one that would follow it.
const INSTANCES: u32 = 2;

/// A call that did not come to a result.
#[derive(Debug, Error)]
enum CallFailed {
    #[error("{function} was ended: {cause}")]
    Ended { function: String, cause: EndCause },
    #[error("{function} gave no result")]
    Unanswered {
        function: String,
        #[source]
        source: RequestError,
    },
    #[error("interrupted before {function} returned")]
    Interrupted { function: String },
}

/// Why there is no result.
enum Unmade {
    Start(SystemError),
    Call(RequestError),
    Interrupted,
}

/// Calls one function and prints what it returns.
pub(crate) fn invoke(
    arguments: &InvokeArguments,
    format: Format,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let call = Call::parse(&arguments.call).ok_or_else(|| {
        let given = &arguments.call;
        Failure::usage(format!("`{given}` is no call; write `function(arguments)`, such as `add(1, 2)`"))
    })?;
    let (host, component) = prepare(arguments)?;
    let grace = Duration::from_millis(component.manifest().lifecycle.stop_grace_ms);
    let interruption = Interruption::listen(grace).map_err(Failure::running)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::running)?;
    let (called, statuses) = runtime.block_on(async {
        let called = call.make(&host, component, format, &interruption, terminal).await;
        (called, host.shutdown().await)
    });
    runtime.shutdown_background();
    let result = called.map_err(|unmade| call.failure(unmade, statuses))?;
    print(&result, format)?;
    Ok(Exit::Done)
}

/// A host for one component, and the component.
fn prepare(arguments: &InvokeArguments) -> Result<(Host, Component), Failure> {
    let path = manifest_of(&arguments.manifest);
    let policy = Policy::of(arguments.ceilings.as_deref()).map_err(Failure::invalid)?;
    let ceilings = policy.ceilings(&path);
    let component = Component::from_manifest_file(&path, &ceilings).map_err(Failure::invalid)?;
    // There is one call, so that nothing is left to do for one that is started again.
    let supervision =
        SupervisionConfig { policy: RestartPolicy::Temporary, ..component.manifest().supervision };
    let component = component.supervision(supervision);
    let builder = Host::builder().ceilings(ceilings).max_instances(INSTANCES);
    // What the component may write must not be what says what it, or another of the system, may do the next time.
    let own = [Some(path.as_path()), component.file()].into_iter().flatten().map(Path::to_owned);
    let files = policy.files().map_err(Failure::invalid)?.into_iter().chain(own);
    let builder = files.fold(builder, HostBuilder::protect_file_from_writing);
    let builder = policy.folders.into_iter().fold(builder, HostBuilder::protect_folder);
    Ok((builder.build().map_err(Failure::running)?, component))
}

fn manifest_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(COMPONENT_MANIFEST) } else { path.to_owned() }
}

fn print(result: &EncodedValues, format: Format) -> Result<(), Failure> {
    let text = result.text().unwrap_or_default();
    if text.is_empty() && format == Format::Human {
        return Ok(());
    }
    let line = format!("{text}\n");
    // What a component returns cannot steer a terminal.
    let shown = if output::is_on_terminal() { output::harmless(&line) } else { line.as_str().into() };
    output::data(shown.as_bytes()).map_err(Failure::running)
}

/// A function and its arguments, as the command line has them.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    function: String,
    arguments: String,
}

impl Call {
    /// Takes `function(arguments)` apart. What the arguments are is for the component's types to say.
    fn parse(text: &str) -> Option<Self> {
        let (function, rest) = text.trim().split_once('(')?;
        let arguments = rest.strip_suffix(')')?;
        let function = function.trim();
        (!function.is_empty())
            .then(|| Self { function: function.to_owned(), arguments: arguments.to_owned() })
    }

    async fn make(
        &self,
        host: &Host,
        component: Component,
        format: Format,
        interruption: &Interruption,
        terminal: &Terminal,
    ) -> Result<EncodedValues, Unmade> {
        let address = component.address();
        let spinner = terminal.show(ProgressBar::new_spinner());
        spinner.enable_steady_tick(SPINNER_TICK);
        spinner.set_message(format!("starting {address}"));
        let started = host.start(component).await;
        spinner.finish_and_clear();
        let reference = started.map_err(Unmade::Start)?;
        let result = match format {
            Format::Human => ValueFormat::Wave,
            Format::Json => ValueFormat::Json,
        };
        let arguments = EncodedValues::wave(self.arguments.as_str());
        tokio::select! {
            called = reference.invoke_as(&self.function, arguments, result) => called.map_err(Unmade::Call),
            () = interruption.come() => {
                // A function that goes on would hold up the end for its whole time.
                drop(host.kill(&address).await);
                Err(Unmade::Interrupted)
            }
        }
    }

    /// What a call without a result is told as. A reply names a cause alone; the status has its figures.
    fn failure(&self, unmade: Unmade, statuses: Vec<ComponentStatus>) -> Failure {
        let function = self.function.clone();
        let cause = || statuses.into_iter().find_map(|status| status.last_end.filter(EndCause::is_failure));
        match unmade {
            Unmade::Start(error @ SystemError::Interrupted) => Failure::running(error),
            Unmade::Start(error) => Failure::invalid(error),
            Unmade::Interrupted => Failure::running(CallFailed::Interrupted { function }),
            Unmade::Call(RequestError::Call(error)) if is_about_the_result(&error) => Failure::running(error),
            Unmade::Call(RequestError::Call(error)) => Failure::invalid(error),
            Unmade::Call(source) => Failure::running(match (&source, cause()) {
                (RequestError::ReceiverEnded { .. }, Some(cause)) => CallFailed::Ended { function, cause },
                _ => CallFailed::Unanswered { function, source },
            }),
        }
    }
}

/// Whether the call was made, and only its result cannot be shown.
fn is_about_the_result(error: &CallError) -> bool {
    matches!(error, CallError::Unwritable { .. } | CallError::ResultTooLarge { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, function: &str, arguments: &str) {
        let call = Call { function: function.to_owned(), arguments: arguments.to_owned() };
        assert_eq!(Call::parse(text), Some(call));
    }

    #[test]
    fn a_call_is_a_name_and_what_is_in_its_parentheses() {
        check("add(1, 2)", "add", "1, 2");
        check(" acme:calc/math@1.0.0#add ( (1, 2) ) ", "acme:calc/math@1.0.0#add", " (1, 2) ");
        check("now()", "now", "");
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for text in ["", "add", "add(1", "(1)", "add 1)"] {
            assert_eq!(Call::parse(text), None, "{text}");
        }
    }
}
