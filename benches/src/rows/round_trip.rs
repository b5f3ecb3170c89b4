//! Host to component and back: 64 bytes in, 64 bytes out.

use airssys_wasm_core::{ComponentId, MessagePayload, ResourceLimits};
use airssys_wasm_runtime::{EngineConfig, InstanceSetup, WasmtimeEngine};
use airssys_wasm_system::{Component, Host};
use anyhow::Result;

use crate::bare::BareEngine;
use crate::files::{guest, read_guest};
use crate::measure::{Samples, timed};
use crate::report::Figure;
use crate::rows::two_workers;

const ROUNDS: u32 = 25;
const CALLS: u32 = 20_000;
/// Requests under way at a time in the pipelined round trip.
const IN_FLIGHT: u32 = 256;
const PAYLOAD: [u8; 64] = [b'x'; 64];

pub(crate) fn measure() -> Result<Vec<Figure>> {
    two_workers()?.block_on(async { tokio::spawn(async { run().await }).await? })
}

async fn run() -> Result<Vec<Figure>> {
    let bare = BareEngine::new("echo")?;
    let mut bare = bare.start().await?;

    let engine = WasmtimeEngine::new(EngineConfig::default())?;
    let component = engine.verify(&read_guest("echo")?)?;
    let limits = ResourceLimits::builder().memory_bytes(2 << 20).max_fuel(10_000_000).build()?;
    let id = ComponentId::new("bench", "echo", "0")?;
    let mut limited = engine.start(&component, InstanceSetup::new(id, limits)).await?.value;

    let host = Host::builder().build()?;
    let actor = host.start(Component::from_file("bench/echo".parse()?, guest("echo"), 2 << 20)).await?;

    let message = MessagePayload::from(&PAYLOAD);
    let (mut of_bare, mut of_limited) = (Samples::default(), Samples::default());
    let (mut of_pipelined, mut of_single) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let (elapsed, done) = timed(async {
            for _ in 0..CALLS {
                bare.call(&PAYLOAD).await?;
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_bare.add(elapsed, CALLS);

        let (elapsed, done) = timed(async {
            for _ in 0..CALLS {
                limited.handle_message("host/bench", None, &message).await?.value.ok();
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_limited.add(elapsed, CALLS);

        let (elapsed, done) = timed(async {
            for _ in 0..CALLS / IN_FLIGHT {
                let replies: Vec<_> =
                    (0..IN_FLIGHT).map(|_| actor.start_request(message.clone())).collect::<Result<_, _>>()?;
                for reply in replies {
                    reply.await?;
                }
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_pipelined.add(elapsed, CALLS / IN_FLIGHT * IN_FLIGHT);

        let (elapsed, done) = timed(async {
            for _ in 0..CALLS / 10 {
                actor.request(message.clone()).await?;
            }
            anyhow::Ok(())
        })
        .await;
        done?;
        of_single.add(elapsed, CALLS / 10);
    }
    host.shutdown().await;
    let bare = of_bare.median();
    let against = "bare typed async call";
    Ok(vec![
        Figure::new("call under limits, without an actor", of_limited.median(), "ns", "≤ 1.5 × bare")
            .beside(bare, against),
        Figure::new(
            "host to component, pipelined, guard and limits",
            of_pipelined.median(),
            "ns",
            "≤ 1.5 × bare",
        )
        .beside(bare, against),
        Figure::new("host to component, one at a time", of_single.median(), "ns", "").beside(bare, against),
    ])
}
