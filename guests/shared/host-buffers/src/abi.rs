//! The region itself, the exported function that fills it and the allocator that empties it.

use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error, realloc};
use std::cell::UnsafeCell;
use std::ptr::without_provenance_mut;

use crate::region::Region;

/// Enough for the sender and the payload of an ordinary message; what is larger pays for the
/// general allocator with ease.
const CAPACITY: usize = 16 * 1024;

/// The strictest alignment that the canonical ABI asks for.
#[repr(align(16))]
struct Buffers {
    bytes: UnsafeCell<[u8; CAPACITY]>,
    region: UnsafeCell<Region>,
}

// SAFETY: a guest has one thread: the host refuses shared memories.
unsafe impl Sync for Buffers {}

static BUFFERS: Buffers =
    Buffers { bytes: UnsafeCell::new([0; CAPACITY]), region: UnsafeCell::new(Region::new()) };

impl Buffers {
    #[inline]
    fn with<T>(&self, use_it: impl FnOnce(&mut Region) -> T) -> T {
        // SAFETY: one thread, and `use_it` is a method of `Region`, which never comes back here.
        use_it(unsafe { &mut *self.region.get() })
    }

    #[inline]
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > align_of::<Self>() {
            return None;
        }
        let at = self.with(|region| region.take(layout.size(), layout.align(), CAPACITY))?;
        // SAFETY: the region hands out offsets within its capacity.
        Some(unsafe { self.bytes.get().cast::<u8>().add(at) })
    }

    #[inline]
    fn holds(&self, pointer: *const u8) -> bool {
        pointer.addr().wrapping_sub(self.bytes.get().addr()) < CAPACITY
    }
}

/// The toolchain's allocator, which knows a buffer of the host's when it is freed.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: what lies outside the region is the system allocator's, wholly; what lies inside came
// from `Buffers::take`, whose parts do not overlap while they live.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if BUFFERS.holds(pointer) {
            BUFFERS.with(Region::give_back);
        } else {
            // SAFETY: the pointer is not the region's, so that it came from the system allocator.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !BUFFERS.holds(pointer) {
            // SAFETY: as in `dealloc`.
            return unsafe { System.realloc(pointer, layout, new_size) };
        }
        // SAFETY: the caller promises that the new size is one of a layout; both buffers hold the
        // bytes that are copied, and they are different buffers.
        unsafe {
            let new = System.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
                BUFFERS.with(Region::give_back);
            }
            new
        }
    }
}

/// The canonical ABI's allocation function.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, new_size: usize) -> *mut u8 {
    // SAFETY: the ABI promises an alignment that is a power of two, sizes that fit, and that `old`
    // came from here with `old_size` and `align`.
    unsafe {
        if old_size > 0 {
            let new = realloc(old, Layout::from_size_align_unchecked(old_size, align), new_size);
            if new.is_null() {
                handle_alloc_error(Layout::from_size_align_unchecked(new_size, align));
            }
            return new;
        }
        if new_size == 0 {
            return without_provenance_mut(align);
        }
        let layout = Layout::from_size_align_unchecked(new_size, align);
        if let Some(buffer) = BUFFERS.take(layout) {
            return buffer;
        }
        let buffer = System.alloc(layout);
        if buffer.is_null() {
            handle_alloc_error(layout);
        }
        buffer
    }
}
