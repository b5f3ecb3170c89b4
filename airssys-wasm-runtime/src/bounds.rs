//! The fixed bounds on what one guest can make the host hold, in one table.
//!
//! Bounds that a manifest sets are not here; these hold for every component, whatever it declares.

use std::time::Duration;

/// Core instances in one component; components of Python or JavaScript toolchains are made of dozens.
pub const MAX_CORE_INSTANCES: usize = 256;

/// Linear memories in one component.
pub const MAX_MEMORIES: usize = 16;

/// Tables in one component.
pub const MAX_TABLES: usize = 256;

/// Table elements of a component in all, for each full 4 MiB of its memory limit, and at least once.
pub const MAX_TABLE_ELEMENTS: usize = 10_000;

/// The share of a memory limit that carries one allowance of [`MAX_TABLE_ELEMENTS`]: a host that grants
/// more memory than the default ceiling grants tables in proportion.
pub(crate) const TABLE_SHARE_BYTES: u64 = 4_194_304;

/// Stack of guest code in bytes.
pub const MAX_WASM_STACK_BYTES: usize = 512 * 1024;

/// Stack of one call in bytes: the guest's part and room for host functions.
pub(crate) const ASYNC_STACK_BYTES: usize = 1024 * 1024;

/// Bytes that one host call may make the host copy out of a guest, beyond its largest message.
pub const HOSTCALL_SLACK_BYTES: usize = 256 * 1024;

/// Largest message that any guest can send, in bytes; what a receiver takes is in its manifest.
pub const MAX_GUEST_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Component-model handles that one instance holds at a time, those that it makes for its own resources
/// included. More than [`MAX_RESOURCES`], so that a guest that hoards what the host gives meets that bound
/// first, which is a typed refusal and no trap.
pub const MAX_COMPONENT_HANDLES: usize = 4_096;

/// Entries in the host's resource table for one instance.
pub const MAX_RESOURCES: usize = 1_024;

/// What the fields (headers) of one `wasi:http` message may hold, and each of a request's method, authority and
/// path, in bytes.
pub const MAX_HTTP_FIELD_BYTES: usize = 4 * 1024;

/// What one write to the body of an outgoing `wasi:http` request may hold, in bytes, and how many writes
/// are kept: the request is denied, so that they are only ever held for nothing.
pub const MAX_HTTP_CHUNK_BYTES: usize = 4 * 1024;
pub(crate) const HTTP_BUFFERED_CHUNKS: usize = 1;

/// Names and values of the variables that one instance is granted, together.
pub const MAX_VARIABLE_BYTES: usize = 256 * 1024;

/// Random bytes that one call of `wasi:random` returns at most.
pub const MAX_RANDOM_BYTES: u64 = 65_536;

/// Files, folders and streams of them that one instance has open at a time; the folders that it was granted, which
/// are always open, are not counted. Each is a descriptor of the host's process.
pub const MAX_OPEN_FILES: usize = 64;

/// Bytes that one operation reads from a file or writes to it; a stream holds as many at a time.
pub const MAX_FILE_CHUNK_BYTES: usize = 64 * 1024;

/// Longest path, or target of a symbolic link, that a guest can name, in bytes: what common systems take.
pub const MAX_PATH_BYTES: usize = 4_096;

/// What is kept of a path for those who are told of refusals, in bytes.
pub(crate) const MAX_SHOWN_PATH_BYTES: usize = airssys_wasm_core::MAX_AUDIT_TARGET_BYTES;

/// Entries of a folder that are held at a time while it is read, however many it has.
pub(crate) const DIRECTORY_ENTRIES_AT_ONCE: usize = 64;

/// Operations on files that one instance has under way at a time, those included that outlive the call that began
/// them.
pub const MAX_FILE_WORK: usize = 4;

/// Threads of one engine that operations on files may block.
pub const MAX_FILE_THREADS: usize = 64;

/// Bytes of one write to the standard output or error of a guest, so that the lines of one write are few.
pub const MAX_OUTPUT_CHUNK_BYTES: usize = 4 * 1024;

/// Sockets of one instance at a time. Each may hold up to 64 KiB of what the guest writes, until the system takes it.
pub const MAX_SOCKETS: usize = 32;

/// New sockets of one instance a second: each may leave a port behind that the system does not use again for a while.
pub const NEW_SOCKETS_PER_SECOND: u32 = 100;

/// New sockets of one instance at once.
pub const NEW_SOCKETS_BURST: u32 = 100;

/// What the system may hold for each direction of one connection, in bytes; Linux takes twice as much for its own
/// account. A guest that asks for more gets this.
pub const MAX_SOCKET_BUFFER_BYTES: u64 = 128 * 1024;

/// Names that one instance looks up at a time, and that the system's own resolver looks up for one component.
pub const MAX_LOOKUPS: usize = 4;

/// Look-ups of one instance a second: they are questions to somebody else's server.
pub const LOOKUPS_PER_SECOND: u32 = 100;

/// Look-ups of one instance at once.
pub const LOOKUPS_BURST: u32 = 100;

/// How long one name is looked up.
pub const MAX_LOOKUP_TIME: Duration = Duration::from_secs(10);

/// Addresses of one name; further ones are dropped.
pub const MAX_LOOKUP_ANSWERS: usize = 16;

/// Answers that one instance may connect to; older ones are forgotten and have to be looked up again.
pub const MAX_KNOWN_ADDRESSES: usize = 256;

/// Names that the system's own resolver looks up at a time, each on a thread, for all components; others wait.
pub const MAX_SYSTEM_LOOKUPS: usize = 64;

/// Targets by name whose links one instance keeps open; beyond it the cache starts anew.
pub const MAX_CACHED_LINKS: usize = 256;

/// Targets of one broadcast; those after them are refused, each with its own result.
pub const MAX_BROADCAST_TARGETS: usize = 256;

/// What one list of components may hold in bytes, each counted as its id, its version and
/// [`LISTED_COMPONENT_BYTES`]. Those that come after it in the order of ids are left out; any of them can still be
/// asked for by its id.
pub const MAX_COMPONENT_LIST_BYTES: usize = 1024 * 1024;

/// What a component in a list counts for beside its texts, in bytes.
pub const LISTED_COMPONENT_BYTES: usize = 64;

/// Message of one log record in bytes; the rest is cut and the record marked.
pub const MAX_LOG_MESSAGE_BYTES: usize = 8 * 1024;

/// Context pairs of one log record.
pub const MAX_LOG_CONTEXT_PAIRS: usize = 32;

/// Key or value of one context pair in bytes.
pub const MAX_LOG_CONTEXT_BYTES: usize = 1024;

/// Text of an error that a guest returns, in bytes; the rest is cut.
pub const MAX_GUEST_ERROR_BYTES: usize = 4 * 1024;

/// Frames of a guest backtrace.
pub const MAX_BACKTRACE_FRAMES: usize = 32;

/// A name of a function, an import or an export in a component, in bytes. The engine copies the name of a function
/// for each of the [`MAX_BACKTRACE_FRAMES`] of a trap, so that a trap holds two mebibytes of names at most.
pub const MAX_NAME_BYTES: usize = 64 * 1024;

/// Names of missing imports that a refusal holds and shows, in bytes together; of the others it tells how many.
pub const MAX_MISSING_NAMES_BYTES: usize = 8 * 1024;

/// Text of a guest backtrace in bytes.
pub const MAX_BACKTRACE_BYTES: usize = 8 * 1024;

/// Fuel units between two points at which a running guest's count is brought up to date: the figure of a
/// call that ended by time or trap is lower than the truth by at most this much.
pub const FUEL_INTERVAL: u64 = 100_000;

/// Arguments of one typed call as they come, in bytes; the receiver's `max_message_bytes` holds for them too.
pub const MAX_TYPED_ARGUMENT_BYTES: usize = 1024 * 1024;

/// Result of one typed call as it is handed over, in bytes; a larger one is an error, and the component goes on.
pub const MAX_TYPED_RESULT_BYTES: usize = 1024 * 1024;

/// What the values of one typed call may take in the host's memory, in bytes, arguments and result each for
/// itself: each value takes some forty bytes, however short the text is that stands for it. A result beyond it
/// ends the call.
pub const MAX_TYPED_VALUE_BYTES: usize = 48 * 1024 * 1024;

/// What the types of one function may take in the host's memory when they are written out, in bytes: small
/// types that share their parts can stand for enormous ones.
pub const MAX_SIGNATURE_BYTES: usize = 256 * 1024;

/// Components that one engine compiles at a time; others wait for a turn. More than one, so that a component that
/// compiles slowly does not hold up the next one.
pub const MAX_COMPILES: usize = 4;

/// Threads that work on one component; fewer where there are fewer processors.
pub const MAX_COMPILE_THREADS: usize = 8;

/// A component of more bytes than this is large: one large component is compiled at a time, so that the others
/// always have turns left.
pub const LARGE_COMPONENT_BYTES: u64 = 2 * 1024 * 1024;

/// Components in memory that are compiled or wait for it, where they are small. Whoever comes later waits
/// before reading a component.
pub const MAX_SMALL_WAITING: usize = 32;

/// As [`MAX_SMALL_WAITING`], for large components.
pub const MAX_LARGE_WAITING: usize = 2;

/// Work that one function may be for the compiler, in units; a unit is about what a byte of ordinary code costs,
/// some microseconds and a kibibyte while it is compiled, each within a factor of a few.
pub const MAX_FUNCTION_WORK: u64 = 1024 * 1024;

/// Work that all functions of a component may be together, in units for each byte of its file, beyond
/// [`MAX_FUNCTION_WORK`]: three in two. Ordinary code is about a unit for each byte.
pub(crate) const MAX_WORK_PER_BYTES: (u64, u64) = (3, 2);

/// The work of a function that is heavy: of components with a heavy function one is compiled at a time, as of large
/// ones.
pub const HEAVY_FUNCTION_WORK: u64 = 32 * 1024;

/// Functions in one component, those among them that lead from one component within it into another, once for each
/// time that they are instantiated, and those that the engine adds for types of functions, for functions that can be
/// reached from elsewhere and for the beginning of modules; the compiler keeps some kibibytes for each until it is done.
pub const MAX_COMPONENT_FUNCTIONS: u64 = 128 * 1024;

/// Instances, of core modules and of components, that a component is made of, however deep they are nested. What
/// cannot be counted so, components that are handed on as arguments, imports or exports, is refused.
pub const MAX_NESTED_INSTANCES: u64 = 4_096;

/// Core modules and components in one file, itself included, whether or not they are instantiated; the compiler
/// keeps some tens of kibibytes for each until it is done.
pub const MAX_COMPONENT_PARTS: u64 = 1_024;

/// Names that a component exports, each interface being one: all of them may be looked through in each typed call by a
/// short name, before the time of the call begins.
pub const MAX_COMPONENT_EXPORTS: u64 = 16 * 1024;

/// Components within components, and modules within them.
pub const MAX_COMPONENT_DEPTH: u64 = 64;

/// Types of components and instances that are written within each other; who reads one calls itself for each level.
pub const MAX_TYPE_DEPTH: u64 = 100;

/// Parts of types that validation of one file looks at, each as often as it does: types that share their parts are
/// followed through all of them wherever they are used. Some nanoseconds each.
pub const MAX_TYPE_WORK: u64 = 1024 * 1024;

/// What the host holds for the core instances of one component instance beside their memories and tables, in bytes:
/// passive elements, globals, imports, functions that can be called from elsewhere.
pub const MAX_COMPONENT_STATE_BYTES: u64 = 4 * 1024 * 1024;

/// Elements that all tables of all modules in one component begin with, whether or not they are instantiated; the
/// compiler writes them out. A table that is too large for that is not among them.
pub const MAX_COMPONENT_TABLE_ELEMENTS: u64 = 1024 * 1024;

/// Stack of each thread that compiles, in bytes: what is nested calls for it level by level.
pub(crate) const COMPILER_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Address space that one engine reserves, in bytes: half of what a process has on common 64-bit systems.
pub const MAX_ADDRESS_SPACE_BYTES: u64 = 64 << 40;
