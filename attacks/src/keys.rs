//! The keys of the manifests that limit or grant something, so that none is without its attack.

/// A key of `Component.toml` or `airssys.toml` that limits or grants something in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredKey {
    /// The key with its sections, joined by dots.
    pub key: &'static str,
    /// Why no attack has this key; none where one must.
    pub exemption: Option<&'static str>,
}

const fn attacked(key: &'static str) -> DeclaredKey {
    DeclaredKey { key, exemption: None }
}

const fn exempt(key: &'static str, reason: &'static str) -> DeclaredKey {
    DeclaredKey { key, exemption: Some(reason) }
}

const PACE: &str = "paces restarts, whose number is attacked; a pure function of the core, tested there";

/// Every such key, in the order of the manifests. Sections that this version refuses are left out: they limit
/// nothing yet.
pub const DECLARED_KEYS: &[DeclaredKey] = &[
    attacked("resources.memory.max_bytes"),
    attacked("resources.cpu.max_fuel"),
    attacked("resources.cpu.timeout_ms"),
    attacked("lifecycle.start_timeout_ms"),
    attacked("lifecycle.start_fuel"),
    attacked("lifecycle.stop_grace_ms"),
    attacked("mailbox.capacity"),
    attacked("mailbox.max_bytes"),
    exempt("mailbox.overflow", "says who loses at the bounds of the mailbox, which are attacked"),
    attacked("capabilities.messaging.send_to"),
    attacked("capabilities.messaging.receive_from"),
    attacked("capabilities.messaging.max_message_bytes"),
    attacked("capabilities.messaging.rate_per_second"),
    attacked("capabilities.messaging.burst"),
    exempt("supervision.restart", "says which ends are followed by a restart; it bounds nothing"),
    attacked("supervision.max_restarts"),
    exempt("supervision.window_seconds", PACE),
    exempt("supervision.backoff.initial_ms", PACE),
    exempt("supervision.backoff.max_ms", PACE),
    exempt("supervision.backoff.factor", PACE),
    exempt("supervision.backoff.jitter", PACE),
    attacked("host.ceilings.max_memory_bytes"),
    attacked("host.ceilings.max_fuel"),
    attacked("host.ceilings.max_timeout_ms"),
    attacked("host.ceilings.max_component_bytes"),
    attacked("host.ceilings.total_memory_bytes"),
    exempt("component.instances", "says how many are wanted; their memory together is attacked"),
    exempt("component.max_memory_bytes", "raises a ceiling for one component; the ceiling is attacked"),
];
