//! Compilation: what is slow to compile holds up nobody else, and what would take too much is refused.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::Ceilings;
use airssys_wasm_runtime::{MAX_COMPILES, RuntimeError};
use airssys_wasm_system::ComponentRef;

use crate::attack::Attack;
use crate::guests;
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS};

use super::processor::milliseconds;

/// How long a sibling's answer may take while components compile on the same processors.
const ANSWER_MS: u64 = 50;

/// How long a small component may take to start while all other turns of the compiler are taken.
const START_MS: u64 = 1_000;

/// How long a refusal may take that comes before any compilation.
const REFUSAL_MS: u64 = 500;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "answers of a sibling while others compile",
        key: "compiler priority",
        guest: "compiles_slowly",
        unit: "ms, the slowest answer",
        measure: || Box::pin(while_compiling(ANSWER_MS, "every answer while they compile", answer)),
    },
    Attack {
        limit: "starts of others while some compile",
        key: "MAX_COMPILES",
        guest: "compiles_slowly",
        unit: "ms, the slowest start",
        measure: || Box::pin(while_compiling(START_MS, "one turn is free", start)),
    },
    Attack {
        limit: "work of one function for the compiler",
        key: "MAX_FUNCTION_WORK",
        guest: "compile_bomb",
        unit: "ms to refusal",
        measure: || Box::pin(refused("compile_bomb", "units of work in its largest function")),
    },
    Attack {
        limit: "instances within a component",
        key: "MAX_NESTED_INSTANCES",
        guest: "nested_instances",
        unit: "ms to refusal",
        measure: || Box::pin(refused("nested_instances", "nested instances")),
    },
    Attack {
        limit: "instances of a component that is handed on",
        key: "MAX_NESTED_INSTANCES",
        guest: "component_import",
        unit: "ms to refusal",
        measure: || Box::pin(refused_for("component_import", handed_on)),
    },
    Attack {
        limit: "types within types",
        key: "MAX_TYPE_DEPTH",
        guest: "deep_types",
        unit: "ms to refusal",
        measure: || Box::pin(refused("deep_types", "levels of types within types")),
    },
    Attack {
        limit: "components within components",
        key: "MAX_COMPONENT_DEPTH",
        guest: "deep_components",
        unit: "ms to refusal",
        measure: || Box::pin(refused("deep_components", "levels of components within components")),
    },
    Attack {
        limit: "modules and components in a file",
        key: "MAX_COMPONENT_PARTS",
        guest: "many_modules",
        unit: "ms to refusal",
        measure: || Box::pin(refused("many_modules", "modules and components")),
    },
    Attack {
        limit: "table elements that the compiler writes out",
        key: "MAX_COMPONENT_TABLE_ELEMENTS",
        guest: "large_tables",
        unit: "ms to refusal",
        measure: || Box::pin(refused("large_tables", "table elements")),
    },
    Attack {
        limit: "functions between components, as work for the compiler",
        key: "MAX_WORK_PER_BYTES",
        guest: "many_adapters",
        unit: "ms to refusal",
        measure: || Box::pin(refused("many_adapters", "units of work in all functions together")),
    },
    Attack {
        limit: "loops, as work for the compiler",
        key: "MAX_FUNCTION_WORK",
        guest: "many_loops",
        unit: "ms to refusal",
        measure: || Box::pin(refused("many_loops", "units of work in its largest function")),
    },
    Attack {
        limit: "elements that are stored as an instance begins",
        key: "MAX_FUNCTION_WORK",
        guest: "passive_elements",
        unit: "ms to refusal",
        measure: || Box::pin(refused("passive_elements", "units of work in its largest function")),
    },
    Attack {
        limit: "data that is copied as an instance begins",
        key: "MAX_FUNCTION_WORK",
        guest: "copied_data",
        unit: "ms to refusal",
        measure: || Box::pin(refused("copied_data", "units of work in its largest function")),
    },
    Attack {
        limit: "types of functions, as work for the compiler",
        key: "MAX_WORK_PER_BYTES",
        guest: "many_types",
        unit: "ms to refusal",
        measure: || Box::pin(refused("many_types", "units of work in all functions together")),
    },
    Attack {
        limit: "ways into functions, as work for the compiler",
        key: "MAX_WORK_PER_BYTES",
        guest: "entered_functions",
        unit: "ms to refusal",
        measure: || Box::pin(refused("entered_functions", "units of work in all functions together")),
    },
    Attack {
        limit: "functions in a component",
        key: "MAX_COMPONENT_FUNCTIONS",
        guest: "many_functions",
        unit: "ms to refusal",
        measure: || Box::pin(refused("many_functions", "functions")),
    },
    Attack {
        limit: "what the host holds for core instances",
        key: "MAX_COMPONENT_STATE_BYTES",
        guest: "element_instances",
        unit: "ms to refusal",
        measure: || Box::pin(refused("element_instances", "bytes that the host holds for its instances")),
    },
    Attack {
        limit: "types that share their parts",
        key: "MAX_TYPE_WORK",
        guest: "shared_types",
        unit: "ms to refusal",
        measure: || Box::pin(refused("shared_types", "parts of types that are looked at")),
    },
];

/// Something that is done again and again while slow components compile, and how long it took.
type Meanwhile = for<'a> fn(&'a Field) -> airssys_wasm_core::BoxFuture<'a, Result<Duration>>;

/// The best of a few rounds counts: a machine that is busy with other things only ever makes one worse. In each it is
/// the slowest of all that was tried. A round that is within what is declared is not followed by another.
async fn while_compiling(declared: u64, note: &'static str, meanwhile: Meanwhile) -> Result<Observation> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let field = Field::new().await?;
        let slow: Vec<_> = (1..MAX_COMPILES).map(|number| compile_slowly(&field, number)).collect();
        let mut worst = None;
        while !slow.iter().any(tokio::task::JoinHandle::is_finished) {
            worst = worst.max(Some(meanwhile(&field).await?));
        }
        for slow in slow {
            slow.await??;
        }
        let worst = milliseconds(worst.context("nothing was tried while they compiled")?);
        rounds.push(worst);
        field.sibling_lives().await?;
        field.clear().await;
        if worst <= declared as f64 {
            break;
        }
    }
    let mut observation = Observation::of(declared).tolerating(LATE_MS);
    observation.add(Figure(rounds.iter().copied().min_by(f64::total_cmp).context("there was no round")?));
    Ok(observation
        .noting(format!("{} compile at a time; {note}; the best of rounds {rounds:.1?}", MAX_COMPILES - 1)))
}

fn compile_slowly(field: &Field, number: usize) -> tokio::task::JoinHandle<Result<ComponentRef>> {
    let host = field.host().clone();
    tokio::spawn(async move {
        let component = guests::component_as("compiles_slowly", &format!("slow-{number}"))?;
        let start = tokio::time::timeout(GIVE_UP, host.start(component));
        start.await.context("it is never compiled")?.context("it does not start")
    })
}

fn answer(field: &Field) -> airssys_wasm_core::BoxFuture<'_, Result<Duration>> {
    Box::pin(async move {
        let began = Instant::now();
        field.sibling_lives().await?;
        Ok(began.elapsed())
    })
}

fn start(field: &Field) -> airssys_wasm_core::BoxFuture<'_, Result<Duration>> {
    Box::pin(async move {
        let began = Instant::now();
        let other = field.host().start(guests::component_as("loop_forever", "other")?).await?;
        let elapsed = began.elapsed();
        ensure!(field.ask(&other, "ping").await? == "pong");
        field.host().kill(other.address()).await?;
        Ok(elapsed)
    })
}

/// Refused for more of what is expected than is allowed.
async fn refused(guest: &'static str, expected: &'static str) -> Result<Observation> {
    refused_for(guest, move |error| {
        let RuntimeError::TooMuchToCompile { what, found, max } = error else {
            bail!("refused with {error:?}")
        };
        ensure!(*what == expected && found > max, "refused for {found} {what} of {max}");
        Ok(())
    })
    .await
}

fn handed_on(error: &RuntimeError) -> Result<()> {
    ensure!(matches!(error, RuntimeError::HandsOnComponents { how: "import" }), "refused with {error:?}");
    Ok(())
}

async fn refused_for(
    guest: &'static str,
    check: impl Fn(&RuntimeError) -> Result<()>,
) -> Result<Observation> {
    let field = Field::new().await?;
    let bytes = guests::bytes(guest)?.len();
    ensure!(bytes as u64 * 20 < Ceilings::default().max_component_bytes, "it is not small");
    let mut observation = Observation::of(REFUSAL_MS).tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let refusal = field.refuse(guests::component(guest)?).await?;
        check(&refusal.error)?;
        ensure!(refusal.started == 0, "it was started all the same");
        observation.add(Figure(milliseconds(refusal.elapsed)));
    }
    field.clear().await;
    Ok(observation.noting(format!("a component of {bytes} bytes")))
}
