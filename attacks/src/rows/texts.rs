//! What guests say: texts and contents that are far longer than anybody needs.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{
    Ceilings, EndCause, HandlerError, HealthStatus, MAX_CONTENT_TYPE_BYTES, MAX_ID_PART_BYTES, MailboxConfig,
    MessagePayload, RequestError,
};
use airssys_wasm_runtime::{
    HOSTCALL_SLACK_BYTES, InstancePorts, MAX_BACKTRACE_BYTES, MAX_BACKTRACE_FRAMES, MAX_GUEST_ERROR_BYTES,
    MAX_GUEST_MESSAGE_BYTES, RuntimeError,
};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::post::Post;
use crate::quarters::{Quarters, plenty};
use crate::siege::{Field, GIVE_UP, ROUNDS, sibling};

/// Memory of the guest that sends the largest messages, and of the host's highest ceiling.
const LARGE_BYTES: u64 = 32 << 20;
/// What the host may say of a name that it does not take, in bytes.
const MAX_REFUSAL_BYTES: usize = 1_024;
/// Lengths of names and content types that are tried, around both bounds and up to most of the guest's memory.
const LENGTHS: [u32; 9] = [1, 63, 64, 65, 255, 256, 257, 65_536, 1_500_000];

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "size of any message",
        key: "MAX_GUEST_MESSAGE_BYTES",
        guest: "huge_payload",
        unit: "bytes of the largest accepted",
        measure: || Box::pin(payload()),
    },
    Attack {
        limit: "size of a reply",
        key: "HOSTCALL_SLACK_BYTES, MAX_GUEST_MESSAGE_BYTES",
        guest: "huge_payload",
        unit: "bytes of the largest taken",
        measure: || Box::pin(reply()),
    },
    Attack {
        limit: "length of a name",
        key: "MAX_ID_PART_BYTES",
        guest: "huge_name",
        unit: "bytes of the longest looked up",
        measure: || Box::pin(name()),
    },
    Attack {
        limit: "length of a content type",
        key: "MAX_CONTENT_TYPE_BYTES",
        guest: "huge_content_type",
        unit: "bytes of the longest sent or replied",
        measure: || Box::pin(content_type()),
    },
    Attack {
        limit: "texts of errors, of health and about itself",
        key: "MAX_GUEST_ERROR_BYTES",
        guest: "huge_error",
        unit: "bytes held for the longest",
        measure: || Box::pin(error()),
    },
    Attack {
        limit: "text of a backtrace",
        key: "MAX_BACKTRACE_BYTES",
        guest: "long_function_names",
        unit: "bytes held",
        measure: || Box::pin(backtrace("long_function_names", MAX_BACKTRACE_BYTES, str::len)),
    },
    Attack {
        limit: "frames of a backtrace",
        key: "MAX_BACKTRACE_FRAMES",
        guest: "deep_recursion",
        unit: "frames",
        measure: || Box::pin(backtrace("deep_recursion", MAX_BACKTRACE_FRAMES, |text| text.lines().count())),
    },
];

/// Starts the guest with so much memory that its own limit is not what it meets, on a host whose ceilings allow that.
async fn large_field() -> Result<(Field, Component)> {
    let ceilings = Ceilings { max_memory_bytes: LARGE_BYTES, ..Ceilings::default() };
    let field = Field::within(ceilings, sibling("attack/*")?).await?;
    let mut manifest = guests::manifest("huge_payload")?;
    manifest.resources.memory.max_bytes = LARGE_BYTES;
    let component = Component::from_manifest(manifest, guests::file("huge_payload"));
    Ok((field, component.max_fuel(1_000_000_000).timeout_ms(20_000)))
}

/// The largest message is accepted by a component that takes the largest; a byte more is refused with an error of
/// the interface, and what passes the host's copies as well ends the sender.
async fn payload() -> Result<Observation> {
    const MAX: usize = MAX_GUEST_MESSAGE_BYTES;
    const TOO_LARGE: u8 = 5;
    let (field, hostile) = large_field().await?;
    let mailbox = MailboxConfig { max_bytes: 4 * MAX, ..MailboxConfig::default() };
    let parked = guests::component("park_in_host_call")?
        .timeout_ms(60_000)
        .mailbox(mailbox)
        .max_message_bytes(MAX)
        .receive_from("attack/*".parse()?);
    let parked_at = parked.address();
    let hostile = field.host().start(hostile.send_to(parked_at.as_str().parse()?)).await?;
    let mut observation = Observation::of(MAX as u64).never_less();
    for _ in 0..ROUNDS {
        let parked = field.host().start(parked.clone()).await?;
        parked.send("park")?;
        let mut largest = 0;
        for bytes in [1, MAX, MAX + 1] {
            let order = u32::try_from(bytes)?.to_le_bytes();
            let reply = hostile.request_within(&order, GIVE_UP).await.context("it was not answered")?;
            match (reply.bytes().first(), reply.bytes().get(8)) {
                (Some(0), _) => largest = bytes,
                (Some(_), Some(&TOO_LARGE)) => {}
                other => bail!("{bytes} bytes are refused for another reason: {other:?}"),
            }
        }
        let order = u32::try_from(MAX + HOSTCALL_SLACK_BYTES + 1)?.to_le_bytes();
        check_ended(hostile.request_within(&order, GIVE_UP).await.err())?;
        ensure!(field.ask(&hostile, "ping").await? == "pong", "the next instance does not answer");
        let cause = field.status(hostile.address())?.last_end;
        ensure!(matches!(cause, Some(EndCause::HostLimit { .. })), "ended by {cause:?}");
        observation.add(largest as u64);
        field.host().kill(&parked_at).await?;
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation
        .noting("a byte more is told as too-large; what passes the bound on copies ends the sender"))
}

async fn reply() -> Result<Observation> {
    const MAX: usize = MAX_GUEST_MESSAGE_BYTES + HOSTCALL_SLACK_BYTES;
    let (field, hostile) = large_field().await?;
    let hostile = field.host().start(hostile).await?;
    let mut observation = Observation::of(MAX as u64);
    for _ in 0..ROUNDS {
        let mut largest = 0;
        for bytes in [1, MAX_GUEST_MESSAGE_BYTES, MAX + 1, LARGE_BYTES as usize - 65_536] {
            let mut order = u32::try_from(bytes)?.to_le_bytes().to_vec();
            order.push(0);
            match hostile.request_within(order, GIVE_UP).await {
                Ok(reply) => {
                    ensure!(reply.len() == bytes, "{} bytes are the reply, not {bytes}", reply.len());
                    largest = bytes;
                }
                Err(error) => {
                    check_ended(Some(error))?;
                    ensure!(field.ask(&hostile, "ping").await? == "pong", "the next one does not answer");
                    let cause = field.status(hostile.address())?.last_end;
                    ensure!(matches!(cause, Some(EndCause::HostLimit { .. })), "ended by {cause:?}");
                }
            }
        }
        ensure!(largest >= MAX_GUEST_MESSAGE_BYTES, "not even {largest} bytes are taken");
        observation.add(largest as u64);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation)
}

fn check_ended(error: Option<RequestError>) -> Result<()> {
    match error {
        Some(RequestError::ReceiverEnded { .. }) => Ok(()),
        other => bail!("it is not ended: {other:?}"),
    }
}

async fn name() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("huge_name").await?;
    let mut observation = Observation::of(MAX_ID_PART_BYTES as u64).never_less();
    let mut longest_refusal = 0;
    for _ in 0..ROUNDS {
        let post = Post::default();
        let ports = InstancePorts { router: Arc::new(post.clone()), ..InstancePorts::isolated() };
        let mut instance = quarters.start(&component, plenty()?, "{}", ports).await??;
        for length in LENGTHS {
            let order = MessagePayload::from(&length.to_le_bytes());
            let done = instance.handle_message("host/attack", None, &order).await?;
            let text = done.value.context("a refusal")?.context("no reply")?;
            let refused = length as usize > MAX_ID_PART_BYTES;
            ensure!(text.is_empty() != refused, "{length} bytes are told {:?}", text.bytes());
            ensure!(text.len() <= MAX_REFUSAL_BYTES, "a text of {} bytes", text.len());
            longest_refusal = longest_refusal.max(text.len());
        }
        quarters.sibling_lives().await?;
        observation.add(post.longest_name());
    }
    Ok(observation.noting(format!(
        "lengths tried: {LENGTHS:?}; a refusal takes up to {longest_refusal} bytes and ends nobody"
    )))
}

async fn content_type() -> Result<Observation> {
    const INVALID_ARGUMENT: u8 = 10;
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("huge_content_type").await?;
    let mut observation = Observation::of(MAX_CONTENT_TYPE_BYTES as u64).never_less();
    for _ in 0..ROUNDS {
        let post = Post::default();
        let ports = InstancePorts { router: Arc::new(post.clone()), ..InstancePorts::isolated() };
        let mut instance = quarters.start(&component, plenty()?, "{}", ports).await??;
        let mut longest_reply = 0;
        let mut accepted = 0;
        for length in LENGTHS {
            let order = MessagePayload::from(&length.to_le_bytes());
            let done = instance.handle_message("host/attack", None, &order).await?;
            let reply = done.value.context("a refusal")?.context("no reply")?;
            longest_reply = longest_reply.max(reply.content_type().map_or(0, str::len) as u64);
            match (reply.bytes().first(), reply.bytes().get(8)) {
                (Some(0), _) => accepted += 1,
                (Some(_), Some(&INVALID_ARGUMENT)) => {}
                other => bail!("{length} bytes are refused for another reason: {other:?}"),
            }
        }
        ensure!(post.letters() == accepted, "{} were sent, {accepted} accepted", post.letters());
        quarters.sibling_lives().await?;
        observation.add(post.longest_type());
        observation.add(longest_reply);
    }
    Ok(observation
        .noting(format!("each round sent, then replied; lengths tried: {LENGTHS:?}; replies are cut")))
}

/// What is held is the room of a text, which may be more than its length.
async fn error() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("huge_error").await?;
    let mut observation = Observation::of(MAX_GUEST_ERROR_BYTES as u64).never_less();
    for _ in 0..ROUNDS {
        let mut instance = quarters.isolate(&component).await?;
        let done = instance.handle_message("host/attack", None, &"attack".into()).await?;
        let Err(HandlerError::Failed(text)) = done.value else { bail!("the handler says no error") };
        observation.add(text.capacity() as u64);
        let health = instance.health(GIVE_UP).await?.value;
        let HealthStatus::Unhealthy(text) = health else { bail!("it is well") };
        observation.add(text.capacity() as u64);
        let metadata = instance.metadata().await?.value.context("it says nothing about itself")?;
        for text in [metadata.name, metadata.version, metadata.description] {
            observation.add(text.capacity() as u64);
        }
        let started =
            quarters.start(&component, plenty()?, "{\"fail\":1}", InstancePorts::isolated()).await?;
        match started {
            Err(RuntimeError::InstantiationFailed(failure)) => {
                let EndCause::InitialiseFailed { detail } = failure.cause else {
                    bail!("ended by {}", failure.cause)
                };
                observation.add(detail.capacity() as u64);
            }
            other => bail!("initialize did not fail: {other:?}"),
        }
        quarters.sibling_lives().await?;
    }
    Ok(observation.noting("of 512 KiB each: handler, health, name, version, description, initialize"))
}

async fn backtrace(guest: &'static str, declared: usize, read: fn(&str) -> usize) -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit(guest).await?;
    let mut observation = Observation::of(declared as u64).never_less();
    for _ in 0..ROUNDS {
        let mut instance = quarters.isolate(&component).await?;
        let outcome = instance.handle_message("host/attack", None, &"attack".into()).await;
        let failure = outcome.err().context("it carried on")?;
        let EndCause::Trap { backtrace, .. } = failure.cause else { bail!("ended by {}", failure.cause) };
        let (held, length) = (backtrace.capacity(), backtrace.len());
        ensure!(held <= MAX_BACKTRACE_BYTES, "{held} bytes are held for a text of {length}");
        quarters.sibling_lives().await?;
        observation.add(read(&backtrace) as u64);
    }
    Ok(observation)
}
