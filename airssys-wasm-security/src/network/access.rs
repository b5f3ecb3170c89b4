//! What one instance may look up and connect to.
//!
//! A guest looks a name up and then connects to an address, so that whoever decides about the address has to know
//! which names it was an answer for. Nothing is looked up again in between: what the guest connects to is what was
//! judged, and a name that is bound to another address later (DNS rebinding) is judged anew.
//!
//! Invariant: an address is reached because it was granted itself, or because a look-up of this instance gave it for
//! a name that is granted with the same port; and then only as long as it is public.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;

use airssys_wasm_core::{HostName, HostNameError};

use super::class::AddressClass;
use super::destinations::DestinationSet;

/// What may be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The text is an address that was granted: there is nothing to ask.
    Address(IpAddr),
    /// A granted name, to be asked in this form.
    Name(HostName),
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkRefusal {
    /// Neither an address nor a name.
    #[error("neither an address nor the name of a host")]
    Malformed(#[source] HostNameError),
    /// No destination names it.
    #[error("no destination of the manifest names it")]
    NotGranted,
    /// A name leads there, and names lead to public addresses only.
    #[error("{0} is reached only where the address itself is granted")]
    NotPublic(AddressClass),
}

/// What became of the answers of a look-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Those that the guest gets, in the order in which they came, each once.
    pub admitted: Vec<IpAddr>,
    /// Those that it does not get, each once.
    pub refused: Vec<(IpAddr, AddressClass)>,
}

/// What one instance may look up and connect to, and the answers that it was given.
///
/// ```
/// use std::sync::Arc;
///
/// use airssys_wasm_security::{DestinationSet, Lookup, NetworkAccess, NetworkRefusal};
///
/// let granted = DestinationSet::new(&["api.example.com:443".parse()?]);
/// let mut access = NetworkAccess::new(Arc::new(granted), 16);
/// let Lookup::Name(name) = access.look_up("API.example.com")? else { panic!("it is a name") };
/// let answers = access.answered(&name, ["1.1.1.1".parse()?, "10.0.0.1".parse()?]);
/// assert_eq!(answers.admitted, ["1.1.1.1".parse::<std::net::IpAddr>()?]);
/// assert_eq!(access.connect("1.1.1.1:443".parse()?), Ok(()));
/// assert_eq!(access.connect("1.1.1.1:80".parse()?), Err(NetworkRefusal::NotGranted));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct NetworkAccess {
    granted: Arc<DestinationSet>,
    /// The latest answers at the end.
    answers: VecDeque<(IpAddr, HostName)>,
    max_answers: usize,
}

impl NetworkAccess {
    /// Under these rights, remembering at most so many answers: of more, the oldest are forgotten and have to be
    /// looked up again.
    #[must_use]
    pub fn new(granted: Arc<DestinationSet>, max_answers: usize) -> Self {
        Self { granted, answers: VecDeque::new(), max_answers }
    }

    /// Whether a text may be looked up, and what it is.
    ///
    /// # Errors
    ///
    /// [`NetworkRefusal::Malformed`] and [`NetworkRefusal::NotGranted`].
    pub fn look_up(&self, text: &str) -> Result<Lookup, NetworkRefusal> {
        if let Some(address) = address_of(text) {
            let is_granted = self.granted.has_address(address);
            return if is_granted { Ok(Lookup::Address(address)) } else { Err(NetworkRefusal::NotGranted) };
        }
        let name: HostName = text.parse().map_err(NetworkRefusal::Malformed)?;
        if self.granted.names(&name) { Ok(Lookup::Name(name)) } else { Err(NetworkRefusal::NotGranted) }
    }

    /// Judges the answers for a name, and remembers those that are admitted, in place of those that it had before.
    ///
    /// Addresses of IPv4 in the form of IPv6 (mapped) are taken as what they are. One that is not public is
    /// admitted where it was granted itself, and reached by that grant alone.
    pub fn answered(&mut self, name: &HostName, answers: impl IntoIterator<Item = IpAddr>) -> Answers {
        let mut judged = Answers::default();
        self.answers.retain(|(_, of)| of != name);
        for address in answers.into_iter().map(|address| address.to_canonical()) {
            let class = AddressClass::of(address);
            if class.is_public() {
                self.remember(address, name);
            } else if !self.granted.has_address(address) {
                if !judged.refused.contains(&(address, class)) {
                    judged.refused.push((address, class));
                }
                continue;
            }
            if !judged.admitted.contains(&address) {
                judged.admitted.push(address);
            }
        }
        judged
    }

    /// Decides about a connection.
    ///
    /// # Errors
    ///
    /// [`NetworkRefusal::NotGranted`], and [`NetworkRefusal::NotPublic`] where the address is one that no name
    /// leads to.
    pub fn connect(&self, to: SocketAddr) -> Result<(), NetworkRefusal> {
        let (address, port) = (to.ip(), to.port());
        // No manifest says which of the host's networks it means, and the same address is another host in each.
        if matches!(to, SocketAddr::V6(to) if to.scope_id() != 0) {
            return Err(NetworkRefusal::NotGranted);
        }
        if self.granted.allows_address(address, port) {
            return Ok(());
        }
        let class = AddressClass::of(address);
        if !class.is_public() {
            return Err(NetworkRefusal::NotPublic(class));
        }
        let mut names = self.answers.iter().filter(|(answer, _)| *answer == address).map(|(_, name)| name);
        if names.any(|name| self.granted.allows_name(name, port)) {
            Ok(())
        } else {
            Err(NetworkRefusal::NotGranted)
        }
    }

    /// Answers that are remembered at present.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.answers.len()
    }

    fn remember(&mut self, address: IpAddr, name: &HostName) {
        self.answers.retain(|(known, of)| *known != address || of != name);
        if self.answers.len() >= self.max_answers {
            self.answers.pop_front();
        }
        if self.max_answers > 0 {
            self.answers.push_back((address, name.clone()));
        }
    }
}

/// An address as the interface takes it: IPv6 with or without brackets.
fn address_of(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}
