//! The file that a component is in.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use airssys_wasm_core::Address;
use airssys_wasm_runtime::RuntimeError;

use crate::error::SystemError;
use crate::regular_file::regular_file;

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
        let (_, metadata) = regular_file(&self.path).map_err(|source| self.unreadable(source))?;
        self.checked(metadata.len())
    }

    /// Its bytes.
    pub(crate) fn read(&self) -> Result<Arc<[u8]>, SystemError> {
        let (file, metadata) = regular_file(&self.path).map_err(|source| self.unreadable(source))?;
        self.checked(metadata.len())?;
        let mut wasm = Vec::new();
        let mut within = file.take(self.max_bytes.saturating_add(1));
        within.read_to_end(&mut wasm).map_err(|source| self.unreadable(source))?;
        Ok(wasm.into())
    }

    fn checked(&self, bytes: u64) -> Result<u64, SystemError> {
        let max_bytes = self.max_bytes;
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
