//! The loader: whatever the bytes, they are refused with an error of their kind, or what they mean runs under its
//! limits.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use airssys_wasm_core::{ComponentId, EndCause, ResourceLimits};
use airssys_wasm_runtime::{
    Budget, ComponentReport, EngineConfig, InstanceSetup, MissingImports, RuntimeError, VerifiedComponent,
    WasmtimeEngine,
};
use anyhow::{Context, Result, bail, ensure};

use crate::guests::built_guests;
use crate::mutation::Mutator;
use crate::target::Told;

/// Guests that are changed: the small ones, so that many changes are tried in a second.
const MAX_GUEST_BYTES: u64 = 32 * 1024;

/// Longest input. Longer ones find nothing that these do not.
const MAX_INPUT_BYTES: usize = 256 * 1024;

/// What one input may take on a machine that is busy with other things. One that takes longer is tried again, in
/// case it was the machine.
const MAX_TIME: Duration = Duration::from_secs(20);
const MAX_TRIES: u32 = 3;

const FUEL: u64 = 1_000_000;
const TIMEOUT_MS: u64 = 100;

/// What all inputs share.
struct Bench {
    engine: WasmtimeEngine,
    guests: Vec<Vec<u8>>,
}

fn bench() -> Result<&'static Bench> {
    static BENCH: OnceLock<Result<Bench>> = OnceLock::new();
    let made = BENCH.get_or_init(|| {
        let config = EngineConfig { max_instances: 4, ..EngineConfig::default() };
        let engine = WasmtimeEngine::new(config).context("no engine")?;
        Ok(Bench { engine, guests: built_guests(MAX_GUEST_BYTES)? })
    });
    made.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// A built guest, changed as the input says: its first byte names the guest, the rest makes the changes.
pub(crate) async fn check_changed_guest(bytes: &[u8]) -> Result<Told> {
    let guests = &bench()?.guests;
    let (which, changes) = bytes.split_first().unwrap_or((&0, &[]));
    let guest = guests.get(usize::from(*which) % guests.len().max(1)).context("there is no built guest")?;
    check(&Mutator::overwritten(guest, changes)).await
}

/// Verifies, inspects and runs these bytes, in bounded time.
pub(crate) async fn check(bytes: &[u8]) -> Result<Told> {
    let bench = bench()?;
    let bytes = bytes.get(..MAX_INPUT_BYTES).unwrap_or(bytes);
    for _ in 0..MAX_TRIES {
        let began = Instant::now();
        let told = load(bench, bytes).await?;
        if began.elapsed() < MAX_TIME {
            return Ok(told);
        }
    }
    bail!("each of {MAX_TRIES} tries took more than {MAX_TIME:?}")
}

async fn load(bench: &Bench, bytes: &[u8]) -> Result<Told> {
    let verified = bench.engine.verify(bytes);
    let report = bench.engine.inspect(bytes);
    match &verified {
        Ok(component) => {
            let report = report.context("it can be verified and not inspected")?;
            check_report(&report, bytes)?;
            ensure!(report.missing_imports.is_empty(), "verified without {:?}", report.missing_imports);
            run(&bench.engine, component).await?;
            Ok(Told::Accepted)
        }
        Err(error) => {
            ensure!(!error.to_string().is_empty(), "refused without a word: {error:?}");
            check_refusal(error, &report)?;
            if let Ok(report) = &report {
                check_report(report, bytes)?;
            }
            Ok(Told::Refused)
        }
    }
}

fn check_report(report: &ComponentReport, bytes: &[u8]) -> Result<()> {
    ensure!(report.size_bytes == bytes.len() as u64, "its size is {}", report.size_bytes);
    let is_imported = |missing: &String| report.imports.iter().any(|import| import.name == *missing);
    ensure!(report.missing_imports.iter().all(is_imported), "{:?} are not imported", report.missing_imports);
    ensure!(report.missing_imports.is_sorted(), "{:?} are not sorted", report.missing_imports);
    Ok(())
}

/// Verification and inspection refuse for the same reason, but for what only linking can see and for what is only
/// too large for the pool.
fn check_refusal(error: &RuntimeError, report: &Result<ComponentReport, RuntimeError>) -> Result<()> {
    use RuntimeError::{
        CoreModule, HandsOnComponents, IncompatibleInterface, InvalidComponent, MissingImports, NameTooLong,
        NeedsLargerTable, NeedsMoreMemory, NotWasm, TooMuchToCompile, Truncated,
    };
    match (error, report) {
        (NotWasm, Err(NotWasm)) | (CoreModule, Err(CoreModule)) => {}
        (Truncated { bytes: one }, Err(Truncated { bytes: other })) if one == other => {}
        // Counted before anything is compiled, by the one as by the other.
        (
            TooMuchToCompile { what, found, max },
            Err(TooMuchToCompile { what: other, found: counted, max: same }),
        ) if found > max && (what, found, max) == (other, counted, same) => {}
        (InvalidComponent(source), Err(InvalidComponent(_)) | Ok(_)) => {
            ensure!(!source.to_string().is_empty(), "not valid, and nothing said why");
        }
        (HandsOnComponents { how: one }, Err(HandsOnComponents { how: other })) if one == other => {}
        (NameTooLong { bytes: one, .. }, Err(NameTooLong { bytes: other, .. })) if one == other => {}
        (MissingImports(missing), Ok(report)) => check_missing(missing, &report.missing_imports)?,
        (IncompatibleInterface { .. } | NeedsMoreMemory { .. } | NeedsLargerTable { .. }, Ok(_)) => {}
        (error, report) => bail!("verified as {error:?}, inspected as {report:?}"),
    }
    Ok(())
}

/// The refusal names the first of all that are missing, the last of them cut perhaps, and counts the others.
fn check_missing(missing: &MissingImports, all: &[String]) -> Result<()> {
    let (names, more) = (missing.names(), missing.more());
    ensure!(!names.is_empty() && names.len() + more == all.len(), "{} and {more} of {all:?}", names.len());
    ensure!(
        names.iter().zip(all).all(|(named, name)| name.starts_with(named.as_str())),
        "{missing} of {all:?}"
    );
    Ok(())
}

/// Starts it, gives it a message and asks for its health. Whatever it does, a limit ends it.
async fn run(engine: &WasmtimeEngine, component: &VerifiedComponent) -> Result<()> {
    let limits =
        ResourceLimits { max_memory_bytes: 1 << 20, max_execution_time_ms: TIMEOUT_MS, max_fuel: Some(FUEL) };
    let mut setup = InstanceSetup::new(ComponentId::new("fuzz", "guest", "0")?, limits);
    setup.start = Budget::of(&limits);
    let mut instance = match engine.start(component, setup).await {
        Ok(started) => started.value,
        Err(RuntimeError::InstantiationFailed(failure)) => return check_end(&failure.cause),
        Err(RuntimeError::IncompatibleInterface { .. }) => return Ok(()),
        Err(RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes }) => {
            ensure!(needed_bytes > max_bytes, "{needed_bytes} bytes fit into {max_bytes}");
            return Ok(());
        }
        Err(RuntimeError::NeedsLargerTable { needed_elements, max_elements }) => {
            ensure!(needed_elements > max_elements, "{needed_elements} elements fit into {max_elements}");
            return Ok(());
        }
        Err(other) => bail!("not started: {other:?}"),
    };
    for payload in ["ping", "attack"] {
        let done = instance.handle_message("host/fuzz", None, &payload.into()).await;
        ensure!(instance.is_live() == done.is_ok(), "a failed call leaves something");
        ensure!(instance.memory().peak_bytes <= limits.max_memory_bytes, "{:?}", instance.memory());
        match done {
            Ok(done) => ensure!(done.fuel.consumed() <= FUEL, "{:?}", done.fuel),
            Err(failure) => return check_end(&failure.cause),
        }
    }
    match instance.health(Duration::from_millis(TIMEOUT_MS)).await {
        Ok(_) => Ok(()),
        Err(failure) => check_end(&failure.cause),
    }
}

/// A guest ends for a reason of its own, never for one of the host's.
fn check_end(cause: &EndCause) -> Result<()> {
    match cause {
        EndCause::OutOfFuel(fuel) => ensure!(fuel.is_exhausted(), "{fuel:?}"),
        EndCause::OutOfMemory { max_bytes, requested_bytes } => {
            ensure!(requested_bytes > max_bytes, "{requested_bytes} of {max_bytes} bytes");
        }
        EndCause::Timeout { timeout_ms, .. } => ensure!(*timeout_ms == TIMEOUT_MS, "{timeout_ms} ms"),
        EndCause::Trap { .. } | EndCause::HostLimit { .. } | EndCause::InitialiseFailed { .. } => {}
        other => bail!("it ended as {other}"),
    }
    Ok(())
}
