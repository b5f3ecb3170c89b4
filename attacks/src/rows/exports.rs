//! Every export can be attacked, and no export of an instance that ended is entered again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{
    ComponentId, ComponentMessage, EndCause, MessageKind, RuntimeEngine, TrapKind, WasmError,
};
use airssys_wasm_runtime::{
    CallFailure, EngineConfig, InstancePorts, RuntimeError, VerifiedComponent, WasmtimeEngine,
};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::bare;
use crate::guests::{self, MEMORY_BYTES};
use crate::log_meter::RecordMeter;
use crate::observation::{Figure, Observation};
use crate::quarters::{Export, Quarters, is_over, plenty};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS};

use super::processor::{FUEL_TO_SPARE, MAX_FUEL, TIME_TO_SPARE_MS, TIMEOUT_MS, milliseconds};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "fuel of health",
        key: "resources.cpu.max_fuel",
        guest: "loop_in_health",
        unit: "fuel units",
        measure: || Box::pin(health_fuel()),
    },
    Attack {
        limit: "wall clock of health",
        key: "timeout of ComponentInstance::health",
        guest: "loop_in_health",
        unit: "ms from call to end",
        measure: || Box::pin(health_time()),
    },
    Attack {
        limit: "fuel of shutdown",
        key: "resources.cpu.max_fuel",
        guest: "loop_in_shutdown",
        unit: "fuel units",
        measure: || Box::pin(shutdown_fuel()),
    },
    Attack {
        limit: "wall clock of shutdown",
        key: "resources.cpu.timeout_ms",
        guest: "loop_in_shutdown",
        unit: "ms from stop to end",
        measure: || Box::pin(shutdown_time()),
    },
    Attack {
        limit: "a trap in each export",
        key: "isolation",
        guest: "trap_in_every_export",
        unit: "exports whose trap ended the instance",
        measure: || Box::pin(every_export()),
    },
    Attack {
        limit: "entering again after a trap",
        key: "isolation",
        guest: "enter_after_trap",
        unit: "times entered again",
        measure: || Box::pin(entered_again()),
    },
];

async fn health_fuel() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("loop_in_health").await?;
    let mut observation = Observation::of(MAX_FUEL).never_less();
    for _ in 0..ROUNDS {
        let limits = bare::limits(MEMORY_BYTES, MAX_FUEL)?;
        let mut instance = quarters.start(&component, limits, "{}", InstancePorts::isolated()).await??;
        Export::HandleMessage.call(&mut instance).await.context("it does not even answer")?;
        let failure = failed(Export::Health.call(&mut instance).await)?;
        let EndCause::OutOfFuel(fuel) = failure.cause else { bail!("ended by {}", failure.cause) };
        ensure!(fuel.is_exhausted(), "ended with {} units left", fuel.remaining());
        is_over(&mut instance).await?;
        quarters.sibling_lives().await?;
        observation.add(fuel.consumed());
    }
    Ok(observation)
}

async fn health_time() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("loop_in_health").await?;
    let mut observation = Observation::of(TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let limits = bare::limits(MEMORY_BYTES, FUEL_TO_SPARE)?;
        let mut instance = quarters.start(&component, limits, "{}", InstancePorts::isolated()).await??;
        let began = Instant::now();
        let failure = failed(instance.health(Duration::from_millis(TIMEOUT_MS)).await)?;
        let elapsed = began.elapsed();
        let EndCause::Timeout { timeout_ms, fuel_consumed } = failure.cause else {
            bail!("ended by {}", failure.cause)
        };
        ensure!(timeout_ms == TIMEOUT_MS, "the report speaks of {timeout_ms} ms");
        ensure!(fuel_consumed > 0, "the report claims that no fuel was used");
        is_over(&mut instance).await?;
        quarters.sibling_lives().await?;
        observation.add(Figure(milliseconds(elapsed)));
    }
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over; the time is an argument of the call")))
}

async fn shutdown_fuel() -> Result<Observation> {
    let component = guests::component("loop_in_shutdown")?.max_fuel(MAX_FUEL).timeout_ms(TIME_TO_SPARE_MS);
    let mut observation = Observation::of(MAX_FUEL).never_less();
    for (cause, _) in stopped(component).await? {
        let EndCause::OutOfFuel(fuel) = cause else { bail!("ended by {cause}") };
        observation.add(fuel.consumed());
    }
    Ok(observation)
}

async fn shutdown_time() -> Result<Observation> {
    let component = guests::component("loop_in_shutdown")?.max_fuel(FUEL_TO_SPARE).timeout_ms(TIMEOUT_MS);
    let mut observation = Observation::of(TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for (cause, elapsed) in stopped(component).await? {
        let EndCause::Timeout { timeout_ms, fuel_consumed } = cause else { bail!("ended by {cause}") };
        ensure!(timeout_ms == TIMEOUT_MS, "the report speaks of {timeout_ms} ms");
        ensure!(fuel_consumed > 0, "the report claims that no fuel was used");
        observation.add(Figure(milliseconds(elapsed)));
    }
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
}

/// Stops it gracefully each round; what ended it, and how long that took.
async fn stopped(component: Component) -> Result<Vec<(EndCause, Duration)>> {
    let field = Field::new().await?;
    let address = component.address();
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        let hostile = field.host().start(component.clone()).await?;
        ensure!(field.ask(&hostile, "ping").await? == "pong", "it does not even answer");
        let began = Instant::now();
        let stop = tokio::time::timeout(GIVE_UP, field.host().stop(&address));
        let status = stop.await.context("the stop did not end")??.pop().context("nothing is left of it")?;
        let elapsed = began.elapsed();
        ensure!(status.restarts == 0, "it was started again");
        ensure!(field.host().status_of(&address).is_empty(), "something of it stays");
        field.sibling_lives().await?;
        all.push((status.last_end.context("the host knows no cause")?, elapsed));
    }
    field.clear().await;
    Ok(all)
}

async fn every_export() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("trap_in_every_export").await?;
    // The four that a living instance has, its beginning and its end.
    let mut observation = Observation::of(Export::ALL.len() as u64 + 2).never_less();
    for _ in 0..ROUNDS {
        let mut ended = 0;
        ended += u64::from(traps_at_start(&mut quarters, &component).await?);
        for export in Export::ALL {
            ended += u64::from(traps_in(&mut quarters, &component, export).await?);
            quarters.sibling_lives().await?;
        }
        ended += u64::from(traps_in_shutdown(&mut quarters, &component).await?);
        quarters.sibling_lives().await?;
        observation.add(ended);
    }
    Ok(observation.noting("initialize, handle-message, handle-callback, health, metadata and shutdown"))
}

async fn traps_at_start(quarters: &mut Quarters, component: &VerifiedComponent) -> Result<bool> {
    match quarters.start(component, plenty()?, "initialize", InstancePorts::isolated()).await? {
        Err(RuntimeError::InstantiationFailed(failure)) => unreachable(&failure).map(|()| true),
        Err(other) => Err(anyhow::Error::new(other).context("refused for another reason")),
        Ok(_) => Ok(false),
    }
}

/// Every other export answers before; afterwards none is entered.
async fn traps_in(quarters: &mut Quarters, component: &VerifiedComponent, trapping: Export) -> Result<bool> {
    let config = match trapping {
        Export::HandleMessage => "message",
        Export::HandleCallback => "callback",
        Export::Health => "health",
        Export::Metadata => "data",
    };
    let ports = InstancePorts::isolated();
    let mut instance = quarters.start(component, plenty()?, config, ports).await??;
    for export in Export::ALL.into_iter().filter(|export| *export != trapping) {
        export.call(&mut instance).await.with_context(|| format!("{export:?} fails as well"))?;
    }
    let Err(failure) = trapping.call(&mut instance).await else { return Ok(false) };
    unreachable(&failure)?;
    is_over(&mut instance).await?;
    Ok(true)
}

async fn traps_in_shutdown(quarters: &mut Quarters, component: &VerifiedComponent) -> Result<bool> {
    let ports = InstancePorts::isolated();
    let mut instance = quarters.start(component, plenty()?, "shutdown", ports).await??;
    for export in Export::ALL {
        export.call(&mut instance).await.with_context(|| format!("{export:?} fails as well"))?;
    }
    match instance.shutdown().await {
        Ok(_) => Ok(false),
        Err(failure) => unreachable(&failure).map(|()| true),
    }
}

fn unreachable(failure: &CallFailure) -> Result<()> {
    let EndCause::Trap { kind, .. } = &failure.cause else { bail!("ended by {}", failure.cause) };
    ensure!(*kind == TrapKind::Unreachable, "reported as {}", kind.as_str());
    Ok(())
}

fn failed<T>(outcome: Result<T, CallFailure>) -> Result<CallFailure> {
    outcome.err().context("it carried on")
}

/// The guest writes a record to the log whenever it is entered.
async fn entered_again() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("enter_after_trap").await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let meter = Arc::new(RecordMeter::default());
        let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
        let mut instance = quarters.start(&component, plenty()?, "{}", ports).await??;
        let trap = instance.handle_message("host/attack", None, &"attack".into()).await;
        unreachable(&failed(trap)?)?;
        is_over(&mut instance).await?;
        let again = instance.handle_message("host/attack", None, &"attack".into()).await;
        ensure!(failed(again)?.cause == EndCause::Killed, "the second call ended otherwise");
        observation.add(again_by(&meter)?);
        observation.add(by_handle().await?);
        quarters.sibling_lives().await?;
    }
    Ok(observation.noting("each round by its owner, then by handle; counted by the guest's log records"))
}

fn again_by(meter: &RecordMeter) -> Result<u64> {
    meter.records().checked_sub(1).context("it was not entered at all")
}

/// The same through the port by which components are called by handle.
async fn by_handle() -> Result<u64> {
    let meter = Arc::new(RecordMeter::default());
    let mut engine = WasmtimeEngine::new(EngineConfig { max_instances: 1, ..EngineConfig::default() })?;
    engine.set_ports(InstancePorts { log: meter.clone(), ..InstancePorts::isolated() });
    let id = ComponentId::new("attack", "handled", "0")?;
    let wasm = guests::bytes("enter_after_trap")?;
    let handle = engine.load_component(&id, &wasm, &plenty()?).await?;
    match engine.call_handle_message(&handle, message(&id)?).await {
        Err(WasmError::Trap { .. }) => {}
        other => bail!("the first call came to {other:?}"),
    }
    for _ in 0..3 {
        match engine.call_handle_message(&handle, message(&id)?).await {
            Err(WasmError::ComponentNotFound(_)) => {}
            other => bail!("a later call came to {other:?}"),
        }
    }
    again_by(&meter)
}

fn message(to: &ComponentId) -> Result<ComponentMessage> {
    Ok(ComponentMessage::new(
        "host/attack".parse()?,
        to.clone(),
        MessageKind::InterComponent,
        "attack".into(),
    ))
}
