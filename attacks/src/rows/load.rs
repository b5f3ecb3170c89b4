//! What must not be loaded at all.

use anyhow::{Result, bail, ensure};

use airssys_wasm_runtime::{MAX_NAME_BYTES, RuntimeError};

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::siege::{Field, ROUNDS};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "shared memory and threads",
        key: "threads (off)",
        guest: "shared_memory",
        unit: "instances started",
        measure: || Box::pin(refused("shared_memory", not_valid)),
    },
    Attack {
        limit: "memories in a component",
        key: "MAX_MEMORIES",
        guest: "too_many_memories",
        unit: "instances started",
        measure: || Box::pin(refused("too_many_memories", not_valid)),
    },
    Attack {
        limit: "tables in a component",
        key: "MAX_TABLES",
        guest: "too_many_tables",
        unit: "instances started",
        measure: || Box::pin(refused("too_many_tables", not_valid)),
    },
    Attack {
        limit: "core instances in a component",
        key: "MAX_CORE_INSTANCES",
        guest: "too_many_core_instances",
        unit: "instances started",
        measure: || Box::pin(refused("too_many_core_instances", not_valid)),
    },
    Attack {
        limit: "length of a function's name",
        key: "MAX_NAME_BYTES",
        guest: "huge_function_name",
        unit: "instances started",
        measure: || Box::pin(refused("huge_function_name", name_too_long)),
    },
    Attack {
        limit: "imports that the host does not offer",
        key: "imports (linked interfaces only)",
        guest: "unknown_imports",
        unit: "instances started",
        measure: || Box::pin(refused("unknown_imports", all_imports_named)),
    },
];

async fn refused(guest: &'static str, check: fn(&RuntimeError) -> Result<()>) -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let refusal = field.refuse(guests::component(guest)?).await?;
        check(&refusal.error)?;
        observation.add(refusal.started);
    }
    field.clear().await;
    Ok(observation)
}

fn name_too_long(error: &RuntimeError) -> Result<()> {
    let RuntimeError::NameTooLong { bytes, max_bytes } = error else { bail!("refused with {error:?}") };
    ensure!(*max_bytes == MAX_NAME_BYTES && bytes > max_bytes, "refused for {bytes} bytes of {max_bytes}");
    Ok(())
}

fn not_valid(error: &RuntimeError) -> Result<()> {
    ensure!(matches!(error, RuntimeError::InvalidComponent(_)), "refused with {error:?}");
    Ok(())
}

fn all_imports_named(error: &RuntimeError) -> Result<()> {
    let RuntimeError::MissingImports(missing) = error else { bail!("refused with {error:?}") };
    let expected = ["acme:weather/forecast@1.2.0", "acme:weather/history@1.2.0"];
    ensure!(missing.names() == expected && missing.more() == 0, "names {missing}");
    Ok(())
}
