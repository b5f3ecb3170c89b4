//! Where the host puts what it passes to a guest: the canonical ABI's `cabi_realloc`, made cheap.
//!
//! The host asks for a buffer for every string and list of a call, and the guest frees them all
//! before it returns. A general allocator spends more time on that than a small handler spends on
//! its message. Here such a buffer is cut off a fixed region, and the region starts anew when its
//! last buffer is freed. What finds no room there comes from the toolchain's own allocator, as
//! does everything that the guest allocates itself.
//!
//! Caveat: a buffer that a guest keeps for long holds the region up, and allocation falls back
//! to the ordinary one: slower, never wrong.
//!
//! A guest names the crate (`use host_buffers as _;`) so that it is linked.

#[cfg_attr(not(any(test, target_arch = "wasm32")), expect(dead_code, reason = "only tests use it here"))]
mod region;

#[cfg(target_arch = "wasm32")]
mod abi;
