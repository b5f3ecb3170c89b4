//! Reading a body without exhausting the stack, whatever its type makes of it.
//!
//! Borsh knows no nesting of its own: a type that holds itself reads itself by calling itself, as deep as the body
//! says, and nothing in between can count these calls. But each of them reads, and from there one can see how far the
//! stack has come. So what is bounded is what a nesting costs, and not its levels.

use std::io::{self, Read};
use std::ptr;

/// Stack that reading a Borsh body may take, in bytes: an eighth of what threads of Rust and of tokio have by default.
/// Hundreds of levels of an ordinary type, and fewer in a build for debugging.
pub const MAX_BORSH_STACK_BYTES: usize = 256 * 1024;

/// A body that is read no further once the stack has come too far.
pub(super) struct WatchedBody<'b> {
    left: &'b [u8],
    /// Where the stack was when the reading began.
    began_at: usize,
    is_too_deep: bool,
}

impl<'b> WatchedBody<'b> {
    pub(super) fn new(body: &'b [u8]) -> Self {
        Self { left: body, began_at: here(), is_too_deep: false }
    }

    /// Whether it was refused to be read any further.
    pub(super) fn is_too_deep(&self) -> bool {
        self.is_too_deep
    }

    /// What was not read.
    pub(super) fn left(&self) -> &'b [u8] {
        self.left
    }

    fn watch(&mut self) -> io::Result<()> {
        // Whichever way the stack grows.
        if here().abs_diff(self.began_at) > MAX_BORSH_STACK_BYTES {
            self.is_too_deep = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }
}

impl Read for WatchedBody<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.watch()?;
        self.left.read(into)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.watch()?;
        self.left.read_exact(into)
    }
}

/// About where the stack is. The address is only compared.
#[inline(never)]
fn here() -> usize {
    let here = 0_u8;
    ptr::from_ref(std::hint::black_box(&here)).addr()
}
