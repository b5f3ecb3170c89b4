//! The network: nobody reaches what was not granted, and connections and look-ups have their bounds.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::{Backoff, HostCapabilities, MAX_HOST_NAME_BYTES};
use airssys_wasm_runtime::{
    LOOKUPS_BURST, LOOKUPS_PER_SECOND, MAX_LOOKUP_ANSWERS, MAX_LOOKUPS, MAX_SOCKET_BUFFER_BYTES, MAX_SOCKETS,
    NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND,
};
use airssys_wasm_system::{Component, Host};

use crate::attack::Attack;
use crate::guests;
use crate::names::{Answer, Names};
use crate::observation::{Figure, Observation};
use crate::siege::{ROUNDS, Siege};

/// What a name that was granted must not lead to.
const INSIDE: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1)),
    IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0x7f00, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2002, 0x7f00, 1, 0, 0, 0, 0, 0)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1)),
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
];

/// Names that look like the granted `api.example.com` and `*.example.org`, and other ways to say where the host is.
const LOOK_ALIKES: &[&str] = &[
    "example.com",
    "www.api.example.com",
    "evilapi.example.com",
    "api.example.com.evil.org",
    "api-example.com",
    "api.example.co",
    "api.example.comm",
    "example.org",
    "evilexample.org",
    "a.example.org.evil.org",
    "xn--pi-6kc.example.com",
    "\u{430}pi.example.com",
    "api\u{2024}example.com.evil.org",
    "*.example.org",
    "api.example.com:443",
    "api.example.com/",
    "api.example.com..",
    ".example.org",
    "",
    "localhost",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "::1",
    "[::1]",
    "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
];

/// The host itself as an address, in every form that a socket may take.
const ADDRESSES: &[&str] =
    &["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "169.254.169.254"];

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "connecting to an address without the right",
        key: "capabilities.network.connect",
        guest: "forbidden_connect",
        unit: "connections that got through",
        measure: || Box::pin(addresses()),
    },
    Attack {
        limit: "looking up names without the right",
        key: "capabilities.network.connect",
        guest: "forbidden_connect",
        unit: "names that were asked for",
        measure: || Box::pin(look_alikes()),
    },
    Attack {
        limit: "a granted name that leads inside",
        key: "capabilities.network.connect",
        guest: "forbidden_connect",
        unit: "answers and connections that got through",
        measure: || Box::pin(inside()),
    },
    Attack {
        limit: "a granted name that is bound to the host itself later",
        key: "capabilities.network.connect",
        guest: "forbidden_connect",
        unit: "connections that got through",
        measure: || Box::pin(rebound()),
    },
    Attack {
        limit: "listening, datagrams and http requests",
        key: "connections alone are granted to anybody",
        guest: "forbidden_connect",
        unit: "that got through",
        measure: || Box::pin(others()),
    },
    Attack {
        limit: "sockets at a time",
        key: "MAX_SOCKETS",
        guest: "socket_flood",
        unit: "connections held",
        measure: || Box::pin(sockets()),
    },
    Attack {
        limit: "new sockets",
        key: "NEW_SOCKETS_PER_SECOND, NEW_SOCKETS_BURST",
        guest: "socket_flood",
        unit: "sockets made",
        measure: || Box::pin(new_sockets()),
    },
    Attack {
        limit: "new sockets over restarts",
        key: "NEW_SOCKETS_PER_SECOND, NEW_SOCKETS_BURST",
        guest: "socket_flood",
        unit: "sockets made",
        measure: || Box::pin(sockets_over_restarts()),
    },
    Attack {
        limit: "what the system holds for a connection",
        key: "MAX_SOCKET_BUFFER_BYTES",
        guest: "socket_flood",
        unit: "bytes of the larger direction",
        measure: || Box::pin(buffers()),
    },
    Attack {
        limit: "look-ups at a time",
        key: "MAX_LOOKUPS",
        guest: "lookup_flood",
        unit: "look-ups under way",
        measure: || Box::pin(lookups()),
    },
    Attack {
        limit: "new look-ups",
        key: "LOOKUPS_PER_SECOND, LOOKUPS_BURST",
        guest: "lookup_flood",
        unit: "names that were asked for",
        measure: || Box::pin(new_lookups()),
    },
    Attack {
        limit: "answers to a look-up",
        key: "MAX_LOOKUP_ANSWERS",
        guest: "lookup_flood",
        unit: "addresses that the guest got",
        measure: || Box::pin(answers()),
    },
    Attack {
        limit: "length of a name that is looked up",
        key: "MAX_HOST_NAME_BYTES",
        guest: "lookup_flood",
        unit: "bytes of the longest asked for",
        measure: || Box::pin(name_length()),
    },
];

/// A listener on the host that nobody was granted unless a row says so; it answers nobody.
struct Harbour(TcpListener);

impl Harbour {
    fn open() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// Connections that came since it was asked last.
    fn arrivals(&self) -> Result<u64> {
        let mut count = 0;
        loop {
            match self.0.accept() {
                Ok(_) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A hostile component with these destinations, whose names are answered by `names`.
async fn siege(guest: &str, names: &Names, destinations: &[String]) -> Result<Siege> {
    let mut capabilities = HostCapabilities::default();
    for destination in destinations {
        capabilities.network.connect.push(destination.parse()?);
    }
    let component = guests::component(guest)?.max_fuel(10_000_000_000).timeout_ms(20_000);
    let component = component.host_capabilities(capabilities);
    let host = Host::builder().max_instances(16).resolver(Arc::new(names.clone())).build()?;
    Siege::lay_on(host, component).await
}

/// How many of a guest's attempts succeeded and how many were refused, by what it says.
async fn tally(siege: &Siege, order: &str) -> Result<(u64, u64)> {
    let reply = String::from_utf8(siege.probe(order).await?)?;
    let (succeeded, refused) = reply.split_once(' ').with_context(|| format!("answered {reply:?}"))?;
    Ok((succeeded.parse()?, refused.parse()?))
}

/// Makes the attempts of an order in every round, with the host itself as the answer to every name; what got through,
/// by the guest's word and by the connections that came. Of what is refused, so many are for want of a right.
async fn forbidden(
    deed: &str,
    hosts: &[&str],
    answer: Answer,
    refused: u64,
    denied: u64,
) -> Result<Observation> {
    let harbour = Harbour::open()?;
    let port = harbour.address()?.port();
    let names = Names::answering(answer);
    let destinations = [format!("api.example.com:{port}"), format!("*.example.org:{port}")];
    let siege = siege("forbidden_connect", &names, &destinations).await?;
    let order = [&[&*format!("{deed} {port}")], hosts].concat().join("\n");
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS as u64 {
        let (succeeded, failed) = tally(&siege, &order).await?;
        observation.add(succeeded + harbour.arrivals()?);
        if succeeded == 0 {
            ensure!(failed == refused, "{failed} attempts were refused, not {refused}");
            let counted = siege.status()?.access_denied;
            ensure!(counted == round * denied, "{counted} denials were counted");
        }
    }
    siege.lift().await;
    Ok(observation.noting(format!("{refused} attempts a round, {denied} of them denied, counted and told")))
}

async fn addresses() -> Result<Observation> {
    // At two ports each; four of the forms lead nowhere, with or without a right.
    let attempts = 2 * ADDRESSES.len() as u64;
    forbidden("addresses", ADDRESSES, Answer::Addresses(INSIDE), attempts, attempts - 2 * 4).await
}

async fn look_alikes() -> Result<Observation> {
    let names = Names::answering(Answer::Addresses(INSIDE));
    let destinations = ["api.example.com:443".to_owned(), "*.example.org:443".to_owned()];
    let siege = siege("forbidden_connect", &names, &destinations).await?;
    let order = [&["names 443"], LOOK_ALIKES].concat().join("\n");
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let before = names.asked();
        let (succeeded, _) = tally(&siege, &order).await?;
        ensure!(succeeded == 0, "{succeeded} names or connections succeeded");
        observation.add(names.asked() - before);
    }
    ensure!(siege.status()?.access_denied > 0, "no denial was counted");
    siege.lift().await;
    Ok(observation.noting(format!("{} names and addresses a round", LOOK_ALIKES.len())))
}

async fn inside() -> Result<Observation> {
    // Each name is denied once for every address, of which the mapped one is there twice.
    let denied = 2 * (INSIDE.len() as u64 - 1);
    let hosts = ["api.example.com", "db.example.org"];
    forbidden("names", &hosts, Answer::Addresses(INSIDE), hosts.len() as u64, denied).await
}

/// The name is public when it is looked up first, and the host itself when it is looked up again: what is connected to
/// is never the host.
async fn rebound() -> Result<Observation> {
    let harbour = Harbour::open()?;
    // Nobody is granted the port of the public address, so that the guest knocks at no stranger's door.
    let port = harbour.address()?.port();
    let names = Names::answering(Answer::Rebound);
    let siege = siege("forbidden_connect", &names, &["api.example.com:443".to_owned()]).await?;
    let order = format!("names {port}\napi.example.com\napi.example.com");
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let (succeeded, _) = tally(&siege, &order).await?;
        // One of the two look-ups is answered.
        observation.add(succeeded.saturating_sub(1) + harbour.arrivals()?);
    }
    ensure!(names.asked() == 2 * ROUNDS as u64, "{} names were asked for", names.asked());
    siege.lift().await;
    Ok(observation.noting("public at first, then loopback; the look-up that is public succeeds"))
}

async fn others() -> Result<Observation> {
    const HOSTS: &[&str] = &["127.0.0.1", "192.0.2.1"];
    // Binding and asking by http for each, then listening and a socket for datagrams.
    let attempts = 2 * HOSTS.len() as u64 + 2;
    forbidden("others", HOSTS, Answer::Silence, attempts, attempts).await
}

/// Every round with an instance of its own, whose rate is not used up yet: what it counted, and how long it had.
async fn socket_round(deed: &str) -> Result<(u64, Figure)> {
    let harbour = Harbour::open()?;
    let began = Instant::now();
    let address = harbour.address()?.to_string();
    let names = Names::answering(Answer::Silence);
    let siege = siege("socket_flood", &names, std::slice::from_ref(&address)).await?;
    let count = String::from_utf8(siege.probe(&format!("{deed} {address}")).await?)?.parse()?;
    let elapsed = began.elapsed().as_secs_f64();
    siege.lift().await;
    Ok((count, Figure(elapsed)))
}

async fn sockets() -> Result<Observation> {
    let mut observation = Observation::of(MAX_SOCKETS as u64).never_less();
    for _ in 0..ROUNDS {
        observation.add(socket_round("hoard").await?.0);
    }
    Ok(observation.noting("of 10,000 attempts; further ones are told new-socket-limit"))
}

async fn new_sockets() -> Result<Observation> {
    let (mut counts, mut longest) = (Vec::new(), 0.0_f64);
    for _ in 0..ROUNDS {
        let (count, elapsed) = socket_round("churn").await?;
        counts.push(count);
        longest = longest.max(elapsed.0);
    }
    Ok(rated(NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND, longest, counts))
}

/// Makes sockets until it is refused, fails, and makes sockets again when it was restarted.
async fn sockets_over_restarts() -> Result<Observation> {
    const BURSTS: usize = 5;
    // Enough for a burst, and not for 10,000 refusals.
    const FUEL: u64 = 2_000_000;
    let (mut counts, mut longest) = (Vec::new(), 0.0_f64);
    for _ in 0..ROUNDS {
        let harbour = Harbour::open()?;
        let address = harbour.address()?.to_string();
        let mut manifest = guests::manifest("socket_flood")?;
        manifest.host.network.connect.push(address.parse()?);
        manifest.resources.cpu.max_fuel = FUEL;
        manifest.resources.cpu.timeout_ms = 20_000;
        manifest.supervision.max_restarts = 1_000_000;
        manifest.supervision.backoff = Backoff { initial_ms: 0, max_ms: 0, ..Backoff::default() };
        let component = Component::from_manifest(manifest, guests::file("socket_flood"));
        let began = Instant::now();
        let siege = Siege::lay(component).await?;
        let mut count = 0;
        for _ in 0..BURSTS {
            count += String::from_utf8(siege.probe(&format!("churn {address}")).await?)?.parse::<u64>()?;
            siege.strike(&format!("hoard {address}")).await?;
        }
        longest = longest.max(began.elapsed().as_secs_f64());
        ensure!(count >= u64::from(NEW_SOCKETS_BURST), "{count} sockets were made");
        counts.push(count);
        siege.lift().await;
    }
    Ok(rated(NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND, longest, counts))
}

/// What a burst and a rate allow in a time that was measured.
fn rated(burst: u32, per_second: u32, seconds: f64, counts: Vec<u64>) -> Observation {
    let allowed = (f64::from(burst) + f64::from(per_second) * seconds).ceil();
    let mut observation = Observation::at_most(Figure(allowed), Figure(0.0)).declared_as_measured();
    counts.into_iter().for_each(|count| observation.add(count));
    observation.noting(format!("{burst} at once and {per_second} a second, of which there were {seconds:.3}"))
}

async fn buffers() -> Result<Observation> {
    let mut observation = Observation::of(MAX_SOCKET_BUFFER_BYTES);
    for _ in 0..ROUNDS {
        let (bytes, _) = socket_round("swell").await?;
        ensure!(bytes > 0, "nothing was connected");
        observation.add(bytes);
    }
    Ok(observation.noting("after asking for 1 GiB, and for all there is, in both directions"))
}

async fn lookup_round(names: &Names, deed: &str) -> Result<u64> {
    let siege = siege("lookup_flood", names, &["*.example.com:443".to_owned()]).await?;
    let count = String::from_utf8(siege.probe(&format!("{deed} example.com")).await?)?.parse()?;
    siege.lift().await;
    Ok(count)
}

async fn lookups() -> Result<Observation> {
    let mut observation = Observation::of(MAX_LOOKUPS as u64).never_less();
    for _ in 0..ROUNDS {
        let names = Names::answering(Answer::Silence);
        let begun = lookup_round(&names, "hoard").await?;
        ensure!(names.most_waiting() <= begun, "{} were under way", names.most_waiting());
        observation.add(begun);
    }
    Ok(observation.noting("of 1,000 attempts, none of which is answered"))
}

async fn new_lookups() -> Result<Observation> {
    let (mut counts, mut longest) = (Vec::new(), 0.0_f64);
    for _ in 0..ROUNDS {
        let names = Names::answering(Answer::Public(1));
        let began = Instant::now();
        lookup_round(&names, "churn").await?;
        longest = longest.max(began.elapsed().as_secs_f64());
        counts.push(names.asked());
    }
    Ok(rated(LOOKUPS_BURST, LOOKUPS_PER_SECOND, longest, counts))
}

async fn answers() -> Result<Observation> {
    let mut observation = Observation::of(MAX_LOOKUP_ANSWERS as u64).never_less();
    for _ in 0..ROUNDS {
        observation.add(lookup_round(&Names::answering(Answer::Public(10_000)), "read").await?);
    }
    Ok(observation.noting("of 10,000 addresses"))
}

async fn name_length() -> Result<Observation> {
    let mut observation = Observation::of(MAX_HOST_NAME_BYTES as u64).never_less();
    for _ in 0..ROUNDS {
        let names = Names::answering(Answer::Public(1));
        ensure!(lookup_round(&names, "lengthen").await? > 0, "no name had an answer");
        observation.add(names.longest());
    }
    Ok(observation.noting("names of up to 300 KiB are tried"))
}
