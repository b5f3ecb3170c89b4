//! Making an instance and taking it down again.

use airssys_wasm_core::{ComponentId, ResourceLimits};
use airssys_wasm_runtime::{EngineConfig, InstanceSetup, WasmtimeEngine};
use anyhow::Result;

use crate::bare::BareEngine;
use crate::files::read_guest;
use crate::measure::{Samples, timed};
use crate::report::Figure;
use crate::rows::two_workers;

const ROUNDS: u32 = 25;
const INSTANCES: u32 = 500;

/// A guest without `lifecycle`, so that no guest code runs at the start of either.
const GUEST: &str = "pair";

pub(crate) fn measure() -> Result<Vec<Figure>> {
    two_workers()?.block_on(async { tokio::spawn(async { run().await }).await? })
}

async fn run() -> Result<Vec<Figure>> {
    let bare = BareEngine::new(GUEST)?;
    let engine = WasmtimeEngine::new(EngineConfig::default())?;
    let component = engine.verify(&read_guest(GUEST)?)?;
    let limits = ResourceLimits::builder().memory_bytes(2 << 20).build()?;
    let setup = InstanceSetup::new(ComponentId::new("bench", "pair", "0")?, limits);

    let (mut of_bare, mut of_ours) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let (elapsed, done) = timed(async {
            for _ in 0..INSTANCES {
                bare.start().await?;
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_bare.add(elapsed, INSTANCES);

        let (elapsed, done) = timed(async {
            for _ in 0..INSTANCES {
                engine.start(&component, setup.clone()).await?;
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_ours.add(elapsed, INSTANCES);
    }
    Ok(vec![
        Figure::new("instantiation with limits", of_ours.median(), "ns", "≤ 1.5 × bare")
            .beside(of_bare.median(), "bare pooled instantiation"),
    ])
}
