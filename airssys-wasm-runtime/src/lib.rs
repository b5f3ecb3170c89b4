//! Runs untrusted WebAssembly components under limits that are enforced.
//!
//! An embedder who wants limits and nothing else depends on this crate alone: [`WasmtimeEngine`] verifies
//! a component, [`ComponentExecutor`] runs one message in a fresh instance, and [`ComponentInstance`] keeps
//! an instance for many. Memory is held as the sum over all memories of an instance, processor time by
//! fuel and by the wall clock, host calls included, and a component may do nothing that its ports do not
//! allow.
//!
//! Invariant: this crate knows nothing of actors, mailboxes, routing, supervision or persistence; what it
//! needs of them are the ports of `airssys-wasm-core`. No type of the engine beneath is in a public
//! signature, save the few that an embedder's own interfaces need.
//!
//! ```
//! use airssys_wasm_runtime::{EngineConfig, RuntimeError, WasmtimeEngine};
//!
//! let engine = WasmtimeEngine::new(EngineConfig::default())?;
//! let error = engine.verify(b"\0asm\x01\0\0\0").unwrap_err();
//! assert!(matches!(error, RuntimeError::CoreModule));
//! # Ok::<(), RuntimeError>(())
//! ```

#![deny(unsafe_code)]

mod bindings;
mod bounds;
mod burden;
mod call_clock;
mod checkpoints;
mod compiler;
mod component;
mod config;
mod deadline;
mod enforcement;
mod engine;
mod error;
mod executor;
mod failure;
mod files;
mod function_work;
mod guest_output;
mod header;
mod host;
mod inspection;
mod instance;
mod limiter;
mod loaded;
mod missing;
mod names;
mod peer;
mod pool;
mod ports;
mod prepared;
mod reservation;
mod resolver;
mod scheduling;
mod state;
mod store;
mod text;
mod ticker;
mod typed;
mod verifier;

pub use bounds::{
    FUEL_INTERVAL, HEAVY_FUNCTION_WORK, HOSTCALL_SLACK_BYTES, LARGE_COMPONENT_BYTES, LISTED_COMPONENT_BYTES,
    LOOKUPS_BURST, LOOKUPS_PER_SECOND, MAX_ADDRESS_SPACE_BYTES, MAX_BACKTRACE_BYTES, MAX_BACKTRACE_FRAMES,
    MAX_BROADCAST_TARGETS, MAX_CACHED_LINKS, MAX_COMPILE_THREADS, MAX_COMPILES, MAX_COMPONENT_DEPTH,
    MAX_COMPONENT_EXPORTS, MAX_COMPONENT_FUNCTIONS, MAX_COMPONENT_HANDLES, MAX_COMPONENT_LIST_BYTES,
    MAX_COMPONENT_PARTS, MAX_COMPONENT_STATE_BYTES, MAX_COMPONENT_TABLE_ELEMENTS, MAX_CORE_INSTANCES,
    MAX_FILE_CHUNK_BYTES, MAX_FILE_THREADS, MAX_FILE_WORK, MAX_FUNCTION_WORK, MAX_GUEST_ERROR_BYTES,
    MAX_GUEST_MESSAGE_BYTES, MAX_HTTP_CHUNK_BYTES, MAX_HTTP_FIELD_BYTES, MAX_KNOWN_ADDRESSES,
    MAX_LARGE_WAITING, MAX_LOG_CONTEXT_BYTES, MAX_LOG_CONTEXT_PAIRS, MAX_LOG_MESSAGE_BYTES,
    MAX_LOOKUP_ANSWERS, MAX_LOOKUP_TIME, MAX_LOOKUPS, MAX_MEMORIES, MAX_MISSING_NAMES_BYTES, MAX_NAME_BYTES,
    MAX_NESTED_INSTANCES, MAX_OPEN_FILES, MAX_OUTPUT_CHUNK_BYTES, MAX_PATH_BYTES, MAX_RANDOM_BYTES,
    MAX_RESOURCES, MAX_SIGNATURE_BYTES, MAX_SMALL_WAITING, MAX_SOCKET_BUFFER_BYTES, MAX_SOCKETS,
    MAX_SYSTEM_LOOKUPS, MAX_TABLE_ELEMENTS, MAX_TABLES, MAX_TYPE_DEPTH, MAX_TYPE_WORK,
    MAX_TYPED_ARGUMENT_BYTES, MAX_TYPED_RESULT_BYTES, MAX_TYPED_VALUE_BYTES, MAX_VARIABLE_BYTES,
    MAX_WASM_STACK_BYTES, NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND,
};
pub use compiler::CompilePlace;
pub use component::VerifiedComponent;
pub use config::EngineConfig;
pub use deadline::KillSwitch;
pub use engine::{InstanceSetup, WasmtimeEngine};
pub use error::RuntimeError;
pub use executor::{ComponentExecutor, ExecutionResult};
pub use failure::CallFailure;
pub use files::FileWork;
pub use host::{NetworkRates, offered_interfaces};
pub use inspection::{ComponentReport, InterfaceReport};
pub use instance::{Budget, Completed, ComponentInstance, ComponentMetadata};
pub use limiter::{ComponentResourceLimiter, MemoryGauge, WasmResourceLimiter};
pub use missing::MissingImports;
pub use pool::PoolShare;
pub use ports::{InstancePorts, TracingLog};
pub use reservation::Reservation;
pub use resolver::SystemResolver;
pub use scheduling::{CallLane, OverdueCall};
pub use state::HostState;
pub use store::{StoreManager, apply_limits_to_store};
