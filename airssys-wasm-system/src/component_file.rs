//! The file that a component is in.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use airssys_wasm_core::Address;
use airssys_wasm_runtime::RuntimeError;

use crate::error::SystemError;

/// A component's file, and how large it may be. One that is too large is not even read.
#[derive(Debug, Clone)]
pub(crate) struct ComponentFile {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) component: Address,
}

impl ComponentFile {
    /// Its size in bytes.
    pub(crate) fn size(&self) -> Result<u64, SystemError> {
        self.checked(std::fs::metadata(&self.path).map_err(|source| self.unreadable(source))?)
    }

    /// Its bytes.
    pub(crate) fn read(&self) -> Result<Arc<[u8]>, SystemError> {
        let file = File::open(&self.path).map_err(|source| self.unreadable(source))?;
        self.checked(file.metadata().map_err(|source| self.unreadable(source))?)?;
        let mut wasm = Vec::new();
        let mut within = file.take(self.max_bytes.saturating_add(1));
        within.read_to_end(&mut wasm).map_err(|source| self.unreadable(source))?;
        Ok(wasm.into())
    }

    fn checked(&self, metadata: Metadata) -> Result<u64, SystemError> {
        // A pipe that nobody writes to would be read for ever, and keep its place among those to be compiled.
        if !metadata.is_file() {
            return Err(self.unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
        }
        let (bytes, max_bytes) = (metadata.len(), self.max_bytes);
        if bytes > max_bytes {
            let source = RuntimeError::TooLarge { bytes, max_bytes };
            return Err(SystemError::Start { component: self.component.clone(), source });
        }
        Ok(bytes)
    }

    fn unreadable(&self, source: io::Error) -> SystemError {
        SystemError::File { path: self.path.clone(), source }
    }
}
