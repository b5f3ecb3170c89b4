//! The guard: order of rules, the host, and rates that no trick resets.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use airssys_wasm_core::{
    Address, Admission, Codec, CodecSet, DenialRule, Guard, MessagePayload, MessagingCapabilities, SendError,
};
use airssys_wasm_security::{CapabilityGuard, CapabilitySet, Clock};

type Outcome = Result<(), Box<dyn Error>>;

/// A clock that goes where the test says.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Hand {
    fn set_millis(&self, millis: u64) {
        self.0.store(millis * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn rights(send_to: &[&str], receive_from: &[&str]) -> Result<MessagingCapabilities, Box<dyn Error>> {
    Ok(MessagingCapabilities {
        send_to: send_to.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        receive_from: receive_from.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        max_message_bytes: 100,
        rate_per_second: 1_000,
        burst: 2,
        ..MessagingCapabilities::default()
    })
}

fn grant(guard: &CapabilityGuard, address: &str, rights: &MessagingCapabilities) -> Outcome {
    guard.grant(&address.parse()?, Arc::new(CapabilitySet::new(rights)));
    Ok(())
}

/// `t/a` and `t/b` may send to `t/c`, which takes two at once and a thousand per second.
fn trio(max_pairs: usize) -> Result<(CapabilityGuard, Arc<Hand>), Box<dyn Error>> {
    let hand = Arc::new(Hand::default());
    let clock: Arc<dyn Clock> = Arc::<Hand>::clone(&hand);
    let guard = CapabilityGuard::with_max_pairs(clock, max_pairs);
    grant(&guard, "t/a", &rights(&["t/*"], &[])?)?;
    grant(&guard, "t/b", &rights(&["t/c"], &[])?)?;
    grant(&guard, "t/c", &rights(&[], &["t/*"])?)?;
    Ok((guard, hand))
}

fn open(
    guard: &CapabilityGuard,
    from: &str,
    to: &str,
) -> Result<Result<Arc<dyn Admission>, SendError>, Box<dyn Error>> {
    Ok(guard.authorise(&from.parse()?, &to.parse()?))
}

fn refusal(guard: &CapabilityGuard, from: &str, to: &str) -> Result<Option<SendError>, Box<dyn Error>> {
    Ok(open(guard, from, to)?.err())
}

fn passes(admission: &Arc<dyn Admission>, attempts: usize) -> usize {
    (0..attempts).filter(|_| admission.admit(1).is_ok()).count()
}

#[test]
fn the_sender_s_right_comes_before_the_receiver_s() -> Outcome {
    let (guard, _) = trio(10)?;
    grant(&guard, "t/deaf", &rights(&[], &[])?)?;
    let send_to = Some(SendError::Denied(DenialRule::SendTo));
    // Neither right: the sender's is named.
    assert_eq!(refusal(&guard, "t/b/0", "t/deaf")?, send_to);
    assert_eq!(refusal(&guard, "t/a/0", "t/deaf")?, Some(SendError::Denied(DenialRule::ReceiveFrom)));
    assert_eq!(refusal(&guard, "t/c/0", "t/a")?, send_to);
    assert_eq!(refusal(&guard, "t/a/0", "t/c")?, None);
    Ok(())
}

#[test]
fn who_may_not_send_cannot_learn_who_exists() -> Outcome {
    let (guard, _) = trio(10)?;
    let send_to = Some(SendError::Denied(DenialRule::SendTo));
    assert_eq!(refusal(&guard, "t/b/0", "t/nobody")?, send_to);
    assert_eq!(refusal(&guard, "t/b/0", "t/a")?, send_to);
    assert_eq!(refusal(&guard, "t/a/0", "t/nobody")?, Some(SendError::NotFound));
    assert_eq!(refusal(&guard, "x/stranger/0", "t/c")?, send_to);
    Ok(())
}

#[test]
fn look_alike_names_have_no_rights() -> Outcome {
    let (guard, _) = trio(10)?;
    for name in ["t-x/a/0", "t/a-x/0", "x/a/0"] {
        assert_eq!(refusal(&guard, name, "t/c")?, Some(SendError::Denied(DenialRule::SendTo)), "{name}");
    }
    grant(&guard, "t-x/a", &rights(&["t/c"], &[])?)?;
    assert_eq!(refusal(&guard, "t-x/a/0", "t/c")?, Some(SendError::Denied(DenialRule::ReceiveFrom)));
    Ok(())
}

#[test]
fn size_is_judged_before_rate_and_costs_none() -> Outcome {
    let (guard, _) = trio(10)?;
    let admission = open(&guard, "t/a/0", "t/c")??;
    for _ in 0..10 {
        assert_eq!(admission.admit(101), Err(SendError::TooLarge(100)));
    }
    assert_eq!(admission.admit(100), Ok(()));
    assert_eq!(admission.admit(0), Ok(()));
    assert_eq!(admission.admit(100), Err(SendError::RateLimited));
    assert_eq!(admission.admit(101), Err(SendError::TooLarge(100)));
    Ok(())
}

#[test]
fn a_codec_is_judged_between_size_and_rate_and_costs_none() -> Outcome {
    let (guard, _) = trio(10)?;
    let codecs = Some(CodecSet::of(Codec::Cbor));
    grant(&guard, "t/c", &MessagingCapabilities { codecs, ..rights(&[], &["t/*"])? })?;
    let cbor = |bytes: usize| MessagePayload::new([&[0x51][..], &vec![0; bytes - 1]].concat());
    let denied = Err(SendError::Denied(DenialRule::Codecs));
    for sender in ["t/a/0", "host/cli"] {
        let admission = open(&guard, sender, "t/c")??;
        for other in ["", "text", "\u{201}"] {
            assert_eq!(admission.admit_message(&other.into()), denied, "{other:?} from {sender}");
        }
        assert_eq!(
            admission.admit_message(&MessagePayload::new(vec![0; 101])),
            Err(SendError::TooLarge(100))
        );
        assert_eq!(admission.admit_message(&cbor(101)), Err(SendError::TooLarge(100)));
        assert_eq!(admission.admit_message(&cbor(100)), Ok(()));
        // What is no message may be in any form.
        assert_eq!(admission.admit(1), Ok(()));
    }
    let admission = open(&guard, "t/a/0", "t/c")??;
    assert_eq!(admission.admit_message(&"text".into()), denied, "before the rate, which is used up");
    assert_eq!(admission.admit_message(&cbor(1)), Err(SendError::RateLimited));
    // Nothing is demanded of those who receive anything, and a new grant counts at once.
    grant(&guard, "t/c", &rights(&[], &["t/*"])?)?;
    assert_eq!(open(&guard, "host/cli", "t/c")??.admit_message(&"text".into()), Ok(()));
    Ok(())
}

#[test]
fn the_host_needs_no_listing_and_has_no_rate_but_a_size() -> Outcome {
    let (guard, _) = trio(10)?;
    grant(&guard, "t/deaf", &rights(&[], &[])?)?;
    let admission = open(&guard, "host/cli", "t/deaf/0")??;
    assert_eq!(passes(&admission, 1_000), 1_000);
    assert_eq!(admission.admit(101), Err(SendError::TooLarge(100)));
    assert_eq!(refusal(&guard, "host/cli", "t/nobody")?, Some(SendError::NotFound));
    assert_eq!(refusal(&guard, "host-x/cli", "t/deaf")?, Some(SendError::Denied(DenialRule::SendTo)));
    assert_eq!(guard.rated_pairs(), 0);
    Ok(())
}

#[test]
fn each_sending_component_has_its_own_rate() -> Outcome {
    let (guard, _) = trio(10)?;
    assert_eq!(passes(&open(&guard, "t/a/0", "t/c")??, 5), 2);
    assert_eq!(passes(&open(&guard, "t/b/0", "t/c")??, 5), 2);
    assert_eq!(guard.rated_pairs(), 2);
    Ok(())
}

#[test]
fn instances_and_links_of_a_pair_share_its_rate() -> Outcome {
    let (guard, hand) = trio(10)?;
    let first = open(&guard, "t/a/0", "t/c")??;
    assert_eq!(passes(&first, 1), 1);
    assert_eq!(passes(&open(&guard, "t/a/1", "t/c/0")??, 5), 1);
    drop(first);
    // Resolving again, to whatever instance, gives nothing new.
    for (from, to) in [("t/a/0", "t/c"), ("t/a/2", "t/c/7"), ("t/a", "t/c")] {
        assert_eq!(passes(&open(&guard, from, to)??, 5), 0, "{from} to {to}");
    }
    assert_eq!(guard.rated_pairs(), 1);
    hand.set_millis(1);
    assert_eq!(passes(&open(&guard, "t/a/0", "t/c")??, 5), 1);
    Ok(())
}

#[test]
fn a_component_has_a_rate_at_itself() -> Outcome {
    let (guard, _) = trio(10)?;
    grant(&guard, "t/self", &rights(&["t/self"], &["t/self"])?)?;
    assert_eq!(passes(&open(&guard, "t/self/0", "t/self/0")??, 5), 2);
    guard.revoke(&"t/self".parse()?);
    assert_eq!(guard.rated_pairs(), 0);
    Ok(())
}

#[test]
fn rights_may_differ_between_instances_of_one_sender() -> Outcome {
    let (guard, _) = trio(10)?;
    grant(&guard, "t/c", &rights(&[], &["t/a/0"])?)?;
    assert_eq!(refusal(&guard, "t/a/0", "t/c")?, None);
    assert_eq!(refusal(&guard, "t/a/1", "t/c")?, Some(SendError::Denied(DenialRule::ReceiveFrom)));
    Ok(())
}

#[test]
fn revoking_either_side_ends_the_pair() -> Outcome {
    for side in ["t/a", "t/c"] {
        let (guard, _) = trio(10)?;
        drop(open(&guard, "t/a/0", "t/c")??);
        drop(open(&guard, "t/b/0", "t/c")??);
        guard.revoke(&side.parse()?);
        assert_eq!(guard.rated_pairs(), if side == "t/a" { 1 } else { 0 }, "{side}");
        assert!(refusal(&guard, "t/a/0", "t/c")?.is_some(), "{side}");
        assert!(guard.capabilities(&side.parse()?).is_none());
    }
    Ok(())
}

#[test]
fn every_change_advances_the_generation() -> Outcome {
    let (guard, _) = trio(10)?;
    let source = guard.generation_source();
    let mut last = guard.generation();
    let a: Address = "t/a".parse()?;
    let changes: [&dyn Fn(); 3] = [
        &|| guard.grant(&a, Arc::new(CapabilitySet::default())),
        &|| guard.grant(&a, Arc::new(CapabilitySet::default())),
        &|| guard.revoke(&a),
    ];
    for change in changes {
        change();
        assert!(guard.generation() > last);
        last = guard.generation();
        assert_eq!(source.load(Ordering::Relaxed), last);
    }
    drop(open(&guard, "t/b/0", "t/c")??);
    assert_eq!(guard.generation(), last, "opening a link changes nothing");
    Ok(())
}

#[test]
fn granting_the_same_rate_again_keeps_what_was_used() -> Outcome {
    let (guard, _) = trio(10)?;
    assert_eq!(passes(&open(&guard, "t/a/0", "t/c")??, 5), 2);
    let mut again = rights(&[], &["t/*"])?;
    again.max_message_bytes = 7;
    grant(&guard, "t/c/3", &again)?;
    let admission = open(&guard, "t/a/0", "t/c")??;
    assert_eq!(admission.admit(8), Err(SendError::TooLarge(7)), "the new size holds");
    assert_eq!(passes(&admission, 5), 0, "the used rate is still used");
    again.burst = 3;
    grant(&guard, "t/c", &again)?;
    assert_eq!(passes(&open(&guard, "t/a/0", "t/c")??, 5), 3, "a new rate is a new limit");
    Ok(())
}

#[test]
fn a_full_table_gives_up_idle_pairs_only() -> Outcome {
    let (guard, hand) = trio(1)?;
    let held = open(&guard, "t/a/0", "t/c")??;
    assert_eq!(passes(&held, 5), 2);
    // Held by a link: kept, however long it has been idle.
    hand.set_millis(1_000);
    assert_eq!(refusal(&guard, "t/b/0", "t/c")?, Some(SendError::RateLimited));
    assert_eq!(passes(&held, 5), 2);
    drop(held);
    // Not held, but used up: kept.
    hand.set_millis(1_001);
    assert_eq!(refusal(&guard, "t/b/0", "t/c")?, Some(SendError::RateLimited));
    // Idle: its place is given to another.
    hand.set_millis(2_000);
    assert_eq!(refusal(&guard, "t/b/0", "t/c")?, None);
    assert_eq!(guard.rated_pairs(), 1);
    // The pair that is known passes whatever the table holds.
    assert_eq!(refusal(&guard, "t/b/1", "t/c")?, None);
    Ok(())
}

proptest! {
    /// However links are opened, dropped and evicted, a pair never gets more than its rate.
    #[test]
    fn eviction_never_gives_extra_messages(
        steps in prop::collection::vec((0_usize..4, any::<bool>(), 0_u64..60), 1..200),
    ) {
        let run = || -> Result<(), Box<dyn Error>> {
            let (guard, hand) = trio(2)?;
            let mut times: [Vec<u64>; 4] = Default::default();
            let mut held: [Option<Arc<dyn Admission>>; 4] = Default::default();
            for number in 0..4 {
                grant(&guard, &format!("t/s{number}"), &rights(&["t/c"], &[])?)?;
            }
            // Two of these steps make a sweep due.
            let mut now = 0;
            for (sender, keep, step) in steps {
                now += step;
                hand.set_millis(now);
                let opened = open(&guard, &format!("t/s{sender}/0"), "t/c")?;
                assert!(guard.rated_pairs() <= 2);
                let (Some(times), Some(held)) = (times.get_mut(sender), held.get_mut(sender)) else {
                    continue;
                };
                for admission in opened.iter().chain(held.iter()) {
                    times.extend((0..3).filter(|_| admission.admit(1).is_ok()).map(|_| now));
                }
                *held = opened.ok().filter(|_| keep);
            }
            for times in &times {
                for (first, from) in times.iter().enumerate() {
                    for (count, to) in (1_u64..).zip(times.iter().skip(first)) {
                        assert!(count <= 2 + (to - from), "{count} messages in {from}..={to} ms");
                    }
                }
            }
            Ok(())
        };
        prop_assert!(run().is_ok());
    }
}

#[test]
fn a_publication_needs_publish_in_place_of_send_to_and_the_same_rest() -> Outcome {
    let (guard, _) = trio(10)?;
    let publish = MessagingCapabilities { publish: vec!["logs.*".parse()?], ..rights(&[], &[])? };
    let subscribe = MessagingCapabilities { subscribe: vec!["logs.#".parse()?], ..rights(&[], &["t/p"])? };
    grant(&guard, "t/p", &publish)?;
    grant(&guard, "t/s", &subscribe)?;
    let (publisher, subscriber): (Address, Address) = ("t/p/0".parse()?, "t/s/0".parse()?);
    let host = Address::host("api")?;
    let refused = |rule| Err(SendError::Denied(rule));
    assert_eq!(guard.authorise_publication(&publisher, &"logs.raw".parse()?), Ok(()));
    assert_eq!(guard.authorise_publication(&publisher, &"logs".parse()?), refused(DenialRule::Publish));
    assert_eq!(guard.authorise_publication(&subscriber, &"logs.raw".parse()?), refused(DenialRule::Publish));
    assert_eq!(guard.authorise_subscription(&subscriber, &"logs.raw".parse()?), Ok(()));
    assert_eq!(guard.authorise_subscription(&subscriber, &"#".parse()?), refused(DenialRule::Subscribe));
    assert_eq!(
        guard.authorise_subscription(&publisher, &"logs.raw".parse()?),
        refused(DenialRule::Subscribe)
    );
    assert_eq!(
        guard.authorise_publication(&"t/nobody/0".parse()?, &"logs.raw".parse()?),
        refused(DenialRule::Publish)
    );
    assert_eq!(guard.authorise_publication(&host, &"any".parse()?), Ok(()));
    assert_eq!(guard.authorise_subscription(&host, &"#".parse()?), Ok(()));

    let receipt = guard.authorise_receipt(&publisher, &subscriber)?;
    assert_eq!(receipt.admit(101), Err(SendError::TooLarge(100)));
    assert_eq!(passes(&receipt, 5), 2, "the pair's burst");
    let back = guard.authorise_receipt(&subscriber, &publisher).err();
    assert_eq!(back, Some(SendError::Denied(DenialRule::ReceiveFrom)));
    // What its own timers send it needs no right, and has its own rate.
    assert_eq!(refusal(&guard, "t/s/0", "t/s/0")?, Some(SendError::Denied(DenialRule::SendTo)));
    let own = guard.authorise_reminder(&subscriber)?;
    assert_eq!(own.admit(101), Err(SendError::TooLarge(100)));
    assert_eq!(passes(&own, 5), 2, "the component's burst");
    // Messages are another right; the rate of the pair is one.
    assert_eq!(refusal(&guard, "t/p/0", "t/s")?, Some(SendError::Denied(DenialRule::SendTo)));
    let both = MessagingCapabilities { send_to: vec!["t/s".parse()?], ..publish };
    grant(&guard, "t/p", &both)?;
    assert_eq!(open(&guard, "t/p/0", "t/s")?.map(|admission| passes(&admission, 5)), Ok(0));
    Ok(())
}
