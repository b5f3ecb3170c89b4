//! Resident memory: all that a flood makes the host hold, held against the sum of what is declared for it.
//!
//! Each flood goes to its bound, and is told by the host's own counts that it came there. What is declared is the
//! memory and the stack of the guests that take part, which they may touch to the last byte meanwhile, and what the host may hold for
//! them beside it: the bytes that a bound allows, and [`ENTRY_BYTES`] for each entry.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::{
    Address, EndCause, MAX_TOPIC_SEGMENTS, MIN_MEMORY_BYTES, MailboxConfig, MessagePayload, Overflow,
};
use airssys_wasm_runtime::{
    HOSTCALL_SLACK_BYTES, InstancePorts, MAX_COMPONENT_HANDLES, MAX_RESOURCES, MAX_TABLE_ELEMENTS,
    MAX_WASM_STACK_BYTES, RuntimeError,
};
use airssys_wasm_system::{
    CACHE_BYTES, Component, ComponentRef, ENTRY_BYTES, Host, MAX_PENDING_REQUESTS, MAX_SUBSCRIPTIONS,
    MAX_TIMER_BYTES, MAX_TIMERS, MAX_WAITING_CHANGE_BYTES,
};

use super::storage::ask_all;
use super::talk::{numbers, parked_with};
use crate::attack::Attack;
use crate::flood::{Flood as Messages, flooder};
use crate::guests::{self, MEMORY_BYTES};
use crate::log_meter::RecordMeter;
use crate::quarters::{Quarters, plenty};
use crate::resident::{Flood, Resident, Told, in_processes_of_its_own};
use crate::siege::{Field, GIVE_UP, SIBLING, sibling};

/// Flooders of the same kind, so that what the process takes besides is little against what they take.
const FLOODERS: u32 = 16;

/// More than any bound on entries.
const ATTEMPTS: u64 = 2_000;

/// A mailbox for large messages, and how large they are.
const LARGE: MailboxConfig =
    MailboxConfig { capacity: 2_000, max_bytes: 64 << 20, overflow: Overflow::Reject };
const LARGE_MESSAGE_BYTES: u64 = 65_536;

/// A mailbox for messages of a byte.
const SMALL: MailboxConfig =
    MailboxConfig { capacity: 100_000, max_bytes: 64 << 20, overflow: Overflow::Reject };

/// What a timer of the flood holds; so many fit into all bytes of timers.
const TIMER_BYTES: u64 = 64 * 1024;

/// What the flooders of storage keep together at least, in bytes, and what each value of it has.
const STORED_BYTES: u64 = 64 << 20;
const STORED_VALUE_BYTES: u64 = 64 * 1024;

/// A table element in bytes: an address.
const ELEMENT_BYTES: u64 = 8;

/// Guests that are small for the compiler, beside those that are made to be large for it in a file of less than a
/// mebibyte.
const COMPILED: [&str; 14] = [
    "compiles_slowly",
    "sparse_data",
    "large_tables",
    "many_modules",
    "many_adapters",
    "many_loops",
    "component_import",
    "deep_components",
    "deep_types",
    "passive_elements",
    "copied_data",
    "many_types",
    "entered_functions",
    "shared_types",
];

/// What a component of less than a mebibyte may hold, in bytes, while it compiles and once it is compiled, where no
/// function of it is heavy.
const COMPILED_BYTES: u64 = 256 << 20;

/// What `hostcall_copies` hands over, in steps of so many bytes.
const COPY_BYTES: u64 = 65_536;

macro_rules! floods {
    ($($name:literal, $key:literal, $guest:literal, $run:expr;)+) => {
        pub(super) const ATTACKS: &[Attack] = &[$(Attack {
            limit: concat!("resident memory under a flood of ", $name),
            key: $key,
            guest: $guest,
            unit: "bytes more than before, at the peak",
            measure: || Box::pin(in_processes_of_its_own($name)),
        }),+];

        /// What a process of its own can be told to run.
        pub(crate) const FLOODS: &[Flood] = &[$(Flood { name: $name, run: || Box::pin($run) }),+];
    };
}

floods! {
    "large messages", "mailbox.max_bytes", "message_flood", messages(LARGE, ATTEMPTS, LARGE_MESSAGE_BYTES);
    "small messages", "mailbox.capacity", "message_flood", messages(SMALL, 400_000, 1);
    "messages that push others out", "mailbox.capacity", "message_flood",
        messages(MailboxConfig { overflow: Overflow::DropOldest, ..SMALL }, 400_000, 1);
    "timers", "MAX_TIMER_BYTES", "timer_flood", timers();
    "requests", "ENTRY_BYTES", "request_flood", requests();
    "subscriptions", "MAX_TOPIC_SEGMENTS", "subscription_flood", subscriptions();
    "log records", "LOG_BURST_BYTES", "log_bomb", log_records();
    "memory", "resources.memory.max_bytes", "bulk_fill", memory();
    "table elements", "MAX_TABLE_ELEMENTS", "grow_tables", tables();
    "peers", "MAX_RESOURCES", "hoard_peers", peers();
    "handles", "MAX_COMPONENT_HANDLES", "hoard_own_resources", handles();
    "storage writes", "MAX_WAITING_CHANGE_BYTES, CACHE_BYTES", "storage_flood", storage_writes();
    "components to compile", "memory images (dense only)", "sparse_data", components();
    "copies", "HOSTCALL_SLACK_BYTES, MAX_GUEST_MESSAGE_BYTES", "hostcall_copies", copies();
}

/// Adds up what is declared.
#[derive(Default)]
struct Bound {
    bytes: u64,
    parts: Vec<String>,
}

impl Bound {
    /// Of guests with this memory each, and the stack of a call.
    fn guests(count: u32, memory: u64) -> Self {
        let stack = MAX_WASM_STACK_BYTES as u64;
        let bytes = u64::from(count) * (memory + stack);
        Self::default().and(bytes, format!("memory and stack of {count} guests"))
    }

    fn and(mut self, bytes: u64, what: impl Into<String>) -> Self {
        self.bytes += bytes;
        self.parts.push(format!("{bytes} {}", what.into()));
        self
    }

    fn and_entries(self, count: usize, what: &str) -> Self {
        self.and((count * ENTRY_BYTES) as u64, format!("{count} {what} of {ENTRY_BYTES}"))
    }

    fn told(self, resident: &Resident) -> Result<Told> {
        Ok(Told { declared: self.bytes, grown: resident.grown()?, note: self.parts.join(" + ") })
    }
}

/// Counts from here, where nobody has anything left to do.
async fn rested(field: &Field) -> Result<Resident> {
    field.sibling_lives().await?;
    Resident::begin()
}

async fn messages(mailbox: MailboxConfig, count: u64, bytes: u64) -> Result<Told> {
    let field = Field::new().await?;
    let target = parked_with(&field, mailbox).await?;
    let flooder = field.host().start(flooder()?.send_to(target.as_str().parse()?)).await?;
    field.ask(&flooder, &format!("0 0 {target}")).await?;
    let resident = rested(&field).await?;
    let flood = Messages::send(&field, &flooder, count, bytes, &target).await?;
    let status = field.status(&target)?;
    let fitting = (mailbox.max_bytes as u64 / bytes).min(mailbox.capacity as u64);
    ensure!(status.waiting as u64 == fitting, "{} wait, not {fitting}", status.waiting);
    let accepted = if mailbox.overflow == Overflow::DropOldest { count } else { fitting };
    ensure!(flood.accepted == accepted, "{} were accepted, not {accepted}", flood.accepted);
    Bound::guests(2, MEMORY_BYTES)
        .and(mailbox.max_bytes.min(mailbox.capacity * bytes as usize) as u64, "in the mailbox")
        .and_entries(mailbox.capacity, "messages")
        .told(&resident)
}

/// A host with room for the flooders.
async fn ground() -> Result<Field> {
    Field::on(Host::builder().max_instances(2 * FLOODERS).build()?, sibling("attack/*")?).await
}

/// Starts as many of this guest as there are flooders, and one more that has flooded before and is gone: what the host
/// makes at the first time is no part of what it holds for each.
async fn flooders(field: &Field, component: &Component, order: &str) -> Result<Vec<ComponentRef>> {
    let address = component.address();
    let first = field.host().start(component.clone()).await?;
    first.request_within(order, GIVE_UP).await?;
    field.host().kill(&address).await?;
    field.host().start(component.clone().instances(FLOODERS)).await?;
    let mut all = Vec::new();
    for status in field.host().status_of(&address) {
        let one = field.host().component(status.id.address())?;
        ensure!(field.ask(&one, "ping").await? == "pong", "{} does not answer", status.id);
        all.push(one);
    }
    Ok(all)
}

/// A guest with the least memory that there is, so that what the host holds is not little against it.
fn attacker(guest: &str) -> Result<Component> {
    let mut manifest = guests::manifest(guest)?;
    manifest.resources.memory.max_bytes = MIN_MEMORY_BYTES;
    let component = Component::from_manifest(manifest, guests::file(guest));
    Ok(component.max_fuel(10_000_000_000).timeout_ms(20_000))
}

async fn timers() -> Result<Told> {
    let field = ground().await?;
    let component = attacker("timer_flood")?;
    let order = format!("100 {TIMER_BYTES}");
    let all = flooders(&field, &component, &order).await?;
    let resident = rested(&field).await?;
    for one in &all {
        field.ask(one, &order).await?;
    }
    for status in field.host().status_of(&component.address()) {
        let held = status.timer_bytes as u64;
        ensure!(held + 2 * TIMER_BYTES > MAX_TIMER_BYTES as u64, "only {held} bytes are held");
    }
    let each = FLOODERS as usize;
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES)
        .and((each * MAX_TIMER_BYTES) as u64, "in timers")
        .and_entries(each * MAX_TIMERS, "timers")
        .told(&resident)
}

/// Whom they ask takes more requests than there are.
async fn requests() -> Result<Told> {
    let field = ground().await?;
    let all = FLOODERS as usize * MAX_PENDING_REQUESTS;
    let target =
        parked_with(&field, MailboxConfig { capacity: all + 1_000, ..MailboxConfig::default() }).await?;
    let component = attacker("request_flood")?.send_to(target.as_str().parse()?);
    let order = format!("{ATTEMPTS} {target}");
    let flooders = flooders(&field, &component, &order).await?;
    let resident = rested(&field).await?;
    for one in &flooders {
        let told = numbers(field.ask(one, &order).await?.as_bytes())?;
        ensure!(told.first() == Some(&(MAX_PENDING_REQUESTS as u64)), "it was told {told:?}");
    }
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES)
        .and_entries(all, "requests")
        .and_entries(all, "messages")
        .told(&resident)
}

/// What is kept lies in a folder; the host holds what is on its way there, and its cache.
async fn storage_writes() -> Result<Told> {
    let folder = tempfile::tempdir()?;
    let host = Host::builder().max_instances(2 * FLOODERS).data_dir(folder.path().join("data")).build()?;
    let field = Field::on(host, sibling("attack/*")?).await?;
    // More than the cache and all that waits, several times over.
    let (count, bytes) = (2 * STORED_BYTES / STORED_VALUE_BYTES / u64::from(FLOODERS), STORED_VALUE_BYTES);
    let order = format!("keys 0 {count} 8 {bytes}");
    let mut all = Vec::new();
    for number in 0..FLOODERS {
        let component = guests::component_as("storage_flood", &format!("flood-{number}"))?;
        let component = component.max_fuel(10_000_000_000).timeout_ms(60_000).storage_quota(STORED_BYTES);
        all.push(field.host().start(component).await?);
    }
    field.ask(all.first().context("there is one")?, &order).await?;
    let resident = rested(&field).await?;
    let told = ask_all(all.into_iter().map(|one| (one, order.clone()))).await?;
    ensure!(told.iter().all(|counts| *counts == [count, 0]), "they were told {told:?}");
    Bound::guests(FLOODERS, MEMORY_BYTES)
        .and(CACHE_BYTES as u64, "in the cache")
        .and(MAX_WAITING_CHANGE_BYTES as u64, "on the way")
        .told(&resident)
}

async fn subscriptions() -> Result<Told> {
    let field = ground().await?;
    let component = attacker("subscription_flood")?.subscribe("flood.#".parse()?);
    // Two segments are the guest's, and one tells it from the others: no part of the tree is shared.
    let order = |number: usize, segments: usize| format!("{ATTEMPTS} .{number}{}", ".a".repeat(segments - 3));
    let all = flooders(&field, &component, &order(0, MAX_TOPIC_SEGMENTS)).await?;
    let resident = rested(&field).await?;
    for (number, one) in all.iter().enumerate() {
        for (segments, accepted) in [(MAX_TOPIC_SEGMENTS + 1, 0), (MAX_TOPIC_SEGMENTS, MAX_SUBSCRIPTIONS)] {
            let order = order(number, segments);
            let told = numbers(field.ask(one, &order).await?.as_bytes())?;
            ensure!(told.first() == Some(&(accepted as u64)), "it was told {told:?} of `{order}`");
        }
    }
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES)
        .and_entries(FLOODERS as usize * MAX_SUBSCRIPTIONS, "subscriptions")
        .and_entries(FLOODERS as usize * MAX_SUBSCRIPTIONS * MAX_TOPIC_SEGMENTS, "segments")
        .told(&resident)
}

/// Nothing of the log is held: it is written at once, or dropped.
async fn log_records() -> Result<Told> {
    let field = ground().await?;
    // It is ended by its time, and every moment of it is a flood.
    let component = attacker("log_bomb")?.max_fuel(100_000_000).timeout_ms(2_000);
    let all = flooders_that_behave(&field, &component).await?;
    let resident = rested(&field).await?;
    for one in &all {
        one.send("attack")?;
    }
    for one in &all {
        // Behind the attack, which has ended the former instance.
        ensure!(field.ask(one, "ping").await? == "pong", "the next instance does not answer");
    }
    for status in field.host().status_of(&component.address()) {
        ensure!(status.restarts == 1 && status.log_dropped > 0, "{} wrote little", status.id);
    }
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES).told(&resident)
}

/// As [`flooders`], of a guest that does not survive its attack.
async fn flooders_that_behave(field: &Field, component: &Component) -> Result<Vec<ComponentRef>> {
    flooders(field, component, "ping").await
}

async fn memory() -> Result<Told> {
    let field = ground().await?;
    let component = guests::component("bulk_fill")?.max_fuel(200_000_000).timeout_ms(20_000);
    let all = flooders_that_behave(&field, &component).await?;
    let resident = rested(&field).await?;
    for one in &all {
        one.send("attack")?;
    }
    for one in &all {
        ensure!(field.ask(one, "ping").await? == "pong", "the next instance does not answer");
    }
    let told = Bound::guests(FLOODERS, MEMORY_BYTES).told(&resident)?;
    ensure!(told.grown > MEMORY_BYTES, "no memory was filled");
    Ok(told)
}

async fn tables() -> Result<Told> {
    let field = ground().await?;
    let component = attacker("grow_tables")?;
    let all = flooders(&field, &component, "attack").await?;
    let resident = rested(&field).await?;
    for one in &all {
        let reply = one.request_within("attack", GIVE_UP).await?;
        let elements = u64::from_le_bytes(reply.bytes().as_ref().try_into()?);
        ensure!(elements <= MAX_TABLE_ELEMENTS as u64, "{elements} elements");
        ensure!(elements + 200 > MAX_TABLE_ELEMENTS as u64, "only {elements} elements");
    }
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES)
        .and(u64::from(FLOODERS) * MAX_TABLE_ELEMENTS as u64 * ELEMENT_BYTES, "in tables")
        .told(&resident)
}

async fn peers() -> Result<Told> {
    let field = ground().await?;
    let target: Address = SIBLING.parse()?;
    let component = attacker("hoard_peers")?.send_to(target.as_str().parse()?);
    let all = flooders(&field, &component, target.as_str()).await?;
    let resident = rested(&field).await?;
    for one in &all {
        let held = field.ask(one, target.as_str()).await?;
        ensure!(held == MAX_RESOURCES.to_string(), "{held} are held");
    }
    let each = FLOODERS as usize;
    Bound::guests(FLOODERS, MIN_MEMORY_BYTES).and_entries(each * MAX_RESOURCES, "peers").told(&resident)
}

/// The guest hoards while it starts, and does not survive it.
async fn handles() -> Result<Told> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("hoard_own_resources").await?;
    quarters.sibling_lives().await?;
    let resident = Resident::begin()?;
    let meter = Arc::new(RecordMeter::default());
    let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
    match quarters.start(&component, plenty()?, "{}", ports).await? {
        Err(RuntimeError::InstantiationFailed(failure)) => {
            ensure!(matches!(failure.cause, EndCause::HostLimit { .. }), "ended by {}", failure.cause);
        }
        other => anyhow::bail!("it was not ended: {other:?}"),
    }
    ensure!(meter.records() == MAX_COMPONENT_HANDLES as u64, "{} handles", meter.records());
    Bound::guests(1, MEMORY_BYTES).and_entries(MAX_COMPONENT_HANDLES, "handles").told(&resident)
}

/// Whether they are refused is for others to judge: here they must not take what others need.
async fn components() -> Result<Told> {
    let field = Field::new().await?;
    let resident = rested(&field).await?;
    for guest in COMPILED {
        let bytes = guests::bytes(guest)?.len();
        ensure!(bytes < 1 << 20, "`{guest}` has {bytes} bytes");
        let component = guests::component(guest)?;
        if let Ok(started) = field.host().start(component).await {
            field.host().kill(started.address()).await?;
        }
    }
    let what = format!("for one of {} components at a time", COMPILED.len());
    Bound::default().and(COMPILED_BYTES, what).told(&resident)
}

async fn copies() -> Result<Told> {
    const MAX: u64 = MEMORY_BYTES + HOSTCALL_SLACK_BYTES as u64;
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("hostcall_copies").await?;
    quarters.sibling_lives().await?;
    let resident = Resident::begin()?;
    for count in [MAX / COPY_BYTES - 1, 4_000] {
        let mut instance = quarters.start(&component, plenty()?, "{}", InstancePorts::isolated()).await??;
        let order = MessagePayload::from(&u32::try_from(count)?.to_le_bytes());
        let outcome = instance.handle_message("host/attack", None, &order).await;
        ensure!(outcome.is_ok() == (count < MAX / COPY_BYTES), "{count} pieces: {outcome:?}");
    }
    Bound::guests(1, MEMORY_BYTES).and(MAX, "copied").told(&resident)
}
