//! What a component may look up and connect to.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up has failed")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use proptest::prelude::*;

use airssys_wasm_core::{Destination, HostName};
use airssys_wasm_security::{AddressClass, DestinationSet, Lookup, NetworkAccess, NetworkRefusal};

type Outcome = Result<(), Box<dyn Error>>;

const ROOM: usize = 8;

fn access(granted: &[&str]) -> NetworkAccess {
    let granted: Vec<Destination> = granted.iter().map(|text| text.parse().unwrap()).collect();
    NetworkAccess::new(Arc::new(DestinationSet::new(&granted)), ROOM)
}

fn name(text: &str) -> HostName {
    text.parse().unwrap()
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[track_caller]
fn connects(access: &NetworkAccess, to: &str, expected: Result<(), NetworkRefusal>) {
    assert_eq!(access.connect(to.parse().unwrap()), expected, "{to}");
}

#[test]
fn every_special_range_has_its_class() -> Outcome {
    use AddressClass::{
        Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Multicast, Private, Public, Reserved,
        Shared, UniqueLocal, Unspecified,
    };
    for (class, first, last) in [
        (Unspecified, "0.0.0.0", "0.255.255.255"),
        (Public, "1.0.0.0", "9.255.255.255"),
        (Private, "10.0.0.0", "10.255.255.255"),
        (Public, "11.0.0.0", "100.63.255.255"),
        (Shared, "100.64.0.0", "100.127.255.255"),
        (Public, "100.128.0.0", "126.255.255.255"),
        (Loopback, "127.0.0.0", "127.255.255.255"),
        (Public, "128.0.0.0", "169.253.255.255"),
        (LinkLocal, "169.254.0.0", "169.254.255.255"),
        (Public, "169.255.0.0", "172.15.255.255"),
        (Private, "172.16.0.0", "172.31.255.255"),
        (Public, "172.32.0.0", "191.255.255.255"),
        (Reserved, "192.0.0.0", "192.0.0.8"),
        (Public, "192.0.0.9", "192.0.0.10"),
        (Reserved, "192.0.0.11", "192.0.0.255"),
        (Public, "192.0.1.0", "192.0.1.255"),
        (Documentation, "192.0.2.0", "192.0.2.255"),
        (Public, "192.0.3.0", "192.88.98.255"),
        (Reserved, "192.88.99.0", "192.88.99.255"),
        (Public, "192.88.100.0", "192.167.255.255"),
        (Private, "192.168.0.0", "192.168.255.255"),
        (Public, "192.169.0.0", "198.17.255.255"),
        (Benchmarking, "198.18.0.0", "198.19.255.255"),
        (Public, "198.20.0.0", "198.51.99.255"),
        (Documentation, "198.51.100.0", "198.51.100.255"),
        (Public, "198.51.101.0", "203.0.112.255"),
        (Documentation, "203.0.113.0", "203.0.113.255"),
        (Public, "203.0.114.0", "223.255.255.255"),
        (Multicast, "224.0.0.0", "239.255.255.255"),
        (Reserved, "240.0.0.0", "255.255.255.254"),
        (Broadcast, "255.255.255.255", "255.255.255.255"),
        (Unspecified, "::", "::"),
        (Loopback, "::1", "::1"),
        // IPv4-compatible addresses, which are no more.
        (Reserved, "::2", "::ffff:ffff"),
        (Reserved, "::ffff:0:0:0", "::ffff:0:ffff:ffff"),
        (Reserved, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "100::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "2001:1::", "2001:1::"),
        (Public, "2001:1::1", "2001:1::3"),
        (Reserved, "2001:1::4", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Benchmarking, "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "2001:2:1::", "2001:2:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2001:20::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Documentation, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Documentation, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Public, "3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (UniqueLocal, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Reserved, "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (LinkLocal, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (UniqueLocal, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (Multicast, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ] {
        for address in [first, last] {
            assert_eq!(AddressClass::of(address.parse()?), class, "{address}");
        }
    }
    Ok(())
}

/// The forms in which packets for one address of IPv6 end up at one of IPv4.
fn forms(address: Ipv4Addr) -> [Ipv6Addr; 3] {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        address.to_ipv6_mapped(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
    ]
}

/// Addresses of which many are in or near a special range.
fn address() -> impl Strategy<Value = IpAddr> {
    let near = prop::sample::select(vec![
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "1.1.1.1",
        "8.8.8.8",
    ]);
    let v4 = prop_oneof![
        any::<u32>().prop_map(Ipv4Addr::from),
        (near, any::<u16>()).prop_map(|(text, noise)| {
            let near: Ipv4Addr = text.parse().unwrap();
            Ipv4Addr::from_bits(near.to_bits() ^ u32::from(noise))
        }),
    ];
    let v6 =
        (any::<u128>(), prop::sample::select(vec![0x2000_u16, 0x2001, 0x2606, 0xfc00, 0xfe80, 0xff02, 0]))
            .prop_map(|(bits, first)| Ipv6Addr::from_bits(bits >> 16 | u128::from(first) << 112));
    prop_oneof![
        v4.clone().prop_map(IpAddr::V4),
        v6.prop_map(IpAddr::V6),
        (v4, 0_usize..3).prop_map(|(address, form)| IpAddr::V6(forms(address)[form])),
    ]
}

proptest! {
    #[test]
    fn an_address_is_of_one_class_in_every_form(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        for form in forms(address) {
            prop_assert_eq!(AddressClass::of(form.into()), AddressClass::of(address.into()));
        }
    }

    #[test]
    fn a_name_leads_to_public_addresses_alone(answers in prop::collection::vec(address(), 0..6), port: u16) {
        let mut access = access(&["api.example.com:443"]);
        let judged = access.answered(&name("api.example.com"), answers.clone());
        for address in &answers {
            let canonical = address.to_canonical();
            let is_public = AddressClass::of(canonical).is_public();
            prop_assert_eq!(judged.admitted.contains(&canonical), is_public);
            let outcome = access.connect(SocketAddr::new(canonical, port));
            prop_assert_eq!(outcome.is_ok(), is_public && port == 443);
        }
        prop_assert!(access.remembered() <= ROOM);
    }

    #[test]
    fn nothing_is_reached_without_a_look_up_or_a_grant(address in address(), port: u16) {
        let access = access(&["*.example.com:443", "203.0.113.7:80"]);
        let expected = address == IpAddr::from([203, 0, 113, 7]) && port == 80;
        prop_assert_eq!(access.connect(SocketAddr::new(address, port)).is_ok(), expected);
    }

    #[test]
    fn only_names_below_the_granted_one_are_asked(text in "[a-z0-9.-]{0,12}(|evil|\\.)example\\.(com|com\\.|com\\.evil\\.org|co)") {
        let granted = access(&["*.example.com:443"]);
        let asked = granted.look_up(&text);
        let trimmed = text.strip_suffix('.').unwrap_or(&text);
        let parts: Vec<_> = trimmed.split('.').collect();
        let is_below = parts.len() > 2 && parts[parts.len() - 2..] == ["example", "com"];
        if let Ok(Lookup::Name(name)) = &asked {
            prop_assert!(is_below, "{} was asked for {}", name, text);
            prop_assert_eq!(name.as_str(), trimmed);
        } else if is_below {
            prop_assert!(matches!(asked, Err(NetworkRefusal::Malformed(_))), "{}: {:?}", text, asked);
        }
    }

    #[test]
    fn no_text_at_all_gets_past_the_names(text: String) {
        let granted = access(&["api.example.com:443"]);
        if let Ok(found) = granted.look_up(&text) {
            prop_assert_eq!(found, Lookup::Name(name("api.example.com")));
            prop_assert!(text.trim_end_matches('.').eq_ignore_ascii_case("api.example.com"));
        }
    }
}

#[test]
fn look_alikes_are_not_asked() {
    let access = access(&["api.example.com:443", "*.example.org:443"]);
    for text in
        ["api.example.com", "API.EXAMPLE.COM.", "a.example.org", "a.b.example.org", "xn--a.example.org"]
    {
        assert!(matches!(access.look_up(text), Ok(Lookup::Name(_))), "{text}");
    }
    for text in [
        "example.com",
        "example.org",
        "evilapi.example.com",
        "evilexample.org",
        "www.api.example.com",
        "api.example.com.evil.org",
        "a.example.org.evil.org",
        "api-example.com",
        "api.example.co",
        "xn--pi-6kc.example.com",
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "[::1]",
    ] {
        assert_eq!(access.look_up(text), Err(NetworkRefusal::NotGranted), "{text}");
    }
    for text in [
        "",
        ".",
        "api.example.com..",
        ".example.org",
        "*.example.org",
        "api.example.com:443",
        "api.example.com ",
        "api.example.com\0.evil.org",
        "api.example.com/",
        "user@api.example.com",
        "аpi.example.com",
        "api。example.com",
        "127.1",
        "0x7f000001",
        "2130706433",
    ] {
        assert!(matches!(access.look_up(text), Err(NetworkRefusal::Malformed(_))), "{text}");
    }
}

#[test]
fn an_address_is_reached_as_it_was_granted_and_in_no_other_form() {
    let access = access(&["127.0.0.1:8080", "[fd00::5]:5432"]);
    connects(&access, "127.0.0.1:8080", Ok(()));
    connects(&access, "[fd00::5]:5432", Ok(()));
    let not_public = |class| Err(NetworkRefusal::NotPublic(class));
    connects(&access, "127.0.0.1:8081", not_public(AddressClass::Loopback));
    connects(&access, "127.0.0.2:8080", not_public(AddressClass::Loopback));
    connects(&access, "[::1]:8080", not_public(AddressClass::Loopback));
    connects(&access, "[::ffff:127.0.0.1]:8080", not_public(AddressClass::Loopback));
    connects(&access, "[fd00::5]:80", not_public(AddressClass::UniqueLocal));
    connects(&access, "[fd00::6]:5432", not_public(AddressClass::UniqueLocal));
    connects(&access, "1.1.1.1:8080", Err(NetworkRefusal::NotGranted));
    assert_eq!(access.look_up("127.0.0.1"), Ok(Lookup::Address("127.0.0.1".parse().unwrap())));
    assert_eq!(access.look_up("[fd00::5]"), Ok(Lookup::Address("fd00::5".parse().unwrap())));
}

#[test]
fn a_name_that_leads_inside_needs_the_address_beside_it() {
    let inside = ["10.0.0.5", "127.0.0.1", "::1", "::ffff:10.0.0.5", "169.254.169.254", "64:ff9b::a00:5"];
    let mut named = access(&["db.example.com:5432"]);
    let judged = named.answered(&name("db.example.com"), addresses(&inside));
    assert_eq!(judged.admitted, addresses(&[]));
    let classes: Vec<_> = judged.refused.iter().map(|(_, class)| *class).collect();
    // The mapped form is the first address again.
    use AddressClass::{LinkLocal, Loopback, Private};
    assert_eq!(classes, [Private, Loopback, Loopback, LinkLocal, Private]);
    assert_eq!(named.remembered(), 0);

    let mut both = access(&["db.example.com:5432", "10.0.0.5:5432"]);
    let judged = both.answered(&name("db.example.com"), addresses(&["10.0.0.5", "10.0.0.6", "10.0.0.5"]));
    assert_eq!(judged.admitted, addresses(&["10.0.0.5"]));
    assert_eq!(judged.refused, [("10.0.0.6".parse().unwrap(), Private)]);
    connects(&both, "10.0.0.5:5432", Ok(()));
    connects(&both, "10.0.0.5:80", Err(NetworkRefusal::NotPublic(Private)));
}

#[test]
fn a_name_bound_to_another_address_is_judged_anew() {
    let mut access = access(&["rebound.example.com:443"]);
    let rebound = name("rebound.example.com");
    assert_eq!(access.answered(&rebound, addresses(&["1.1.1.1"])).admitted, addresses(&["1.1.1.1"]));
    assert_eq!(access.answered(&rebound, addresses(&["127.0.0.1"])).admitted, addresses(&[]));
    connects(&access, "127.0.0.1:443", Err(NetworkRefusal::NotPublic(AddressClass::Loopback)));
    // The name has left it.
    connects(&access, "1.1.1.1:443", Err(NetworkRefusal::NotGranted));
}

#[test]
fn an_address_of_one_of_the_hosts_networks_is_granted_by_nobody() {
    let access = access(&["[fe80::1]:80", "[2606:4700::1111]:80"]);
    connects(&access, "[fe80::1]:80", Ok(()));
    connects(&access, "[fe80::1%2]:80", Err(NetworkRefusal::NotGranted));
    connects(&access, "[2606:4700::1111%1]:80", Err(NetworkRefusal::NotGranted));
}

#[test]
fn an_answer_counts_for_the_ports_of_its_own_name() {
    let mut access = access(&["a.example.com:80", "b.example.com:443"]);
    access.answered(&name("a.example.com"), addresses(&["1.1.1.1"]));
    connects(&access, "1.1.1.1:80", Ok(()));
    connects(&access, "1.1.1.1:443", Err(NetworkRefusal::NotGranted));
    access.answered(&name("b.example.com"), addresses(&["1.1.1.1"]));
    connects(&access, "1.1.1.1:80", Ok(()));
    connects(&access, "1.1.1.1:443", Ok(()));
}

#[test]
fn the_oldest_answers_are_forgotten() {
    let mut access = access(&["*.example.com:443"]);
    for number in 0..=ROOM {
        access.answered(&name(&format!("a{number}.example.com")), [IpAddr::from([1, 1, 1, number as u8])]);
        // Asked again and again, it stays the latest.
        access.answered(&name("kept.example.com"), addresses(&["8.8.8.8"]));
    }
    assert_eq!(access.remembered(), ROOM);
    connects(&access, "1.1.1.0:443", Err(NetworkRefusal::NotGranted));
    connects(&access, "1.1.1.1:443", Err(NetworkRefusal::NotGranted));
    connects(&access, "1.1.1.2:443", Ok(()));
    connects(&access, "8.8.8.8:443", Ok(()));
}

#[test]
fn nothing_granted_is_nothing_reached() {
    let mut access = access(&[]);
    assert_eq!(access.look_up("api.example.com"), Err(NetworkRefusal::NotGranted));
    access.answered(&name("api.example.com"), addresses(&["1.1.1.1"]));
    connects(&access, "1.1.1.1:443", Err(NetworkRefusal::NotGranted));
}
