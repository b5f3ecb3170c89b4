//! Patterns and capability sets: whole segments, instances, the host.

use std::error::Error;

use proptest::prelude::*;

use airssys_wasm_core::{Address, AddressPattern, MessagingCapabilities};
use airssys_wasm_security::{CapabilitySet, PatternSet};

fn check(pattern: &str, address: &str, expected: bool) -> Result<(), Box<dyn Error>> {
    let set = PatternSet::new(&[pattern.parse()?]);
    assert_eq!(set.matches(&address.parse()?), expected, "{pattern} on {address}");
    Ok(())
}

#[test]
fn two_segments_match_the_component_and_its_instances() -> Result<(), Box<dyn Error>> {
    for (pattern, address, expected) in [
        ("logs/parser", "logs/parser", true),
        ("logs/parser", "logs/parser/0", true),
        ("logs/parser", "logs/parser/main", true),
        ("logs/*", "logs/parser", true),
        ("logs/*", "logs/parser/0", true),
        ("*/parser", "logs/parser/0", true),
        ("*/parser", "logs/stats/0", false),
        ("*/*", "any/thing/1", true),
    ] {
        check(pattern, address, expected)?;
    }
    Ok(())
}

#[test]
fn three_segments_match_that_instance_only() -> Result<(), Box<dyn Error>> {
    for (pattern, address, expected) in [
        ("logs/parser/0", "logs/parser/0", true),
        ("logs/parser/0", "logs/parser/1", false),
        ("logs/parser/0", "logs/parser/00", false),
        ("logs/parser/0", "logs/parser", false),
        ("logs/*/0", "logs/parser/0", true),
        ("logs/*/0", "logs/parser/1", false),
        ("logs/*/0", "logs/parser", false),
        ("logs/parser/*", "logs/parser/7", true),
        ("logs/parser/*", "logs/parser", true),
        ("logs/parser/*", "logs/stats", false),
    ] {
        check(pattern, address, expected)?;
    }
    Ok(())
}

#[test]
fn look_alikes_do_not_match() -> Result<(), Box<dyn Error>> {
    for (pattern, address) in [
        ("logs/*", "logs-x/parser"),
        ("logs/*", "log/parser"),
        ("logs/*", "xlogs/parser"),
        ("logs/parser", "logs/parser-x"),
        ("logs/parser", "logs/parse"),
        ("logs/parser", "logs-parser/a"),
        ("logs/parser", "parser/logs"),
        ("a/b-c", "a-b/c"),
    ] {
        check(pattern, address, false)?;
    }
    Ok(())
}

#[test]
fn what_could_be_mistaken_for_a_name_cannot_be_written() {
    for bad in [
        "",
        "/",
        "logs/",
        "/parser",
        "logs//0",
        "logs/parser/",
        "lοgs/parser",
        "logs/parser\u{200b}",
        "logs/pars*",
    ] {
        assert!(bad.parse::<AddressPattern>().is_err(), "pattern {bad:?}");
        assert!(bad.parse::<Address>().is_err(), "address {bad:?}");
    }
}

#[test]
fn the_default_set_grants_nothing_but_hears_the_host() -> Result<(), Box<dyn Error>> {
    let set = CapabilitySet::default();
    assert!(!set.allows_sending_to(&"logs/parser".parse()?));
    assert!(!set.allows_receiving_from(&"logs/parser/0".parse()?));
    assert!(set.allows_receiving_from(&"host/cli".parse()?));
    assert!(!set.allows_receiving_from(&"host-x/cli".parse()?));
    Ok(())
}

#[test]
fn rights_to_send_and_to_receive_are_apart() -> Result<(), Box<dyn Error>> {
    let set = CapabilitySet::from(&MessagingCapabilities {
        send_to: vec!["a/b".parse()?],
        receive_from: vec!["c/d".parse()?],
        ..MessagingCapabilities::default()
    });
    assert!(set.allows_sending_to(&"a/b/0".parse()?) && !set.allows_sending_to(&"c/d/0".parse()?));
    assert!(set.allows_receiving_from(&"c/d/0".parse()?) && !set.allows_receiving_from(&"a/b/0".parse()?));
    Ok(())
}

#[test]
fn rights_on_topics_mean_whole_segments() -> Result<(), Box<dyn Error>> {
    let set = CapabilitySet::from(&MessagingCapabilities {
        publish: vec!["logs.*".parse()?, "alerts.#".parse()?],
        subscribe: vec!["logs.raw.#".parse()?, "web.*".parse()?],
        ..MessagingCapabilities::default()
    });
    for (topic, allowed) in [
        ("logs.raw", true),
        ("logs", false),
        ("logs.raw.web", false),
        ("logs-x.raw", false),
        ("alerts", true),
        ("alerts.a.b", true),
        ("web.a", false),
    ] {
        assert_eq!(set.allows_publishing_to(&topic.parse()?), allowed, "{topic}");
    }
    for (pattern, allowed) in [
        ("logs.raw.#", true),
        ("logs.raw", true),
        ("logs.raw.*.x", true),
        ("logs.*", false),
        ("logs.#", false),
        ("web.a", true),
        ("web.*", true),
        ("web.#", false),
        ("#", false),
        ("*.*", false),
    ] {
        assert_eq!(set.allows_subscribing_to(&pattern.parse()?), allowed, "{pattern}");
    }
    Ok(())
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{1,2}", "[a-b]-[a-b]"]
}

proptest! {
    #[test]
    fn a_pattern_matches_as_its_segments_read(
        pattern in prop::collection::vec(prop_oneof![Just("*".to_owned()), part()], 2..=3),
        address in prop::collection::vec(part(), 2..=3),
    ) {
        let set = PatternSet::new(&[pattern.join("/").parse()?]);
        let matches = set.matches(&address.join("/").parse()?);
        let expected = pattern.iter().enumerate().all(|(at, segment)| {
            segment == "*" || address.get(at) == Some(segment)
        });
        prop_assert_eq!(matches, expected, "{:?} on {:?}", pattern, address);
    }
}
