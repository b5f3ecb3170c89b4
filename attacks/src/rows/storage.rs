//! What a component keeps: within its quota and the bounds of the store, by itself, and in turn with others.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use airssys_wasm_core::{Address, Ceilings};
use airssys_wasm_system::{
    Component, ComponentRef, Host, LISTED_KEY_BYTES, MAX_KEY_BYTES, MAX_KEYS, MAX_LISTING_BYTES,
    MAX_VALUE_BYTES, SystemError,
};

use super::processor::milliseconds;
use super::talk::numbers;
use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS, SIBLING, sibling};

const FLOOD: &str = "storage_flood";

const QUOTA_BYTES: u64 = 65_536;

/// A key and a value of the flood; so many fit the quota to its last byte.
const KEY_BYTES: u64 = 8;
const ENTRY_BYTES: u64 = 1_024;

/// Entries that are tried for a quota of [`QUOTA_BYTES`].
const ATTEMPTS: u64 = 100;

/// Instances that share a quota.
const INSTANCES: u32 = 4;

/// More than any bound of the store, where another bound is attacked.
const AMPLE_BYTES: u64 = 64 << 20;

/// Keys that one order writes.
const KEYS_AT_ONCE: u64 = 4_096;

/// A key of so many bytes counts as a whole part of the largest listing.
const LISTED_BYTES: u64 = 480;

/// What all components of a host may keep together, and how many have room.
const TOTAL_BYTES: u64 = 4 * QUOTA_BYTES;

/// Components that write without end, and what they write.
const FLOODERS: usize = 4;
const FLOOD_VALUE_BYTES: usize = 65_536;

/// Writes and reads of the sibling beside them in each round.
const SIBLING_CALLS: usize = 20;

/// Writes that are made before the flooder is killed in the middle of one.
const WRITES_BEFORE_KILL: u64 = 50;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "storage of a component",
        key: "capabilities.storage.quota_bytes",
        guest: FLOOD,
        unit: "bytes kept",
        measure: || Box::pin(quota()),
    },
    Attack {
        limit: "storage of all instances of a component",
        key: "capabilities.storage.quota_bytes",
        guest: FLOOD,
        unit: "bytes kept",
        measure: || Box::pin(shared_quota()),
    },
    Attack {
        limit: "keys of a component",
        key: "MAX_KEYS",
        guest: FLOOD,
        unit: "keys kept",
        measure: || Box::pin(keys()),
    },
    Attack {
        limit: "length of a key",
        key: "MAX_KEY_BYTES",
        guest: FLOOD,
        unit: "bytes of the longest that was kept",
        measure: || Box::pin(key_length()),
    },
    Attack {
        limit: "size of a value that is kept",
        key: "MAX_VALUE_BYTES",
        guest: FLOOD,
        unit: "bytes of the largest that was kept",
        measure: || Box::pin(value_size()),
    },
    Attack {
        limit: "size of a listing of keys",
        key: "MAX_LISTING_BYTES, LISTED_KEY_BYTES",
        guest: FLOOD,
        unit: "bytes of the largest that was handed over",
        measure: || Box::pin(listing()),
    },
    Attack {
        limit: "storage that a manifest asks for",
        key: "host.ceilings.max_storage_bytes",
        guest: FLOOD,
        unit: "bytes of the largest quota that was granted",
        measure: || Box::pin(ceiling()),
    },
    Attack {
        limit: "storage of all components together",
        key: "host.ceilings.total_storage_bytes",
        guest: FLOOD,
        unit: "bytes kept",
        measure: || Box::pin(total()),
    },
    Attack {
        limit: "reaching what another component keeps",
        key: "a namespace for each component",
        guest: "key_tricks",
        unit: "keys found",
        measure: || Box::pin(tricks()),
    },
    Attack {
        limit: "storage of a sibling beside writes without end",
        key: "one operation of a component at a time",
        guest: FLOOD,
        unit: "ms of its slowest answer",
        measure: || Box::pin(beside()),
    },
    Attack {
        limit: "what a killed writer leaves of its books",
        key: "one transaction for a change and its account",
        guest: FLOOD,
        unit: "bytes and keys counted wrongly",
        measure: || Box::pin(killed()),
    },
];

/// A guest under this name, with this quota.
fn keeping(guest: &str, address: &str, quota: u64) -> Result<Component> {
    let component = Component::from_bytes(address.parse()?, guests::bytes(guest)?, 2 * MEMORY_BYTES);
    Ok(component.max_fuel(10_000_000_000).timeout_ms(20_000).storage_quota(quota))
}

fn flooder(address: &str, quota: u64) -> Result<Component> {
    keeping(FLOOD, address, quota)
}

/// Room for what the attackers of a row may keep.
async fn ground() -> Result<Field> {
    let most =
        Ceilings { max_storage_bytes: AMPLE_BYTES, total_storage_bytes: u64::MAX, ..Ceilings::default() };
    Field::within(most, sibling("attack/*")?).await
}

/// Used bytes, quota and keys, as the guest is told.
async fn usage(field: &Field, keeper: &ComponentRef) -> Result<[u64; 3]> {
    let told = numbers(field.ask(keeper, "usage").await?.as_bytes())?;
    told.try_into().ok().context("the usage is not three numbers")
}

/// The order to write so many entries from this number on.
fn writes(first: u64, count: u64) -> String {
    format!("keys {first} {count} {KEY_BYTES} {}", ENTRY_BYTES - KEY_BYTES)
}

/// Gives that order; tells how many were accepted.
async fn write(field: &Field, keeper: &ComponentRef, first: u64, count: u64) -> Result<u64> {
    let told = numbers(field.ask(keeper, &writes(first, count)).await?.as_bytes())?;
    let [accepted, refused] = told.try_into().ok().context("the reply is not two numbers")?;
    ensure!(accepted + refused == count, "{} writes failed", count - accepted - refused);
    Ok(accepted)
}

async fn quota() -> Result<Observation> {
    let field = ground().await?;
    let mut observation = Observation::of(QUOTA_BYTES).never_less();
    for round in 0..ROUNDS {
        // What is kept outlives a stop, so that each round has a component of its own.
        let keeper = field.host().start(flooder(&format!("attack/flood-{round}"), QUOTA_BYTES)?).await?;
        let accepted = write(&field, &keeper, 0, ATTEMPTS).await?;
        ensure!(field.ask(&keeper, "large 1 0").await? != "ok", "one byte more was kept");
        let [used, told, kept] = usage(&field, &keeper).await?;
        ensure!(told == QUOTA_BYTES && kept == accepted, "it is told of {told} bytes and {kept} keys");
        let refused = field.status(keeper.address())?.access_denied;
        ensure!(refused == ATTEMPTS - accepted + 1, "the host counts {refused} refusals");
        observation.add(used);
        // The next life of it has no more.
        field.host().stop(keeper.address()).await?;
        let again = field.host().start(flooder(&format!("attack/flood-{round}"), QUOTA_BYTES)?).await?;
        ensure!(write(&field, &again, ATTEMPTS, 1).await? == 0, "a stop and a start make room");
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("every further write is refused as quota-exceeded, also after a stop and a start"))
}

async fn shared_quota() -> Result<Observation> {
    let field = ground().await?;
    let mut observation = Observation::of(QUOTA_BYTES).never_less();
    for round in 0..ROUNDS {
        let component = flooder(&format!("attack/flood-{round}"), QUOTA_BYTES)?.instances(INSTANCES);
        let address = component.address();
        field.host().start(component).await?;
        let mut instances = Vec::new();
        for status in field.host().status_of(&address) {
            instances.push(field.host().component(status.id.address())?);
        }
        ensure!(instances.len() == INSTANCES as usize, "only {} instances run", instances.len());
        let orders =
            (0..).zip(&instances).map(|(number, one)| (one.clone(), writes(number * ATTEMPTS, ATTEMPTS)));
        let told = ask_all(orders).await?;
        ensure!(
            told.iter().flatten().sum::<u64>() == u64::from(INSTANCES) * ATTEMPTS,
            "they were told {told:?}"
        );
        let accepted: u64 = told.iter().filter_map(|counts| counts.first()).sum();
        let [used, _, kept] = usage(&field, instances.first().context("there is one")?).await?;
        ensure!(kept == accepted, "{kept} keys are kept, and {accepted} were accepted");
        observation.add(used);
        field.host().stop(&address).await?;
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("{INSTANCES} instances at the same time, {ATTEMPTS} writes each")))
}

/// Gives all these orders at the same time; the numbers of each reply, in no order.
pub(super) async fn ask_all(
    orders: impl IntoIterator<Item = (ComponentRef, String)>,
) -> Result<Vec<Vec<u64>>> {
    let mut asked = JoinSet::new();
    for (whom, order) in orders {
        asked.spawn(async move { whom.request_within(order.as_str(), GIVE_UP).await });
    }
    let mut told = Vec::new();
    while let Some(reply) = asked.join_next().await {
        told.push(numbers(reply??.bytes())?);
    }
    Ok(told)
}

/// One round: the keys take their time.
async fn keys() -> Result<Observation> {
    let field = ground().await?;
    let keeper = field.host().start(flooder("attack/flood", AMPLE_BYTES)?).await?;
    let mut accepted = 0;
    for first in (0..MAX_KEYS + KEYS_AT_ONCE).step_by(KEYS_AT_ONCE as usize) {
        let order = format!("keys {first} {KEYS_AT_ONCE} {KEY_BYTES} 0");
        let told = numbers(field.ask(&keeper, &order).await?.as_bytes())?;
        ensure!(told.iter().sum::<u64>() == KEYS_AT_ONCE, "the guest was told {told:?}");
        accepted += told.first().context("the reply is empty")?;
    }
    let [used, _, kept] = usage(&field, &keeper).await?;
    ensure!(
        kept == accepted && used == kept * KEY_BYTES,
        "{accepted} were accepted, {kept} are kept in {used}"
    );
    let mut observation = Observation::of(MAX_KEYS).never_less();
    observation.add(kept);
    field.sibling_lives().await?;
    field.clear().await;
    Ok(observation
        .noting("empty values, within the quota of bytes; the next one is refused as quota-exceeded"))
}

/// Tries each of these, and tells the largest that was kept.
async fn largest(
    field: &Field,
    keeper: &ComponentRef,
    bound: u64,
    sizes: &[u64],
    order: impl Fn(u64) -> String,
) -> Result<u64> {
    let mut largest = 0;
    for size in sizes {
        let told = field.ask(keeper, &order(*size)).await?;
        match told.as_str() {
            "ok" => largest = largest.max(*size),
            "invalid" => ensure!(*size == 0, "{size} bytes are called invalid"),
            refused => ensure!(refused == bound.to_string(), "{size} bytes are answered with {refused}"),
        }
    }
    Ok(largest)
}

async fn key_length() -> Result<Observation> {
    let bound = MAX_KEY_BYTES as u64;
    let field = ground().await?;
    let keeper = field.host().start(flooder("attack/flood", AMPLE_BYTES)?).await?;
    let mut observation = Observation::of(bound).never_less();
    for _ in 0..ROUNDS {
        let sizes = [0, 1, bound - 1, bound, bound + 1, 65_536];
        observation.add(largest(&field, &keeper, bound, &sizes, |size| format!("large {size} 1")).await?);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("an empty key is refused as invalid, a longer one as too-large"))
}

async fn value_size() -> Result<Observation> {
    let bound = MAX_VALUE_BYTES as u64;
    let field = ground().await?;
    let keeper = field.host().start(flooder("attack/flood", AMPLE_BYTES)?).await?;
    let mut observation = Observation::of(bound).never_less();
    for _ in 0..ROUNDS {
        let sizes = [1, bound - 1, bound, bound + 1, 2 * bound];
        observation.add(largest(&field, &keeper, bound, &sizes, |size| format!("large 1 {size}")).await?);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("a larger one is refused as too-large"))
}

async fn listing() -> Result<Observation> {
    let bound = MAX_LISTING_BYTES as u64;
    let each = LISTED_BYTES + LISTED_KEY_BYTES as u64;
    let fitting = bound / each;
    ensure!(fitting * each == bound, "no whole number of such keys fits");
    let field = ground().await?;
    let mut observation = Observation::of(bound).never_less();
    for round in 0..ROUNDS {
        let keeper = field.host().start(flooder(&format!("attack/flood-{round}"), AMPLE_BYTES)?).await?;
        let mut largest = 0;
        for (first, count) in [(0, fitting), (fitting, 1)] {
            field.ask(&keeper, &format!("keys {first} {count} {LISTED_BYTES} 0")).await?;
            let told = field.ask(&keeper, "list").await?;
            if told == format!("-{bound}") {
                continue;
            }
            let listed: u64 = told.parse()?;
            ensure!(listed == first + count, "{listed} keys are listed");
            largest = listed * each;
        }
        observation.add(largest);
        field.host().stop(keeper.address()).await?;
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("{fitting} keys of {LISTED_BYTES} bytes, and one more")))
}

async fn ceiling() -> Result<Observation> {
    let field = Field::within(
        Ceilings { max_storage_bytes: QUOTA_BYTES, ..Ceilings::default() },
        sibling("attack/*")?,
    )
    .await?;
    let mut observation = Observation::of(QUOTA_BYTES).never_less();
    for _ in 0..ROUNDS {
        let mut largest = 0;
        for asked in [1, QUOTA_BYTES, QUOTA_BYTES + 1, u64::MAX] {
            match field.host().start(flooder("attack/flood", asked)?).await {
                Ok(keeper) => {
                    let [_, quota, _] = usage(&field, &keeper).await?;
                    largest = largest.max(quota);
                    field.host().stop(keeper.address()).await?;
                }
                Err(SystemError::Limits { .. }) => {}
                Err(other) => bail!("refused for another reason: {other:?}"),
            }
        }
        observation.add(largest);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("asked for the ceiling, for a byte more and for all that there is"))
}

async fn total() -> Result<Observation> {
    let ceilings = Ceilings { total_storage_bytes: TOTAL_BYTES, ..Ceilings::default() };
    let mut observation = Observation::of(TOTAL_BYTES).never_less();
    for _ in 0..ROUNDS {
        let field = Field::within(ceilings, sibling("attack/*")?).await?;
        let mut kept = 0;
        let mut keepers = Vec::new();
        // Twice as many as there is room for; instances of one component count once.
        for number in 0..2 * TOTAL_BYTES / QUOTA_BYTES {
            let component = flooder(&format!("attack/flood-{number}"), QUOTA_BYTES)?.instances(2);
            match field.host().start(component).await {
                Ok(keeper) => {
                    write(&field, &keeper, 0, ATTEMPTS).await?;
                    kept += usage(&field, &keeper).await?[0];
                    keepers.push(keeper);
                }
                Err(SystemError::TotalStorage { max_bytes, .. }) => {
                    ensure!(max_bytes == TOTAL_BYTES, "the report speaks of {max_bytes} bytes");
                }
                Err(other) => bail!("refused for another reason: {other:?}"),
            }
        }
        observation.add(kept);
        // What is stopped leaves its room to others.
        let first = keepers.first().context("none was started")?.address();
        field.host().stop(first).await?;
        field
            .host()
            .start(flooder("attack/next", QUOTA_BYTES)?)
            .await
            .context("the room of one that stopped")?;
        field.sibling_lives().await?;
        field.clear().await;
    }
    Ok(observation.noting("each component with two instances, and its quota full"))
}

/// What the victim keeps, and how that stands there.
const SECRETS: [(&str, &str); 3] = [("password", "secret"), ("a/b", "secret"), ("\u{e4}", "secret")];

async fn tricks() -> Result<Observation> {
    let field = ground().await?;
    let mut observation = Observation::of(0);
    let mut tries = 0;
    for round in 0..ROUNDS {
        let owner = format!("attack/victim-{round}");
        let victim = field.host().start(keeping("keeper", &owner, QUOTA_BYTES)?).await?;
        for (key, value) in SECRETS {
            ensure!(field.ask(&victim, &format!("set {key} {value}")).await? == "ok", "it keeps nothing");
        }
        let before = field.ask(&victim, "usage").await?;
        for (number, (key, _)) in SECRETS.iter().enumerate() {
            // Its name begins with that of the victim, and the victim's with that of another.
            for name in [format!("{owner}-{number}"), format!("attack/v-{round}-{number}")] {
                let thief = field.host().start(keeping("key_tricks", &name, QUOTA_BYTES)?).await?;
                let told = numbers(field.ask(&thief, &format!("{owner} {key}")).await?.as_bytes())?;
                let [found, tried, own, used] =
                    told.try_into().ok().context("the reply is not four numbers")?;
                ensure!(own == used && own > 0, "it has {used} keys of its own, and is shown {own}");
                tries += tried;
                observation.add(found);
                field.host().stop(thief.address()).await?;
            }
        }
        for (key, value) in SECRETS {
            let found = field.ask(&victim, &format!("get {key}")).await?;
            ensure!(found == format!("some {value}"), "the victim finds {found:?}");
        }
        ensure!(field.ask(&victim, "usage").await? == before, "the victim's use has changed");
        field.host().stop(victim.address()).await?;
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("{tries} tries, by names of components, separators and look-alikes")))
}

/// Those that write without end are in the middle of a call all the time.
async fn storm(field: &Field, value_bytes: usize) -> Result<Vec<Address>> {
    let mut storm = Vec::new();
    for number in 0..FLOODERS {
        let component = flooder(&format!("attack/flood-{number}"), AMPLE_BYTES)?.max_fuel(u64::MAX);
        let component = component.within(Ceilings {
            max_fuel: u64::MAX,
            max_storage_bytes: AMPLE_BYTES,
            ..Ceilings::default()
        });
        let keeper = field.host().start(component.instances(2)).await?;
        for _ in 0..2 {
            keeper.send(format!("ever {value_bytes}"))?;
        }
        storm.push(keeper.address().clone());
    }
    Ok(storm)
}

async fn beside() -> Result<Observation> {
    let field = ground().await?;
    let keeper =
        field.host().start(keeping("keeper", "attack/keeper", QUOTA_BYTES)?.timeout_ms(1_000)).await?;
    let mut observation = Observation::of(LATE_MS).tolerating(LATE_MS);
    for round in 0..ROUNDS {
        let storm = storm(&field, FLOOD_VALUE_BYTES).await?;
        let mut slowest = Duration::ZERO;
        for call in 0..SIBLING_CALLS {
            for (order, expected) in [
                (format!("set k {round}.{call}"), "ok".to_owned()),
                ("get k".into(), format!("some {round}.{call}")),
            ] {
                let began = Instant::now();
                let told = field.ask(&keeper, &order).await?;
                slowest = slowest.max(began.elapsed());
                ensure!(told == expected, "`{order}` is answered with {told:?}");
            }
        }
        let changes = field.host().storage_status().context("there is no store")?.changes;
        ensure!(changes > (2 * SIBLING_CALLS * (round + 1)) as u64, "the others wrote nothing");
        for address in storm {
            field.host().kill(&address).await?;
        }
        observation.add(Figure(milliseconds(slowest)));
        field.sibling_lives().await?;
    }
    field.clear().await;
    let flooders = 2 * FLOODERS;
    Ok(observation.noting(format!(
        "{flooders} instances write {FLOOD_VALUE_BYTES} bytes each, over and over; verdict allows {LATE_MS} ms more"
    )))
}

async fn killed() -> Result<Observation> {
    let folder = tempfile::tempdir()?;
    let host = Host::builder().max_instances(16).data_dir(folder.path().join("data")).build()?;
    let field = Field::on(host, sibling("attack/*")?).await?;
    let mut observation = Observation::of(0);
    const VALUE_BYTES: u64 = 10_000;
    for round in 0..ROUNDS {
        let component = || flooder(&format!("attack/flood-{round}"), 1 << 20);
        let writer = field.host().start(component()?).await?;
        let before = field.host().storage_status().context("there is no store")?.changes;
        writer.send(format!("stash stashed- {VALUE_BYTES}"))?;
        let busy = async {
            while field.host().storage_status().map_or(0, |status| status.changes)
                < before + WRITES_BEFORE_KILL
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(GIVE_UP, busy).await.context("it does not write")?;
        field.host().kill(writer.address()).await?;
        let reader =
            field.host().start(keeping("keeper", &format!("attack/flood-{round}"), 1 << 20)?).await?;
        let listed = field.ask(&reader, "list ").await?;
        let names: Vec<&str> = listed.split(' ').skip(1).collect();
        let mut bytes = 0;
        for name in &names {
            let size: u64 = field.ask(&reader, &format!("size {name}")).await?.parse()?;
            ensure!(size == VALUE_BYTES, "{name} has {size} bytes");
            bytes += size + name.len() as u64;
        }
        let [used, _, kept] = usage(&field, &reader).await?;
        ensure!(names.len() as u64 >= WRITES_BEFORE_KILL, "only {} keys are there", names.len());
        observation.add(used.abs_diff(bytes) + kept.abs_diff(names.len() as u64));
        field.host().stop(reader.address()).await?;
        field.sibling_lives().await?;
    }
    let status = field.status(&SIBLING.parse()?)?;
    ensure!(status.restarts == 0, "the sibling was restarted");
    field.clear().await;
    Ok(observation.noting("killed in the middle of a write; every key that is there has its whole value"))
}
