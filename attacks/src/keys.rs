//! The keys of the manifests that limit or grant something, and the fixed bounds, so that none is without its
//! attack.

use std::collections::BTreeSet;

use crate::attack::Attack;

/// A key of `Component.toml` or `airssys.toml` that limits or grants something in this version, or a constant that
/// does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredKey {
    /// The key with its sections, joined by dots, or the name of the constant.
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

/// The keys and bounds that must have an attack, and that none of these has: a table without them is not whole.
#[must_use]
pub fn unattacked(attacks: &[Attack]) -> Vec<&'static str> {
    let attacked: BTreeSet<_> = attacks.iter().flat_map(|attack| attack.key.split(", ")).collect();
    let must = DECLARED_KEYS.iter().chain(DECLARED_BOUNDS).filter(|declared| declared.exemption.is_none());
    must.map(|declared| declared.key).filter(|key| !attacked.contains(key)).collect()
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
    attacked("capabilities.messaging.publish"),
    attacked("capabilities.messaging.subscribe"),
    attacked("capabilities.messaging.max_message_bytes"),
    attacked("capabilities.messaging.codecs"),
    attacked("capabilities.messaging.rate_per_second"),
    attacked("capabilities.messaging.burst"),
    attacked("capabilities.storage.quota_bytes"),
    attacked("capabilities.filesystem.read"),
    attacked("capabilities.filesystem.write"),
    attacked("capabilities.environment.variables"),
    attacked("capabilities.network.connect"),
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
    attacked("host.ceilings.max_storage_bytes"),
    attacked("host.ceilings.total_storage_bytes"),
    attacked("host.policy.allow_broad"),
    exempt("component.instances", "says how many are wanted; their memory together is attacked"),
    exempt("component.max_memory_bytes", "raises a ceiling for one component; the ceiling is attacked"),
    exempt("audit.path", "says where the log lies; it bounds nothing"),
    attacked("audit.max_file_bytes"),
    attacked("audit.keep_files"),
];

/// Every fixed bound on what guests can make the host hold or do: the whole table of the runtime, the public bounds
/// of the other crates, and those that the system keeps to itself.
pub const DECLARED_BOUNDS: &[DeclaredKey] = &[
    // The runtime's table.
    attacked("MAX_CORE_INSTANCES"),
    attacked("MAX_MEMORIES"),
    attacked("MAX_TABLES"),
    attacked("MAX_TABLE_ELEMENTS"),
    exempt(
        "TABLE_SHARE_BYTES",
        "the share of a memory limit that carries MAX_TABLE_ELEMENTS, which is attacked",
    ),
    attacked("MAX_WASM_STACK_BYTES"),
    exempt("ASYNC_STACK_BYTES", "the host's room beside the guest's stack, whose own bound is attacked"),
    attacked("HOSTCALL_SLACK_BYTES"),
    attacked("MAX_GUEST_MESSAGE_BYTES"),
    attacked("MAX_COMPONENT_HANDLES"),
    attacked("MAX_RESOURCES"),
    attacked("MAX_HTTP_FIELD_BYTES"),
    attacked("MAX_HTTP_CHUNK_BYTES"),
    attacked("HTTP_BUFFERED_CHUNKS"),
    exempt("MAX_VARIABLE_BYTES", "values of the host's own environment; tested in the runtime"),
    attacked("MAX_RANDOM_BYTES"),
    attacked("MAX_OPEN_FILES"),
    attacked("MAX_FILE_CHUNK_BYTES"),
    attacked("MAX_PATH_BYTES"),
    exempt("MAX_SHOWN_PATH_BYTES", "kept with each of the MAX_OPEN_FILES, which are attacked"),
    exempt("DIRECTORY_ENTRIES_AT_ONCE", "held by a folder that is read, which is one of the MAX_OPEN_FILES"),
    exempt("MAX_FILE_WORK", "operations that the system does not end in time; tested in the runtime"),
    exempt("MAX_FILE_THREADS", "threads for those operations; tested in the runtime"),
    attacked("MAX_OUTPUT_CHUNK_BYTES"),
    attacked("MAX_SOCKETS"),
    attacked("NEW_SOCKETS_PER_SECOND"),
    attacked("NEW_SOCKETS_BURST"),
    attacked("MAX_SOCKET_BUFFER_BYTES"),
    attacked("MAX_LOOKUPS"),
    attacked("LOOKUPS_PER_SECOND"),
    attacked("LOOKUPS_BURST"),
    exempt("MAX_LOOKUP_TIME", "within the time of a call, which is attacked; tested with the look-ups"),
    attacked("MAX_LOOKUP_ANSWERS"),
    exempt("MAX_KNOWN_ADDRESSES", "what is forgotten has to be looked up again; tested in security"),
    exempt("MAX_SYSTEM_LOOKUPS", "threads of the system's own resolver; its turns are tested with it"),
    attacked("MAX_CACHED_LINKS"),
    attacked("MAX_BROADCAST_TARGETS"),
    exempt("MAX_COMPONENT_LIST_BYTES", "lists what an operator installed; tested in the runtime"),
    exempt("LISTED_COMPONENT_BYTES", "what a component counts for in MAX_COMPONENT_LIST_BYTES"),
    attacked("MAX_LOG_MESSAGE_BYTES"),
    attacked("MAX_LOG_CONTEXT_PAIRS"),
    attacked("MAX_LOG_CONTEXT_BYTES"),
    attacked("MAX_GUEST_ERROR_BYTES"),
    attacked("MAX_BACKTRACE_FRAMES"),
    attacked("MAX_BACKTRACE_BYTES"),
    attacked("MAX_NAME_BYTES"),
    exempt("MAX_MISSING_NAMES_BYTES", "cuts the host's own text of a refusal; tested in the runtime"),
    attacked("FUEL_INTERVAL"),
    attacked("MAX_TYPED_VALUE_BYTES"),
    exempt(
        "MAX_TYPED_RESULT_BYTES",
        "what the host hands on of values that are attacked; tested in the runtime",
    ),
    exempt("MAX_TYPED_ARGUMENT_BYTES", "arguments are a host's, not a guest's; tested in the runtime"),
    exempt(
        "MAX_SIGNATURE_BYTES",
        "a function with larger types is refused, not called; tested in the runtime",
    ),
    attacked("MAX_COMPILES"),
    exempt("MAX_COMPILE_THREADS", "threads for one component, of which MAX_COMPILES work at a time"),
    exempt(
        "LARGE_COMPONENT_BYTES",
        "tells large components from small ones, which take turns apart; tested there",
    ),
    exempt(
        "MAX_SMALL_WAITING",
        "who waits beyond it holds nothing yet; its turns are tested with the compiler",
    ),
    exempt(
        "MAX_LARGE_WAITING",
        "who waits beyond it holds nothing yet; its turns are tested with the compiler",
    ),
    attacked("MAX_FUNCTION_WORK"),
    attacked("MAX_WORK_PER_BYTES"),
    exempt(
        "HEAVY_FUNCTION_WORK",
        "tells heavy functions from light ones, which take turns apart; tested there",
    ),
    attacked("MAX_COMPONENT_FUNCTIONS"),
    exempt(
        "MAX_COMPONENT_EXPORTS",
        "what a name that a host calls is looked for among; its time is tested in the runtime",
    ),
    attacked("MAX_NESTED_INSTANCES"),
    attacked("MAX_COMPONENT_PARTS"),
    attacked("MAX_COMPONENT_DEPTH"),
    attacked("MAX_TYPE_DEPTH"),
    attacked("MAX_TYPE_WORK"),
    attacked("MAX_COMPONENT_STATE_BYTES"),
    attacked("MAX_COMPONENT_TABLE_ELEMENTS"),
    exempt("COMPILER_STACK_BYTES", "stack for what the bounds on depth let pass, which are attacked"),
    exempt("MAX_ADDRESS_SPACE_BYTES", "bounds what an embedder asks of an engine; no guest has a say in it"),
    // The core.
    attacked("MAX_CONTENT_TYPE_BYTES"),
    attacked("MAX_ID_PART_BYTES"),
    attacked("MAX_HOST_NAME_BYTES"),
    attacked("MAX_TOPIC_SEGMENTS"),
    exempt("MAX_TOPIC_BYTES", "a longer name is no topic, and is refused as it is read; tested in the core"),
    exempt(
        "MAX_MANIFEST_BYTES",
        "a manifest is the operator's, not a guest's; its reader is tested in the core",
    ),
    exempt("PROTECTED_FOLDERS", "folders that nobody is granted; tested in the core and in the system"),
    exempt(
        "MAX_FOLDER_BYTES",
        "a folder that a manifest grants, which is the operator's; tested in the core",
    ),
    exempt("MAX_GRANTED_FOLDERS", "what a manifest grants, which is the operator's; tested in the core"),
    exempt("MAX_GRANTED_DESTINATIONS", "what a manifest grants, which is the operator's; tested in the core"),
    exempt("MAX_GRANTED_VARIABLES", "what a manifest grants, which is the operator's; tested in the core"),
    exempt("MAX_FUNCTION_NAME_BYTES", "the name of a function that a host calls; tested in the system"),
    exempt("MIN_MEMORY_BYTES", "the least that a manifest may ask for; it bounds nothing from above"),
    exempt("MAX_MEMORY_BYTES", "the default of host.ceilings.max_memory_bytes, which is attacked"),
    exempt("DEFAULT_MAX_FUEL", "the default of resources.cpu.max_fuel, which is attacked"),
    exempt("DEFAULT_TIMEOUT_MS", "the default of resources.cpu.timeout_ms, which is attacked"),
    // Security.
    exempt(
        "MAX_RATED_PAIRS",
        "pairs of components that an operator installed; tested with a lower bound there",
    ),
    attacked("AUDIT_BURST_BYTES"),
    attacked("AUDIT_BYTES_PER_SECOND"),
    attacked("MAX_WAITING_BY_GUESTS"),
    attacked("MAX_WAITING_BYTES"),
    exempt(
        "MAX_WAITING_RECORDS",
        "what guests leave of it, whose own share is attacked, is for what the host was asked to do",
    ),
    exempt("MAX_AUDIT_GUEST_REASON_BYTES", "cuts why an instance ended, within the rate that is attacked"),
    exempt("MAX_AUDIT_REASON_BYTES", "cuts the texts of the host itself; tested in the core"),
    exempt("MAX_AUDIT_TARGET_BYTES", "cuts what a guest wanted of the host; tested in the core"),
    exempt(
        "MAX_AUDIT_RECORD_BYTES",
        "the longest line that the verifier takes; names and reasons have their own bounds",
    ),
    // Messaging.
    attacked("ENTRY_BYTES"),
    attacked("MAX_PENDING_REQUESTS"),
    attacked("MAX_UNREAD_ANSWER_BYTES"),
    exempt(
        "MAX_PUSHED_OUT",
        "what one message clears away for itself, once for each that came; tested in messaging",
    ),
    attacked("MAX_TIMERS"),
    attacked("MAX_TIMER_BYTES"),
    attacked("MAX_SUBSCRIPTIONS"),
    exempt("FEED_CAPACITY", "how far the host itself may lag behind its own stream; tested in messaging"),
    exempt("FEED_MAX_BYTES", "the same in bytes: the bound of the mailbox that the stream reads"),
    exempt("MAX_COUNTED_COMPONENTS", "counts components that an operator installed, one number for each"),
    exempt("MAX_CODEC_BYTES", "payloads that an embedder reads by the codec module; tested in messaging"),
    exempt(
        "MAX_BORSH_STACK_BYTES",
        "payloads that an embedder reads by the codec module; tested in messaging",
    ),
    exempt("MAX_CODEC_DEPTH", "payloads that an embedder reads by the codec module; tested in messaging"),
    exempt("MAX_HOST_SENDERS", "counts parts of the host, whose names no guest gives"),
    // The store.
    attacked("MAX_KEY_BYTES"),
    attacked("MAX_VALUE_BYTES"),
    attacked("MAX_KEYS"),
    attacked("MAX_LISTING_BYTES"),
    attacked("LISTED_KEY_BYTES"),
    attacked("MAX_WAITING_CHANGE_BYTES"),
    exempt("CHANGE_BYTES", "what a change counts for in MAX_WAITING_CHANGE_BYTES, which is attacked"),
    exempt(
        "MAX_WAITING_READS",
        "each component has one operation under way, which holds a key; tested in the store",
    ),
    attacked("CACHE_BYTES"),
    exempt("READERS", "threads of the host, however many components read"),
    // The system.
    attacked("LOG_BYTES_PER_SECOND"),
    attacked("LOG_BURST_BYTES"),
    exempt(
        "LOG_RECORD_BYTES",
        "what a record is charged beside its text, within the volume that is attacked",
    ),
    exempt("EVENT_BACKLOG", "events for an observer that does not read; older ones are dropped and counted"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::attacks;

    #[test]
    fn a_key_whose_attacks_are_gone_is_told() {
        let (mut attacks, key) = (attacks(), "resources.memory.max_bytes");
        assert_eq!(unattacked(&attacks), [""; 0]);
        attacks.retain(|attack| attack.key != key);
        assert_eq!(unattacked(&attacks), [key]);
    }
}
