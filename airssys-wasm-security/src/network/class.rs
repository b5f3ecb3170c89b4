//! What kind of place an address leads to.
//!
//! The tables are IANA's registries of special-purpose addresses (RFC 6890, as updated by RFC 8190) for
//! [IPv4](https://www.iana.org/assignments/iana-ipv4-special-registry/) and
//! [IPv6](https://www.iana.org/assignments/iana-ipv6-special-registry/), with the multicast ranges of RFC 5771 and
//! RFC 4291 beside them.
//!
//! Invariant: an address is public only where a registry says that it is globally reachable, or where it is of a
//! range that was allocated for that and no registry sets it apart. In IPv6 that range is `2000::/3` alone.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address leads to.
///
/// ```
/// use airssys_wasm_security::AddressClass;
///
/// assert_eq!(AddressClass::of("127.0.0.1".parse()?), AddressClass::Loopback);
/// assert_eq!(AddressClass::of("::ffff:10.1.2.3".parse()?), AddressClass::Private);
/// assert_eq!(AddressClass::of("64:ff9b::a9fe:a9fe".parse()?), AddressClass::LinkLocal);
/// assert!(AddressClass::of("2606:4700::1111".parse()?).is_public());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// Anywhere on the internet.
    Public,
    /// No address at all, which common systems take for the host itself (`0.0.0.0`, `::`), or its network.
    Unspecified,
    /// The host itself.
    Loopback,
    /// A private network (RFC 1918).
    Private,
    /// Shared between a provider and its customers (RFC 6598).
    Shared,
    /// The link that the host is on, where clouds keep their metadata (RFC 3927, RFC 4291).
    LinkLocal,
    /// A private network of IPv6, or of a site (RFC 4193, RFC 3879).
    UniqueLocal,
    /// A group of hosts.
    Multicast,
    /// Every host of a network.
    Broadcast,
    /// For examples in texts.
    Documentation,
    /// For measurements of devices (RFC 2544, RFC 5180).
    Benchmarking,
    /// Set apart for a protocol, not allocated, or no longer in use.
    Reserved,
}

use AddressClass::{
    Benchmarking, Broadcast, Documentation, LinkLocal, Loopback, Multicast, Private, Public, Reserved,
    Shared, UniqueLocal, Unspecified,
};

/// The first row that an address lies in decides; without one it is public.
const V4: &[([u8; 4], u32, AddressClass)] = &[
    ([0, 0, 0, 0], 8, Unspecified),
    ([10, 0, 0, 0], 8, Private),
    ([100, 64, 0, 0], 10, Shared),
    ([127, 0, 0, 0], 8, Loopback),
    ([169, 254, 0, 0], 16, LinkLocal),
    ([172, 16, 0, 0], 12, Private),
    // Anycast addresses of two protocols, which the registry has as globally reachable.
    ([192, 0, 0, 9], 32, Public),
    ([192, 0, 0, 10], 32, Public),
    ([192, 0, 0, 0], 24, Reserved),
    ([192, 0, 2, 0], 24, Documentation),
    // The relays of 6to4, which are no more (RFC 7526).
    ([192, 88, 99, 0], 24, Reserved),
    ([192, 168, 0, 0], 16, Private),
    ([198, 18, 0, 0], 15, Benchmarking),
    ([198, 51, 100, 0], 24, Documentation),
    ([203, 0, 113, 0], 24, Documentation),
    ([224, 0, 0, 0], 4, Multicast),
    ([255, 255, 255, 255], 32, Broadcast),
    ([240, 0, 0, 0], 4, Reserved),
];

/// The first row that an address lies in decides; without one it is public in `2000::/3`, and reserved elsewhere.
/// Prefixes that hold an IPv4 address come before this table.
const V6: &[([u16; 8], u32, AddressClass)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Loopback),
    // Protocol assignments, and those among them that are globally reachable.
    ([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, Public),
    ([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, Public),
    ([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, Public),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Benchmarking),
    ([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, Public),
    ([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, Public),
    ([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, Public),
    ([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, Public),
    // Teredo (RFC 4380) is in here: what its addresses hold is the client's to choose.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reserved),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Documentation),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Documentation),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, UniqueLocal),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, UniqueLocal),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Multicast),
];

impl AddressClass {
    /// The class of an address. One of IPv6 that stands for one of IPv4 is of the latter's class: mapped
    /// (RFC 4291), of a translator (NAT64, RFC 6052) or of a tunnel (6to4, RFC 3056). A translator under a prefix of
    /// its own network cannot be told from any other host.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Whether a name that was granted may lead there.
    #[must_use]
    pub fn is_public(self) -> bool {
        self == Public
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Public => "a public address",
            Unspecified => "an unspecified address",
            Loopback => "a loopback address",
            Private => "a private address",
            Shared => "an address shared with a provider",
            LinkLocal => "a link-local address",
            UniqueLocal => "a unique local address",
            Multicast => "a multicast address",
            Broadcast => "a broadcast address",
            Documentation => "an address for documentation",
            Benchmarking => "an address for benchmarking",
            Reserved => "a reserved address",
        })
    }
}

fn of_v4(address: Ipv4Addr) -> AddressClass {
    let bits = address.to_bits();
    V4.iter()
        .find(|(prefix, length, _)| (bits ^ Ipv4Addr::from(*prefix).to_bits()) >> (32 - length) == 0)
        .map_or(Public, |(_, _, class)| *class)
}

fn of_v6(address: Ipv6Addr) -> AddressClass {
    if let Some(inner) = embedded(address) {
        return of_v4(inner);
    }
    let bits = address.to_bits();
    let is_global = bits >> 125 == 1;
    V6.iter()
        .find(|(prefix, length, _)| (bits ^ Ipv6Addr::from(*prefix).to_bits()) >> (128 - length) == 0)
        .map_or(if is_global { Public } else { Reserved }, |(_, _, class)| *class)
}

/// The address of IPv4 that one of IPv6 stands for, where packets for the one end up at the other.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}
