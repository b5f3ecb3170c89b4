//! The guest that floods, and what it tells of its flood.

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::Address;
use airssys_wasm_system::{Component, ComponentRef};

use crate::guests::{self, MEMORY_BYTES};
use crate::siege::Field;

const FLOODER: &str = "message_flood";

/// The flooding component, with fuel and time for many messages.
pub(crate) fn flooder() -> Result<Component> {
    flooder_as(guests::manifest(FLOODER)?.address())
}

/// As [`flooder`], under another name.
pub(crate) fn flooder_as(address: Address) -> Result<Component> {
    let component = Component::from_bytes(address, guests::bytes(FLOODER)?, MEMORY_BYTES);
    Ok(component.max_fuel(10_000_000_000).timeout_ms(20_000))
}

/// What became of a flood's messages, by the guest's own count.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) accepted: u64,
    pub(crate) full: u64,
    pub(crate) too_large: u64,
    pub(crate) rate_limited: u64,
}

impl Flood {
    /// Makes the guest send `count` messages of `bytes` bytes.
    pub(crate) async fn send(
        field: &Field,
        flooder: &ComponentRef,
        count: u64,
        bytes: u64,
        target: &Address,
    ) -> Result<Self> {
        let reply = field.ask(flooder, &format!("{count} {bytes} {target}")).await?;
        let counts: Vec<u64> = reply.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [accepted, full, too_large, rate_limited, other] =
            counts.try_into().ok().context("the reply is not five numbers")?;
        ensure!(other == 0, "{other} messages were refused for another reason");
        Ok(Self { accepted, full, too_large, rate_limited })
    }
}
