//! Rights: nobody sends where either side has not allowed it.

use anyhow::{Result, ensure};

use airssys_wasm_core::{Codec, CodecSet};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{EVERY_ATTACKER, Field, GIVE_UP, ROUNDS, SIBLING, Siege, sibling};

/// Messages that `forbidden_send` tries to send for each request.
const ATTEMPTS: u64 = 2_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "sending without the right to send",
        key: "capabilities.messaging.send_to",
        guest: "forbidden_send",
        unit: "messages that got through",
        measure: || Box::pin(no_right_to_send()),
    },
    Attack {
        limit: "sending to one who does not receive it",
        key: "capabilities.messaging.receive_from",
        guest: "forbidden_send",
        unit: "messages that got through",
        measure: || Box::pin(not_received()),
    },
    Attack {
        limit: "sending to names that look like one that was granted",
        key: "capabilities.messaging.send_to",
        guest: "look_alikes",
        unit: "messages that got through",
        measure: || Box::pin(looking_like_a_receiver()),
    },
    Attack {
        limit: "sending under names that look like one that is received",
        key: "capabilities.messaging.receive_from",
        guest: "look_alikes",
        unit: "messages that got through",
        measure: || Box::pin(looking_like_a_sender()),
    },
    Attack {
        limit: "speaking in no codec that is demanded",
        key: "capabilities.messaging.codecs",
        guest: "look_alikes",
        unit: "messages that got through",
        measure: || Box::pin(other_codecs()),
    },
    Attack {
        limit: "taking the name of another component",
        key: "a name belongs to one component",
        guest: "look_alikes",
        unit: "names taken, and messages diverted",
        measure: || Box::pin(taken_names()),
    },
];

/// What the components are called that are meant.
const MEANT: &str = "logs/parser";

/// Components that are called nearly the same.
const LOOK_ALIKES: &[&str] = &[
    "logs-x/parser",
    "logs/parser-x",
    "log/parser",
    "logs/parse",
    "xlogs/parser",
    "parser/logs",
    "l-ogs/parser",
];

/// Names that no component can have, and that somebody could take for the one that is meant.
const NO_NAMES: &[&str] = &[
    "",
    "/",
    "*/*",
    "logs/*",
    "logs//parser",
    "logs/parser/",
    "/logs/parser",
    "logs/parser/0/0",
    "logs/../logs-x/parser",
    "logs/./parser",
    "logs\\parser",
    "Logs/parser",
    "LOGS/PARSER",
    " logs/parser",
    "logs/parser ",
    "logs/parser\0",
    "logs/parser\u{200b}",
    "l\u{43e}gs/parser",
    "\u{ff4c}ogs/parser",
    "logs\u{2215}parser",
    "logs/p\u{430}rser",
    "logs/parse\u{301}r",
    "%6cogs/parser",
    "host/cli",
    "host/timer",
];

/// All ways in which `look_alikes` tries each name.
const WAYS: u64 = 5;

fn component() -> Result<Component> {
    Ok(guests::component("forbidden_send")?.max_fuel(1_000_000_000).timeout_ms(20_000))
}

/// The sibling would take it: only the sender's own right is missing.
async fn no_right_to_send() -> Result<Observation> {
    denied(Siege::lay(component()?).await?).await
}

/// The sender may send: only the sibling does not take it.
async fn not_received() -> Result<Observation> {
    denied(Siege::lay_beside("other/*", component()?.send_to(SIBLING.parse()?)).await?).await
}

/// One of many components, called so, which takes messages from everyone here.
fn called(name: &str, guest: &str) -> Result<Component> {
    let component = Component::from_bytes(name.parse()?, guests::bytes(guest)?, MEMORY_BYTES);
    Ok(component.max_fuel(1_000_000_000).timeout_ms(20_000))
}

/// Only one receiver is granted; all those that look like it are there and would take it.
async fn looking_like_a_receiver() -> Result<Observation> {
    let attacker = guests::component("look_alikes")?.max_fuel(1_000_000_000).timeout_ms(20_000);
    let siege = Siege::lay(attacker.send_to(MEANT.parse()?)).await?;
    for name in [MEANT].iter().chain(LOOK_ALIKES) {
        siege.host().start(called(name, "echo")?.receive_from("attack/*".parse()?)).await?;
    }
    let targets = [LOOK_ALIKES, NO_NAMES].concat();
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let passed: u64 = std::str::from_utf8(&siege.probe(&targets.join("\n")).await?)?.parse()?;
        let mut handled = 0;
        for name in LOOK_ALIKES {
            handled +=
                siege.host().status_of(&name.parse()?).iter().map(|status| status.handled).sum::<u64>();
        }
        observation.add(passed.max(handled));
    }
    let granted = siege.probe(MEANT).await?;
    ensure!(granted == WAYS.to_string().as_bytes(), "what it may do was refused as well");
    siege.lift().await;
    Ok(observation.noting(format!("{} names, in {WAYS} ways each", targets.len())))
}

/// All attackers may send; the sibling takes it from one whose name looks like theirs.
async fn looking_like_a_sender() -> Result<Observation> {
    let field = Field::beside(sibling(MEANT)?).await?;
    let mut observation = Observation::of(0);
    for name in LOOK_ALIKES {
        let attacker = field.host().start(called(name, "look_alikes")?.send_to(SIBLING.parse()?)).await?;
        observation.add(field.ask(&attacker, SIBLING).await?.parse::<u64>()?);
        field.sibling_lives().await?;
    }
    let meant = field.host().start(called(MEANT, "look_alikes")?.send_to(SIBLING.parse()?)).await?;
    ensure!(field.ask(&meant, SIBLING).await? == WAYS.to_string(), "who is meant was refused as well");
    field.clear().await;
    Ok(observation.noting(format!("under {} names, in {WAYS} ways each", LOOK_ALIKES.len())))
}

/// The receiver would take it from them, in one of these codecs; what the attacker says begins with the prefix of none.
async fn other_codecs() -> Result<Observation> {
    let attacker = guests::component("look_alikes")?.max_fuel(1_000_000_000).timeout_ms(20_000);
    let siege = Siege::lay(attacker.send_to("logs/*".parse()?)).await?;
    let receiver = |name: &str| anyhow::Ok(called(name, "echo")?.receive_from(EVERY_ATTACKER.parse()?));
    let all = CodecSet::of(Codec::Borsh).and(Codec::Cbor).and(Codec::Json);
    let demanded = Codec::ALL.map(CodecSet::of).into_iter().chain([all]);
    let mut names = Vec::new();
    for (number, codecs) in demanded.enumerate() {
        let name = format!("logs/codec-{number}");
        siege.host().start(receiver(&name)?.codecs(codecs)).await?;
        names.push(name);
    }
    let attempts = names.len() as u64 * WAYS;
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS as u64 {
        let passed: u64 = std::str::from_utf8(&siege.probe(&names.join("\n")).await?)?.parse()?;
        let denied = siege.status()?.denied;
        ensure!(denied == round * attempts - round * passed, "{denied} denials counted");
        let mut handled = 0;
        for name in &names {
            let status = siege.host().status_of(&name.parse()?);
            handled += status.iter().map(|status| status.handled).sum::<u64>();
        }
        observation.add(passed.max(handled));
    }
    siege.host().start(receiver(MEANT)?).await?;
    ensure!(
        siege.probe(MEANT).await? == WAYS.to_string().as_bytes(),
        "what nobody demands was refused as well"
    );
    siege.lift().await;
    Ok(observation.noting(format!("to {} receivers, in {WAYS} ways each", names.len())))
}

/// Somebody starts components under a name that is taken, under names that look like it and under the host's own, while
/// messages go to the one that was there first.
async fn taken_names() -> Result<Observation> {
    const INSTANCES: u32 = 3;
    let sender = guests::component("look_alikes")?.max_fuel(1_000_000_000).timeout_ms(20_000);
    let siege = Siege::lay(sender.send_to(MEANT.parse()?)).await?;
    let greedy = |name: &str| anyhow::Ok(called(name, "look_alikes")?.receive_from(EVERY_ATTACKER.parse()?));
    let meant = called(MEANT, "echo")?.receive_from(EVERY_ATTACKER.parse()?).instances(2);
    siege.host().start(meant).await?;
    for name in LOOK_ALIKES {
        siege.host().start(greedy(name)?).await?;
    }
    let handled = |name: &str| {
        let status = siege.host().status_of(&name.parse()?);
        anyhow::Ok(status.iter().map(|status| status.handled).sum::<u64>())
    };
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS as u64 {
        let mut taken = 0;
        for name in [MEANT, "host/api", "host/timer"] {
            for instances in 1..=INSTANCES {
                let started = siege.host().start(greedy(name)?.instances(instances)).await;
                taken += u64::from(started.is_ok());
            }
        }
        let targets = [MEANT, "logs/parser/0", "logs/parser/1"].join("\n");
        let accepted: u64 = std::str::from_utf8(&siege.probe(&targets).await?)?.parse()?;
        ensure!(accepted == 3 * WAYS, "{accepted} messages were accepted");
        let settled = siege.host().settle_these(&[MEANT.parse()?], GIVE_UP).await;
        ensure!(settled, "they were not handled");
        let missed = (round * accepted).saturating_sub(handled(MEANT)?);
        let mut diverted = 0;
        for name in LOOK_ALIKES {
            diverted += handled(name)?;
        }
        observation.add(taken + missed.max(diverted));
    }
    siege.lift().await;
    Ok(observation.noting(format!("3 names that are taken, {} that look like one", LOOK_ALIKES.len())))
}

async fn denied(siege: Siege) -> Result<Observation> {
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS as u64 {
        let before = siege.sibling()?.handled;
        let reply = siege.probe(SIBLING).await?;
        // One message to the sibling is the attack's own, which asks whether it lives.
        let handled = siege.sibling()?.handled - before - 1;
        let status = siege.status()?;
        ensure!(reply == ATTEMPTS.to_string().as_bytes(), "the guest was told otherwise: {reply:?}");
        ensure!(status.denied == round * ATTEMPTS, "{} denials counted", status.denied);
        observation.add(handled.max(status.sent));
    }
    siege.lift().await;
    Ok(observation.noting(format!("of {ATTEMPTS} attempts a round, by name and by peer")))
}
