//! The destinations of a manifest, ready to be matched.

use std::net::IpAddr;

use airssys_wasm_core::{Destination, DestinationHost, HostName};

/// What a manifest grants in `capabilities.network.connect`, ready to be matched.
///
/// ```
/// use airssys_wasm_security::DestinationSet;
///
/// let set = DestinationSet::new(&["*.example.com:443".parse()?, "10.0.0.1:80".parse()?]);
/// assert!(set.allows_name(&"api.example.com".parse()?, 443));
/// assert!(!set.allows_name(&"api.example.com".parse()?, 80));
/// assert!(!set.names(&"example.com".parse()?));
/// assert!(set.allows_address("10.0.0.1".parse()?, 80));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationSet {
    addresses: Box<[(IpAddr, u16)]>,
    names: Box<[Named]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: HostName,
    /// Every name below it is meant, and not the name itself.
    is_below: bool,
    port: u16,
}

impl Named {
    fn matches(&self, name: &HostName) -> bool {
        if self.is_below { name.is_below(&self.name) } else { *name == self.name }
    }
}

impl DestinationSet {
    /// Compiles what was granted; an empty list grants nothing.
    #[must_use]
    pub fn new(destinations: &[Destination]) -> Self {
        let mut addresses = Vec::new();
        let mut names = Vec::new();
        for destination in destinations {
            let port = destination.port();
            match destination.host() {
                DestinationHost::Address(address) => addresses.push((*address, port)),
                DestinationHost::Name(name) => {
                    names.push(Named { name: name.clone(), is_below: false, port });
                }
                DestinationHost::Below(name) => {
                    names.push(Named { name: name.clone(), is_below: true, port })
                }
                // What this crate does not know is not granted.
                _ => {}
            }
        }
        Self { addresses: addresses.into(), names: names.into() }
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.names.is_empty()
    }

    /// Whether this very address and port are granted.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        self.addresses.contains(&(address, port))
    }

    /// Whether this very address is granted, with any port.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(granted, _)| *granted == address)
    }

    /// Whether the name is granted with this port.
    #[must_use]
    pub fn allows_name(&self, name: &HostName, port: u16) -> bool {
        self.names.iter().any(|granted| granted.port == port && granted.matches(name))
    }

    /// Whether the name is granted, with any port.
    #[must_use]
    pub fn names(&self, name: &HostName) -> bool {
        self.names.iter().any(|granted| granted.matches(name))
    }
}
