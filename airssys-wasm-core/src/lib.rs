//! What every part of airssys-wasm shares: ids, messages, limits, manifests, errors, and the ports
//! at which the layers meet.
//!
//! Invariant: knows no engine, no runtime and no I/O. Whatever is decided here is a pure function of
//! its arguments, so that it can be tested without running anything.
//!
//! ```
//! use airssys_wasm_core::{Ceilings, ComponentManifest};
//!
//! let text = r#"
//! [component]
//! name = "parser"
//! namespace = "logs"
//! version = "0.3.1"
//!
//! [resources.memory]
//! max_bytes = 1048576
//! "#;
//! let manifest = ComponentManifest::parse("Component.toml", text, &Ceilings::default())?;
//! assert_eq!(manifest.address().as_str(), "logs/parser");
//! assert_eq!(manifest.limits().max_memory_bytes(), 1_048_576);
//! # Ok::<(), airssys_wasm_core::ManifestError>(())
//! ```

#![forbid(unsafe_code)]

mod id;

mod codec;
mod message;
mod send;
mod typed_call;

mod access;
mod audit;

mod grant;
mod host_name;
mod limits;
mod metrics;
mod pattern;
mod policy;
mod storage;
mod supervision;
mod topic;

mod manifest;

mod health;
mod lifecycle;

mod error;
mod handle;
mod ports;

pub use access::{AccessDenial, AccessRight};
pub use audit::{
    AuditEvent, AuditKind, AuditReason, AuditTarget, MAX_AUDIT_GUEST_REASON_BYTES, MAX_AUDIT_REASON_BYTES,
    MAX_AUDIT_TARGET_BYTES, UnknownAuditKind,
};
pub use codec::{Codec, CodecSet, UnknownCodecName};
pub use error::{BoxError, WasmError, WasmResult};
pub use grant::{Destination, DestinationHost, FolderPath, GrantError, MAX_FOLDER_BYTES, VariableName};
pub use handle::ComponentHandle;
pub use health::HealthStatus;
pub use host_name::{HostName, HostNameError, MAX_HOST_NAME_BYTES};
pub use id::{Address, ComponentId, HOST_NAMESPACE, IdError, MAX_ID_PART_BYTES, is_valid_name};
pub use lifecycle::{ComponentState, ComponentSummary, EndCause, TrapKind, VisiblePart};
pub use limits::{
    Ceilings, DEFAULT_MAX_FUEL, DEFAULT_TIMEOUT_MS, MAX_MEMORY_BYTES, MIN_MEMORY_BYTES, ResourceLimitError,
    ResourceLimits, ResourceLimitsBuilder,
};
pub use manifest::{
    AuditConfig, BadGrants, ComponentConfig, ComponentEntry, ComponentManifest, CpuConfig,
    EnvironmentCapabilities, FilesystemCapabilities, HostCapabilities, IoConfig, LifecycleConfig,
    MAX_GRANTED_DESTINATIONS, MAX_GRANTED_FOLDERS, MAX_GRANTED_VARIABLES, MAX_MANIFEST_BYTES, MailboxConfig,
    ManifestDiagnostic, ManifestError, MemoryConfig, MessagingCapabilities, NetworkCapabilities, Overflow,
    ResourcesConfig, StorageCapabilities, SystemManifest,
};
pub use message::{
    ComponentMessage, CorrelationId, MAX_CONTENT_TYPE_BYTES, MessageKind, MessagePayload, TimerId,
};
pub use metrics::{FuelConfig, FuelMetrics, MemoryMetrics};
pub use pattern::{AddressPattern, PatternError, PatternSegment};
pub use policy::{BroadRight, BroadRights, PROTECTED_FOLDERS, TooBroad, UnknownBroadRight};
pub use ports::{
    AccessObserver, Admission, AuditSink, BoxFuture, ComponentDirectory, ComponentLoader, Guard, LogLevel,
    LogRecord, LogSink, MessageLink, MessageRouter, NameResolver, ResolveError, RuntimeEngine,
};
pub use send::{DenialRule, HandlerError, RequestError, SendError, Undelivered};
pub use storage::{KeyValueStore, StorageError, StorageUsage};
pub use supervision::{Backoff, RestartDecision, RestartPolicy, RestartTracker, SupervisionConfig};
pub use topic::{MAX_TOPIC_BYTES, MAX_TOPIC_SEGMENTS, Topic, TopicPattern, TopicSegment};
pub use typed_call::{CallError, EncodedValues, Invocation, MAX_FUNCTION_NAME_BYTES, ValueFormat};
