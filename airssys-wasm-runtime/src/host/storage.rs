//! `airssys:core/storage`: linked, so that components which import it load; every call says that this
//! version has no storage.

use crate::bindings::airssys::core::storage::{Host, HostError, StorageUsage};
use crate::state::HostState;

type Refused<T> = wasmtime::Result<Result<T, HostError>>;

fn unsupported<T>(name: &str) -> Refused<T> {
    Ok(Err(HostError::Unsupported(name.to_owned())))
}

impl Host for HostState {
    fn get(&mut self, _: String) -> Refused<Option<Vec<u8>>> {
        unsupported("storage.get")
    }

    fn set(&mut self, _: String, _: Vec<u8>) -> Refused<()> {
        unsupported("storage.set")
    }

    fn delete(&mut self, _: String) -> Refused<bool> {
        unsupported("storage.delete")
    }

    fn exists(&mut self, _: String) -> Refused<bool> {
        unsupported("storage.exists")
    }

    fn list_keys(&mut self, _: String) -> Refused<Vec<String>> {
        unsupported("storage.list-keys")
    }

    fn usage(&mut self) -> Refused<StorageUsage> {
        unsupported("storage.usage")
    }

    fn compare_and_swap(&mut self, _: String, _: Option<Vec<u8>>, _: Vec<u8>) -> Refused<bool> {
        unsupported("storage.compare-and-swap")
    }
}
