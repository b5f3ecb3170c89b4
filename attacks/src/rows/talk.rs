//! What one instance can have under way with others, and that nobody meddles with it.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::{Address, MailboxConfig, MessagePayload};
use airssys_wasm_runtime::MAX_BROADCAST_TARGETS;
use airssys_wasm_system::{
    Component, ComponentRef, ComponentStatus, MAX_PENDING_REQUESTS, MAX_SUBSCRIPTIONS, MAX_TIMER_BYTES,
    MAX_TIMERS,
};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS, SIBLING, Siege};

/// More than any bound here.
const FLOOD: usize = 2_000;

/// What a timer of the flood by bytes holds.
const TIMER_BYTES: usize = 64 * 1024;

/// The largest reply that the victim of a large one takes.
const MAX_REPLY_BYTES: usize = 1_000;

/// Sizes that are tried, in bytes.
const REPLY_SIZES: [usize; 5] = [1, 999, 1_000, 1_001, 1_048_576];

/// Sizes of the texts of errors that are tried; the runtime cuts longer ones.
const ERROR_SIZES: [usize; 5] = [1, 999, 1_000, 1_001, 4_096];

/// What the talker puts before the text of an error.
const ERROR_MARK: &str = "failed: ";

/// Ids that are guessed; a fresh host has given out fewer.
const GUESSES: u64 = 5_000;

/// Topics beside `logs.raw`, some of which look like it.
const FORBIDDEN_TOPICS: &[&str] = &[
    "logs",
    "logs-x.raw",
    "logs.raw.web",
    "Logs.raw",
    "l\u{f6}gs.raw",
    "logs..raw",
    "logs.raw.",
    "logs.*",
    "#",
];

/// Patterns that mean more than `logs.raw`, or look like it.
const FORBIDDEN_PATTERNS: &[&str] = &[
    "#",
    "*",
    "*.*",
    "*.raw",
    "logs.*",
    "logs.#",
    "logs.raw.#",
    "logs",
    "logs-x.raw",
    "l\u{f6}gs.raw",
    "logs..raw",
];

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "requests under way",
        key: "MAX_PENDING_REQUESTS",
        guest: "request_flood",
        unit: "requests that wait",
        measure: || Box::pin(requests()),
    },
    Attack {
        limit: "timers",
        key: "MAX_TIMERS",
        guest: "timer_flood",
        unit: "timers that are set",
        measure: || Box::pin(timers()),
    },
    Attack {
        limit: "bytes in timers",
        key: "MAX_TIMER_BYTES",
        guest: "timer_flood",
        unit: "bytes held",
        measure: || Box::pin(timer_bytes()),
    },
    Attack {
        limit: "subscriptions",
        key: "MAX_SUBSCRIPTIONS",
        guest: "subscription_flood",
        unit: "subscriptions",
        measure: || Box::pin(subscriptions()),
    },
    Attack {
        limit: "targets of one broadcast",
        key: "MAX_BROADCAST_TARGETS",
        guest: "broadcast_flood",
        unit: "messages accepted",
        measure: || Box::pin(broadcast()),
    },
    Attack {
        limit: "size of an answer to a request",
        key: "capabilities.messaging.max_message_bytes",
        guest: "answer_bomb",
        unit: "bytes of the largest taken",
        measure: || Box::pin(reply_size()),
    },
    Attack {
        limit: "cancelling what others have under way",
        key: "requests and timers of their owner alone",
        guest: "guess_ids",
        unit: "cancelled",
        measure: || Box::pin(guessed()),
    },
    Attack {
        limit: "ending subscriptions of others",
        key: "subscriptions of their owner alone",
        guest: "topic_squatter",
        unit: "subscriptions ended",
        measure: || Box::pin(unsubscribing_others()),
    },
    Attack {
        limit: "answers in the name of others",
        key: "one answer for a request, from who was asked",
        guest: "guess_ids",
        unit: "answers to one request",
        measure: || Box::pin(forged()),
    },
    Attack {
        limit: "publishing without the right",
        key: "capabilities.messaging.publish",
        guest: "topic_squatter",
        unit: "publications that passed",
        measure: || Box::pin(squatting("publish", FORBIDDEN_TOPICS)),
    },
    Attack {
        limit: "subscribing without the right",
        key: "capabilities.messaging.subscribe",
        guest: "topic_squatter",
        unit: "subscriptions that passed",
        measure: || Box::pin(squatting("subscribe", FORBIDDEN_PATTERNS)),
    },
    Attack {
        limit: "calls in a cycle",
        key: "refused at once as would-deadlock",
        guest: "call_cycle",
        unit: "ms until refused",
        measure: || Box::pin(cycle()),
    },
];

pub(super) fn attacker(guest: &str) -> Result<Component> {
    Ok(guests::component(guest)?.max_fuel(10_000_000_000).timeout_ms(20_000))
}

pub(super) fn numbers(reply: &[u8]) -> Result<Vec<u64>> {
    Ok(std::str::from_utf8(reply)?.split(' ').map(str::parse).collect::<Result<_, _>>()?)
}

/// One that takes messages and handles none.
async fn parked(field: &Field) -> Result<Address> {
    parked_with(field, MailboxConfig { capacity: 1_000_000, ..MailboxConfig::default() }).await
}

/// As [`parked`], with this mailbox; comes back when it has taken what parks it.
pub(super) async fn parked_with(field: &Field, mailbox: MailboxConfig) -> Result<Address> {
    let component = guests::component("park_in_host_call")?.timeout_ms(60_000).mailbox(mailbox);
    let component = component.rate(1_000_000, 1_000_000);
    let address = component.address();
    field.host().start(component.receive_from("attack/*".parse()?)).await?.send("park")?;
    let in_hand = async {
        while field.status(&address)?.waiting > 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(GIVE_UP, in_hand).await??;
    Ok(address)
}

/// The flood's own count and the host's have to agree.
async fn requests() -> Result<Observation> {
    let field = Field::new().await?;
    let target = parked(&field).await?;
    let mut observation = Observation::of(MAX_PENDING_REQUESTS as u64).never_less();
    for _ in 0..ROUNDS {
        let flooder = attacker("request_flood")?.send_to(target.as_str().parse()?);
        let address = flooder.address();
        let flooder = field.host().start(flooder).await?;
        let told = numbers(field.ask(&flooder, &format!("{FLOOD} {target}")).await?.as_bytes())?;
        let waiting = field.status(&address)?.pending_requests as u64;
        ensure!(told == [waiting, FLOOD as u64 - waiting], "{waiting} wait, and the guest was told {told:?}");
        field.sibling_lives().await?;
        observation.add(waiting);
        let ended = field.host().kill(&address).await?;
        ensure!(ended.iter().all(|status| status.pending_requests == 0), "some stay behind");
    }
    field.host().kill(&target).await?;
    field.clear().await;
    Ok(observation
        .noting("every further one is refused as quota-exceeded; none is left when the flooder is killed"))
}

async fn timers() -> Result<Observation> {
    let mut observation = Observation::of(MAX_TIMERS as u64).never_less();
    timer_flood(0, |status| observation.add(status.timers as u64)).await?;
    Ok(observation.noting("every further one is refused as quota-exceeded"))
}

async fn timer_bytes() -> Result<Observation> {
    let mut observation = Observation::of(MAX_TIMER_BYTES as u64);
    let mut least = u64::MAX;
    timer_flood(TIMER_BYTES, |status| {
        least = least.min(status.timer_bytes as u64);
        observation.add(status.timer_bytes as u64);
    })
    .await?;
    ensure!(least + 2 * TIMER_BYTES as u64 > MAX_TIMER_BYTES as u64, "only {least} bytes were to be had");
    Ok(observation.noting(format!("in timers of {TIMER_BYTES} bytes; names of targets count as well")))
}

async fn timer_flood(bytes: usize, mut seen: impl FnMut(&ComponentStatus)) -> Result<()> {
    let siege = Siege::lay(attacker("timer_flood")?).await?;
    for _ in 0..ROUNDS {
        let told = numbers(&siege.probe(&format!("{FLOOD} {bytes}")).await?)?;
        let status = siege.status()?;
        ensure!(told.iter().sum::<u64>() == FLOOD as u64, "the guest was told {told:?}");
        seen(&status);
    }
    siege.lift().await;
    Ok(())
}

async fn subscriptions() -> Result<Observation> {
    let siege = Siege::lay(attacker("subscription_flood")?.subscribe("flood.*".parse()?)).await?;
    let mut observation = Observation::of(MAX_SUBSCRIPTIONS as u64).never_less();
    for _ in 0..ROUNDS {
        // Those that it has already are accepted again, and change nothing.
        let told = numbers(&siege.probe(&FLOOD.to_string()).await?)?;
        ensure!(told.iter().sum::<u64>() == FLOOD as u64, "the guest was told {told:?}");
        observation.add(siege.status()?.subscriptions as u64);
    }
    siege.lift().await;
    Ok(observation.noting("every further one is refused as quota-exceeded"))
}

async fn broadcast() -> Result<Observation> {
    let flooder = attacker("broadcast_flood")?.send_to(SIBLING.parse()?);
    let roomy = crate::siege::sibling("attack/*")?.rate(1_000_000, 1_000_000);
    let field = Field::beside(roomy).await?;
    let address = flooder.address();
    let flooder = field.host().start(flooder).await?;
    let mut observation = Observation::of(MAX_BROADCAST_TARGETS as u64).never_less();
    for _ in 0..ROUNDS {
        let before = field.status(&address)?.sent;
        let told = numbers(field.ask(&flooder, &format!("{FLOOD} {SIBLING}")).await?.as_bytes())?;
        let sent = field.status(&address)?.sent - before;
        ensure!(
            told == [sent, FLOOD as u64 - sent, FLOOD as u64],
            "{sent} were sent, the guest was told {told:?}"
        );
        field.sibling_lives().await?;
        observation.add(sent);
    }
    field.clear().await;
    Ok(observation.noting("each target has its result; every further one is refused as quota-exceeded"))
}

/// A guest of the tests that talks as it is told, as `attack/talker`.
fn talker() -> Result<Component> {
    let component = Component::from_bytes("attack/talker".parse()?, guests::bytes("talker")?, MEMORY_BYTES);
    Ok(component.max_fuel(1_000_000_000).timeout_ms(20_000))
}

async fn order(talker: &ComponentRef, order: &str) -> Result<String> {
    let payload = MessagePayload::from(order).with_content_type("order");
    let reply = talker.request_within(payload, GIVE_UP).await.context("the talker is gone")?;
    Ok(String::from_utf8(reply.bytes().to_vec())?)
}

/// The callbacks of the talker, once there are as many as that.
async fn callbacks(talker: &ComponentRef, count: usize) -> Result<Vec<String>> {
    let all = async {
        loop {
            let lines: Vec<String> = order(talker, "callbacks").await?.lines().map(str::to_owned).collect();
            if lines.len() >= count {
                return anyhow::Ok(lines);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GIVE_UP, all).await?
}

/// The victim asks by `request` and by `call`, and is told of the size in place of the reply.
async fn reply_size() -> Result<Observation> {
    let field = Field::new().await?;
    let bomb = attacker("answer_bomb")?.receive_from("attack/*".parse()?);
    let target = bomb.address();
    field.host().start(bomb).await?;
    let victim = talker()?.send_to("attack/*".parse()?).max_message_bytes(MAX_REPLY_BYTES);
    let victim = field.host().start(victim).await?;
    let mut observation = Observation::of(MAX_REPLY_BYTES as u64).never_less();
    let refused = format!("too-large: {MAX_REPLY_BYTES}");
    let mut requests = 0;
    for _ in 0..ROUNDS {
        let mut largest = 0;
        let replies = REPLY_SIZES.map(|bytes| (bytes.to_string(), bytes));
        let errors = ERROR_SIZES.map(|bytes| (format!("!error {bytes}"), bytes));
        for (asked, bytes) in replies.into_iter().chain(errors) {
            let called = order(&victim, &format!("call {target} 10000 {asked}")).await?;
            order(&victim, &format!("request {target} 10000 {asked}")).await?;
            requests += 1;
            let told = callbacks(&victim, requests).await?;
            let answer = told.last().and_then(|line| line.split_once(' ')).context("there is one")?.1;
            ensure!(called == answer, "the call and the request were answered in different ways");
            if called == refused {
                continue;
            }
            let came = called.strip_prefix(ERROR_MARK).unwrap_or(&called).len();
            ensure!(came == bytes, "{came} bytes came of {bytes}");
            largest = largest.max(bytes);
        }
        observation.add(largest as u64);
        field.sibling_lives().await?;
    }
    let status = field.status(&"attack/talker".parse()?)?;
    ensure!(status.restarts == 0, "the victim was killed");
    field.clear().await;
    Ok(observation.noting(format!(
        "replies of {REPLY_SIZES:?} and errors of {ERROR_SIZES:?} bytes, by call and by request"
    )))
}

/// A victim with a request and a timer under way, whose ids are among those that are guessed.
async fn guessed() -> Result<Observation> {
    let field = Field::new().await?;
    let target = parked(&field).await?;
    let victim = field.host().start(talker()?.send_to("attack/*".parse()?)).await?;
    let meddler = field.host().start(attacker("guess_ids")?).await?;
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS {
        let id: u64 = order(&victim, &format!("request {target} 3600000 x")).await?.parse()?;
        let timer: u64 = order(&victim, "send-after attack/talker/0 3600000 x").await?.parse()?;
        ensure!(id < GUESSES && timer < GUESSES, "the ids {id} and {timer} are beyond what is guessed");
        let cancelled: u64 = field.ask(&meddler, &GUESSES.to_string()).await?.parse()?;
        let status = field.status(&"attack/talker".parse()?)?;
        let lost = 2 * round - status.pending_requests - status.timers;
        observation.add(cancelled.max(lost as u64));
        field.sibling_lives().await?;
    }
    field.host().kill(&target).await?;
    field.clear().await;
    Ok(observation
        .noting(format!("of {GUESSES} requests and as many timers a round; the victim's are among them")))
}

/// The meddler cancels by the number that it was shown, sends a forged answer, and then answers.
async fn forged() -> Result<Observation> {
    let field = Field::new().await?;
    let meddler = attacker("guess_ids")?.send_to("attack/*".parse()?).receive_from("attack/*".parse()?);
    let target = meddler.address();
    field.host().start(meddler).await?;
    let victim = talker()?.send_to("attack/*".parse()?).receive_from("attack/*".parse()?);
    let victim = field.host().start(victim).await?;
    let mut observation = Observation::of(1).never_less();
    for round in 1..=ROUNDS {
        let id = order(&victim, &format!("request {target} 10000 x")).await?;
        let answers = callbacks(&victim, round).await?;
        let own = answers.iter().filter(|line| line.split_once(' ').is_some_and(|(of, _)| of == id));
        let own: Vec<_> = own.collect();
        ensure!(own.iter().all(|line| line.ends_with(" true answer")), "answered with {own:?}");
        let heard = order(&victim, "heard").await?;
        let forged =
            heard.lines().filter(|line| line.starts_with("attack/guess-ids/0 sender: host/cli")).count();
        ensure!(heard.lines().count() == round && forged == round, "it heard {heard}");
        observation.add(own.len() as u64);
    }
    field.clear().await;
    Ok(observation.noting("the forged ones came as messages of their true sender"))
}

/// May publish and subscribe to `logs.raw` alone; everything else, look-alikes included, is refused.
/// The victim's pattern is known to the attacker, and the attacker may subscribe to it as well.
async fn unsubscribing_others() -> Result<Observation> {
    let field = Field::new().await?;
    let topics = || "logs.#".parse();
    let victim = field.host().start(talker()?.subscribe(topics()?).receive_from("attack/*".parse()?)).await?;
    let attacker = attacker("topic_squatter")?.subscribe(topics()?).publish(topics()?);
    let attacker = field.host().start(attacker).await?;
    ensure!(order(&victim, "subscribe logs.*").await? == "ok", "the victim is not subscribed");
    let attempts =
        "unsubscribe logs.*\nunsubscribe logs.#\nunsubscribe #\nunsubscribe *\nunsubscribe logs.raw";
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS {
        let ended: u64 = field.ask(&attacker, attempts).await?.parse()?;
        // Its own subscription goes, and the victim's of the same pattern stays.
        ensure!(
            field.ask(&attacker, "subscribe logs.*\nunsubscribe logs.*").await? == "2",
            "it may do so itself"
        );
        let left = field.status(victim.address())?.subscriptions as u64;
        observation.add(ended.max(1_u64.saturating_sub(left)));
        ensure!(field.ask(&attacker, "publish logs.raw").await? == "1", "the attacker may publish");
        let heard = order(&victim, "heard").await?.lines().count();
        ensure!(heard == round, "the victim heard {heard} publications of {round}");
    }
    field.clear().await;
    Ok(observation)
}

async fn squatting(verb: &str, topics: &[&str]) -> Result<Observation> {
    let component = attacker("topic_squatter")?.publish("logs.raw".parse()?).subscribe("logs.raw".parse()?);
    let siege = Siege::lay(component).await?;
    let mut stream = siege.host().subscribe(&"#".parse()?);
    let order: Vec<String> = topics.iter().map(|topic| format!("{verb} {topic}")).collect();
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let passed: u64 = std::str::from_utf8(&siege.probe(&order.join("\n")).await?)?.parse()?;
        ensure!(siege.status()?.subscriptions == 0, "it is subscribed");
        observation.add(passed);
    }
    let granted = siege.probe(&format!("{verb} logs.raw")).await?;
    ensure!(granted == b"1", "what it may do was refused as well");
    if verb == "publish" {
        let only = stream.next().await.context("the host hears")?;
        ensure!(format!("{only:?}").contains("Topic(logs.raw)"), "{only:?} was published");
    }
    siege.lift().await;
    Ok(observation.noting(format!("tried: {}", topics.join(", "))))
}

async fn cycle() -> Result<Observation> {
    let field = Field::new().await?;
    let mut all = Vec::new();
    for name in ["attack/call-cycle", "attack/other-cycle"] {
        let component = Component::from_bytes(name.parse()?, guests::bytes("call_cycle")?, MEMORY_BYTES)
            .max_fuel(1_000_000_000)
            .timeout_ms(60_000)
            .send_to("attack/*".parse()?)
            .receive_from("attack/*".parse()?);
        all.push(field.host().start(component).await?);
    }
    let first = all.first().context("there are two")?;
    let mut observation = Observation::of(0).tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let reply = field.ask(first, "attack/other-cycle").await?;
        ensure!(reply == "would-deadlock", "the call was answered with {reply}");
        observation.add(u64::try_from(began.elapsed().as_millis())?);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("calls that may take a minute each; verdict allows what a loaded machine takes"))
}
