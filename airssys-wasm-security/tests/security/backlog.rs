//! What waits to be written stays within its bounds, and nothing of it is lost without a count.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use airssys_wasm_core::{
    Address, AuditConfig, AuditEvent, AuditKind, AuditReason, AuditTarget, DenialRule, EndCause, SendError,
};
use airssys_wasm_security::{
    AUDIT_BURST_BYTES, AUDIT_BYTES_PER_SECOND, AuditBacklog, AuditChain, AuditEntry, Clock,
    MAX_WAITING_BY_GUESTS, MAX_WAITING_BYTES, MAX_WAITING_RECORDS,
};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

#[derive(Debug, Default)]
struct Steered(AtomicU64);

impl Clock for Steered {
    fn nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct World {
    clock: Arc<Steered>,
    backlog: AuditBacklog,
    out: VecDeque<AuditEntry>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(Steered::default());
        Self { backlog: AuditBacklog::new(Arc::<Steered>::clone(&clock)), clock, out: VecDeque::new() }
    }

    fn push(&mut self, event: AuditEvent) -> bool {
        self.backlog.push(AuditEntry { time: SystemTime::UNIX_EPOCH, event })
    }

    fn denied(&mut self, sender: &str) -> bool {
        self.push(AuditEvent::denied(
            address(sender),
            address("t/target"),
            DenialRule::SendTo,
            SendError::Full,
            None,
        ))
    }

    fn done(&mut self, reason: &str) -> bool {
        let reason = Some(AuditReason::text(reason));
        self.push(AuditEvent::about(AuditKind::Started, address("t/target/0"), reason))
    }

    /// An instance ended by itself, with all that it has to say.
    fn failed(&mut self, instance: &str) -> bool {
        let cause = EndCause::InitialiseFailed { detail: "\\\"".repeat(4_000) };
        let reason = Some(AuditReason::of_end(&cause));
        let event = AuditEvent::about(AuditKind::Failed, address(instance), reason);
        self.push(AuditEvent { is_by_guest: true, ..event })
    }

    /// Bytes of the lines that wait.
    fn bytes_on_disk(&mut self) -> u64 {
        let (mut chain, mut lines) = (AuditChain::new(), Vec::new());
        self.backlog.take(usize::MAX, &mut self.out);
        for entry in self.out.drain(..) {
            chain.append(&entry, &mut lines);
        }
        lines.len() as u64
    }

    /// All that waits, and the counts of what was lost: by component, or under no name.
    fn empty(&mut self) -> (usize, BTreeMap<String, u64>) {
        self.backlog.take(usize::MAX, &mut self.out);
        self.backlog.take_losses(SystemTime::UNIX_EPOCH, true, &mut self.out);
        let mut lost = BTreeMap::new();
        let mut entries = 0;
        for entry in self.out.drain(..) {
            if entry.event.kind != AuditKind::Lost {
                entries += 1;
                continue;
            }
            let reason = entry.event.reason.map(|reason| reason.to_string()).unwrap_or_default();
            let count = reason.split(' ').next().and_then(|count| count.parse::<u64>().ok());
            let name = entry.event.sender.map(|sender| sender.to_string()).unwrap_or_default();
            *lost.entry(name).or_default() += count.unwrap_or_default();
        }
        (entries, lost)
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn losses(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
    of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn a_flood_of_one_component_is_recorded_at_its_rate_and_counted_beyond() {
    let mut world = World::new();
    let burst = (0..3_000).filter(|_| world.denied("t/flood/0")).count();
    assert!(burst > 1_000, "{burst}");
    assert_eq!(world.empty(), (burst, losses(&[("t/flood", 3_000 - burst as u64)])));
    world.clock.0.store(SECOND, Ordering::Relaxed);
    let rate = (0..3_000).filter(|_| world.denied("t/flood/1")).count();
    assert!((80..=110).contains(&rate), "{rate}");
    assert_eq!(world.empty(), (rate, losses(&[("t/flood", 3_000 - rate as u64)])));
    assert_eq!(world.empty(), (0, losses(&[])), "a loss is told once");
}

/// Whatever a guest brings about, with texts that take the most room, and what it comes to on disk.
#[test]
fn a_component_fills_no_more_of_the_disk_than_its_rate() {
    fn denied(world: &mut World) -> bool {
        let mut event = AuditEvent::denied(
            address("t/flood/0"),
            address("t/target"),
            DenialRule::SendTo,
            SendError::Full,
            None,
        );
        event.target = Some(AuditTarget::text("\"\\".repeat(500)));
        world.push(event)
    }
    let causes: [fn(&mut World) -> bool; 3] =
        [|world| world.failed("t/flood/0"), denied, |world| world.denied("t/flood/0")];
    for cause in causes {
        let mut world = World::new();
        let mut bytes = 0;
        for second in 0..60 {
            world.clock.0.store(second * SECOND, Ordering::Relaxed);
            while cause(&mut world) {
                if world.backlog.len() > 1_000 {
                    bytes += world.bytes_on_disk();
                }
            }
            bytes += world.bytes_on_disk();
        }
        let declared = u64::from(AUDIT_BURST_BYTES) + 59 * u64::from(AUDIT_BYTES_PER_SECOND);
        assert!(bytes <= declared && bytes > declared / 4 * 3, "{bytes} of {declared}");
    }
    // What is said of a log of the default size.
    let AuditConfig { max_file_bytes, keep_files, .. } = AuditConfig::new("");
    let log_bytes = max_file_bytes * (u64::from(keep_files) + 1) - u64::from(AUDIT_BURST_BYTES);
    assert!(log_bytes / u64::from(AUDIT_BYTES_PER_SECOND) >= 4 * 3_600);
}

#[test]
fn a_crash_loop_is_held_to_the_rate_of_denials_and_hides_nobody() {
    let mut world = World::new();
    let failed = (0..100_000).filter(|_| world.failed("t/crash/0")).count();
    assert!((500..1_500).contains(&failed), "{failed}");
    assert!(!world.denied("t/crash/1"), "all that a component brings about is one rate");
    let mut done = 0;
    while world.done("granted") {
        done += 1;
    }
    assert!(done >= 1_000, "{done}");
    assert!(world.empty().1.contains_key("t/crash"));
}

#[test]
fn a_flood_leaves_room_for_others() {
    let mut world = World::new();
    for _ in 0..100_000 {
        world.denied("t/flood/0");
    }
    assert!(world.denied("t/other/0") && world.done("started"));
    let (entries, lost) = world.empty();
    assert!(entries > 1_000, "{entries}");
    assert_eq!(lost, losses(&[("t/flood", 100_002 - entries as u64)]));
}

#[test]
fn denials_of_all_leave_room_for_what_the_host_does() {
    let mut world = World::new();
    let mut taken = 0;
    for number in 0..MAX_WAITING_RECORDS {
        taken += usize::from(world.denied(&format!("t/flood{}/0", number % 64)));
    }
    assert!(taken <= MAX_WAITING_BY_GUESTS && taken > MAX_WAITING_BY_GUESTS / 2, "{taken}");
    let mut done = 0;
    while world.done("started") {
        done += 1;
    }
    assert!(done >= 800, "{done}");
    assert!(world.backlog.bytes() <= MAX_WAITING_BYTES && world.backlog.len() <= MAX_WAITING_RECORDS);
    assert_eq!(world.empty().1.get(""), Some(&1));
    assert_eq!((world.backlog.bytes(), world.backlog.len()), (0, 0));
    assert!(world.denied("t/flood0/0"), "room that was given back can be taken");
}

#[test]
fn losses_are_told_once_a_second() {
    let mut world = World::new();
    let mut told = 0;
    for millisecond in 0..3_000 {
        world.clock.0.store(millisecond * 1_000_000, Ordering::Relaxed);
        for _ in 0..10 {
            world.denied("t/flood/0");
        }
        world.backlog.take(usize::MAX, &mut world.out);
        world.out.clear();
        world.backlog.take_losses(SystemTime::UNIX_EPOCH, false, &mut world.out);
        told += world.out.len();
    }
    assert_eq!(told, 2);
}

#[test]
fn components_beyond_those_that_are_tracked_share_one_count() {
    let mut world = World::new();
    let mut tried = 0;
    for number in 0..20_000 {
        world.denied(&format!("t/c{number}/0"));
        tried += 1;
    }
    let (entries, lost) = world.empty();
    assert_eq!(entries as u64 + lost.values().sum::<u64>(), tried);
    assert!(lost.len() < 16_386 && lost.contains_key(""), "{}", lost.len());
}

#[derive(Debug, Clone)]
enum Step {
    Denied(u8),
    Failed(u8),
    Done(usize),
    Take(usize),
    Losses(bool),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_u8).prop_map(Step::Denied),
        2 => (0..4_u8).prop_map(Step::Failed),
        3 => (0..1_200_usize).prop_map(Step::Done),
        1 => (0..700_usize).prop_map(Step::Take),
        1 => any::<bool>().prop_map(Step::Losses),
        1 => (0..SECOND).prop_map(Step::Wait),
    ];
    proptest::collection::vec((step, 1..600_usize), 0..60).prop_map(|steps| {
        steps.into_iter().flat_map(|(step, times)| std::iter::repeat_n(step, times)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_entry_is_taken_or_counted(steps in steps()) {
        let mut world = World::new();
        let (mut pushed, mut accepted, mut left, mut lost) = (0_u64, 0_u64, 0_u64, 0_u64);
        for step in steps {
            let before = world.out.len();
            match step {
                Step::Denied(who) => {
                    pushed += 1;
                    accepted += u64::from(world.denied(&format!("t/c{who}/0")));
                }
                Step::Failed(who) => {
                    pushed += 1;
                    accepted += u64::from(world.failed(&format!("t/c{who}/0")));
                }
                Step::Done(length) => {
                    pushed += 1;
                    accepted += u64::from(world.done(&"x".repeat(length)));
                }
                Step::Take(most) => {
                    world.backlog.take(most, &mut world.out);
                    prop_assert!(world.out.len() - before <= most);
                    left += (world.out.len() - before) as u64;
                    world.out.clear();
                }
                Step::Losses(is_last) => {
                    let (clock, backlog) = (&world.clock, &mut world.backlog);
                    clock.0.fetch_add(1, Ordering::Relaxed);
                    backlog.take_losses(SystemTime::UNIX_EPOCH, is_last, &mut world.out);
                    for entry in world.out.drain(..) {
                        let reason = entry.event.reason.map(|reason| reason.to_string());
                        let reason = reason.unwrap_or_default();
                        lost += reason.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
                    }
                }
                Step::Wait(nanos) => {
                    world.clock.0.fetch_add(nanos, Ordering::Relaxed);
                }
            }
            prop_assert!(world.backlog.len() <= MAX_WAITING_RECORDS);
            prop_assert!(world.backlog.bytes() <= MAX_WAITING_BYTES);
            prop_assert_eq!(world.backlog.len() as u64, accepted - left);
            prop_assert_eq!(world.backlog.is_empty(), accepted == left);
        }
        let (entries, rest) = world.empty();
        prop_assert_eq!(left + entries as u64, accepted);
        prop_assert_eq!(lost + rest.values().sum::<u64>(), pushed - accepted);
    }
}
