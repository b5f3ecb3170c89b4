//! The way to another component.

use crate::airssys::core::messaging::Peer;
use crate::airssys::core::services;
use crate::airssys::core::types::{HostError, Payload};

/// How long to wait before a refusal for want of room is put to the test again.
const RETRY_MS: u64 = 1;

/// A target and, once it was found, the host's handle for it.
pub(crate) struct Route {
    target: String,
    peer: Option<Peer>,
}

impl Route {
    pub(crate) fn to(target: String) -> Self {
        Self { target, peer: None }
    }

    /// Sends until the target has room. The host ends this call when its time is up.
    pub(crate) fn deliver(&mut self, payload: &Payload) -> Result<(), HostError> {
        loop {
            let peer = match &self.peer {
                Some(peer) => peer,
                None => self.peer.insert(Peer::resolve(&self.target)?),
            };
            match peer.send(payload) {
                Ok(()) => return Ok(()),
                Err(HostError::Full | HostError::RateLimited) => services::sleep(RETRY_MS),
                Err(error) => {
                    // What it led to may be gone: the next message looks the target up again.
                    self.peer = None;
                    return Err(error);
                }
            }
        }
    }
}
