//! What a guest can make the host hold: handles, links, copies, and parts of requests that are never sent.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{EndCause, MessagePayload};
use airssys_wasm_runtime::{
    HOSTCALL_SLACK_BYTES, InstancePorts, MAX_CACHED_LINKS, MAX_COMPONENT_HANDLES, MAX_HTTP_CHUNK_BYTES,
    MAX_HTTP_FIELD_BYTES, RuntimeError,
};

use crate::attack::Attack;
use crate::guests::MEMORY_BYTES;
use crate::log_meter::RecordMeter;
use crate::observation::Observation;
use crate::post::Post;
use crate::quarters::{Quarters, is_over, plenty};
use crate::siege::ROUNDS;

/// What `hostcall_copies` hands over, in steps of so many bytes.
const COPY_BYTES: u64 = 65_536;
/// Messages that `many_link_names` sends, each to another component.
const NAMES: u64 = 2_000;
/// What `http_fields` adds at a time.
const FIELD_BYTES: u64 = 100;
/// Writes to a body of `wasi:http` that the host keeps: the one that it buffers, and the one that is next.
const BODY_WRITES: u64 = 2;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "bytes copied in one host call",
        key: "HOSTCALL_SLACK_BYTES, MAX_GUEST_MESSAGE_BYTES",
        guest: "hostcall_copies",
        unit: "bytes of the most that were taken",
        measure: || Box::pin(copies()),
    },
    Attack {
        limit: "component-model handles",
        key: "MAX_COMPONENT_HANDLES",
        guest: "hoard_own_resources",
        unit: "handles, by the guest's own count",
        measure: || Box::pin(handles()),
    },
    Attack {
        limit: "links to names",
        key: "MAX_CACHED_LINKS",
        guest: "many_link_names",
        unit: "links held at the same time",
        measure: || Box::pin(links()),
    },
    Attack {
        limit: "fields of an http message",
        key: "MAX_HTTP_FIELD_BYTES",
        guest: "http_fields",
        unit: "bytes taken, by the guest's own count",
        measure: || Box::pin(http_fields()),
    },
    Attack {
        limit: "texts of an http request",
        key: "MAX_HTTP_FIELD_BYTES",
        guest: "http_requests",
        unit: "bytes of the longest taken",
        measure: || Box::pin(http_texts()),
    },
    Attack {
        limit: "a write to the body of an http request",
        key: "MAX_HTTP_CHUNK_BYTES",
        guest: "http_body",
        unit: "bytes of the largest allowed",
        measure: || Box::pin(http_body(MAX_HTTP_CHUNK_BYTES as u64, RecordMeter::longest_message)),
    },
    Attack {
        limit: "writes to the body of an http request",
        key: "HTTP_BUFFERED_CHUNKS",
        guest: "http_body",
        unit: "writes taken",
        measure: || Box::pin(http_body(BODY_WRITES, RecordMeter::records)),
    },
];

/// The same place of the guest's memory, handed over as often as the host takes it in one call.
async fn copies() -> Result<Observation> {
    const MAX: u64 = MEMORY_BYTES + HOSTCALL_SLACK_BYTES as u64;
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("hostcall_copies").await?;
    let mut observation = Observation::of(MAX);
    for _ in 0..ROUNDS {
        let mut most = 0;
        // Half of what is allowed, all but what the list itself takes, a step more than allowed, and all there is.
        for count in [MAX / COPY_BYTES / 2, MAX / COPY_BYTES - 1, MAX / COPY_BYTES + 1, 4_000] {
            let meter = Arc::new(RecordMeter::default());
            let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
            let mut instance = quarters.start(&component, plenty()?, "{}", ports).await??;
            let order = MessagePayload::from(&u32::try_from(count)?.to_le_bytes());
            match instance.handle_message("host/attack", None, &order).await {
                Ok(_) => {
                    ensure!(meter.records() == 1, "{} records were written", meter.records());
                    most = count * COPY_BYTES;
                }
                Err(failure) => {
                    let cause = failure.cause;
                    ensure!(matches!(cause, EndCause::HostLimit { .. }), "ended by {cause}");
                    ensure!(meter.records() == 0, "the record was written all the same");
                    is_over(&mut instance).await?;
                }
            }
        }
        ensure!(most > MAX - 2 * COPY_BYTES, "only {most} bytes were to be had");
        quarters.sibling_lives().await?;
        observation.add(most);
    }
    Ok(observation
        .noting("with the guest's memory limit, which is below the largest message; ends by host limit"))
}

/// Starts what attacks while it starts; its log, and how it ended.
async fn at_start(quarters: &mut Quarters, guest: &str) -> Result<(Arc<RecordMeter>, Result<(), EndCause>)> {
    let component = quarters.admit(guest).await?;
    let meter = Arc::new(RecordMeter::default());
    let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
    let outcome = match quarters.start(&component, plenty()?, "{}", ports).await? {
        Ok(_) => Ok(()),
        Err(RuntimeError::InstantiationFailed(failure)) => Err(failure.cause),
        Err(other) => return Err(anyhow::Error::new(other).context("refused for another reason")),
    };
    quarters.sibling_lives().await?;
    Ok((meter, outcome))
}

async fn handles() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let mut observation = Observation::of(MAX_COMPONENT_HANDLES as u64).never_less();
    for _ in 0..ROUNDS {
        let (meter, outcome) = at_start(&mut quarters, "hoard_own_resources").await?;
        let cause = outcome.err().context("it got all that it asked for")?;
        ensure!(matches!(cause, EndCause::HostLimit { .. }), "ended by {cause}");
        observation.add(meter.records());
    }
    Ok(observation.noting("counted by the guest's log records; ended by host limit"))
}

async fn links() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("many_link_names").await?;
    let mut observation = Observation::of(MAX_CACHED_LINKS as u64);
    for _ in 0..ROUNDS {
        let post = Post::default();
        let ports = InstancePorts { router: Arc::new(post.clone()), ..InstancePorts::isolated() };
        let mut instance = quarters.start(&component, plenty()?, "{}", ports).await??;
        instance.handle_message("host/attack", None, &"attack".into()).await?;
        ensure!(instance.is_live(), "the instance did not survive");
        ensure!(post.letters() == NAMES, "{} messages were sent", post.letters());
        quarters.sibling_lives().await?;
        observation.add(post.most_links());
    }
    // The link that a message goes out by is there before the cache makes room for it.
    Ok(observation.tolerating(1).noting(format!("of {NAMES} names; verdict allows the one that is in use")))
}

async fn http_fields() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let mut observation = Observation::of(MAX_HTTP_FIELD_BYTES as u64);
    for _ in 0..ROUNDS {
        let (meter, outcome) = at_start(&mut quarters, "http_fields").await?;
        if let Err(cause) = outcome {
            ensure!(matches!(cause, EndCause::HostLimit { .. }), "ended by {cause}");
        }
        ensure!(meter.records() > 0, "nothing was taken");
        observation.add(meter.records() * FIELD_BYTES);
    }
    Ok(observation.noting("100 bytes at a time, without what the host adds for each field"))
}

async fn http_texts() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let mut observation = Observation::of(MAX_HTTP_FIELD_BYTES as u64).never_less();
    for _ in 0..ROUNDS {
        let (meter, outcome) = at_start(&mut quarters, "http_requests").await?;
        if let Err(cause) = outcome {
            bail!("ended by {cause}");
        }
        // What is longer than a record may be is cut there, and marked.
        ensure!(meter.marked() == 0, "{} texts were longer than a record", meter.marked());
        let each = MAX_HTTP_FIELD_BYTES as u64 / 1_024;
        ensure!(meter.records() == 3 * each, "{} texts were taken", meter.records());
        observation.add(meter.longest_message());
    }
    Ok(observation.noting("method, authority and path, in steps of 1 KiB up to 1 MiB; more is refused"))
}

async fn http_body(declared: u64, read: fn(&RecordMeter) -> u64) -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let mut observation = Observation::of(declared).never_less();
    for _ in 0..ROUNDS {
        let (meter, outcome) = at_start(&mut quarters, "http_body").await?;
        if let Err(cause) = outcome {
            bail!("ended by {cause}");
        }
        observation.add(read(&meter));
    }
    Ok(observation.noting("by the guest's log records, one as long as each write that was allowed"))
}
