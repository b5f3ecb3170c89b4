//! The rest of `wasi:filesystem`: the granted folders, entries of folders, and who is told of a refusal.

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DirectoryEntry, DirectoryEntryStream, ErrorCode, Host, HostDirectoryEntryStream,
};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{FsError, FsResult};

use airssys_wasm_core::{AccessDenial, AccessRight};

use super::error::{Refusal, StreamFault};
use super::handle::{FileAccess, Handle};
use super::listing::Listing;
use crate::bounds::MAX_PATH_BYTES;
use crate::state::HostState;

/// Links the interface, in place of the engine's own.
pub(crate) fn bound_files(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<_, Files<'static>>(linker, files)?;
    types::add_to_linker::<_, Files<'static>>(linker, files)
}

/// The files of one instance, behind what the engine leaves open.
pub(super) struct Files<'a>(&'a mut HostState);

fn files(state: &mut HostState) -> Files<'_> {
    Files(state)
}

impl HasData for Files<'static> {
    type Data<'a> = Files<'a>;
}

impl Files<'_> {
    pub(super) fn table(&mut self) -> &mut ResourceTable {
        self.0.resource_table()
    }

    /// The guest is about to wait for an operation.
    pub(super) fn waits(&mut self) {
        self.0.clock_mut().waits();
    }

    /// The files that it has; without any there is no handle either.
    pub(super) fn access(&self) -> FsResult<FileAccess> {
        self.0.files().cloned().ok_or_else(|| ErrorCode::NotPermitted.into())
    }

    pub(super) fn check_length(&self, path: &str) -> FsResult<()> {
        if path.len() > MAX_PATH_BYTES { Err(ErrorCode::NameTooLong.into()) } else { Ok(()) }
    }

    /// Hands a result on, after telling where it is a refusal.
    pub(super) fn told<R>(&mut self, wanted: &Wanted, result: FsResult<R>) -> FsResult<R> {
        if let Err(error) = &result
            && let Some(refusal) = Refusal::of(error, wanted.is_change && wanted.is_read_only)
        {
            self.refuse(wanted, refusal);
        }
        result
    }

    pub(super) fn refuse(&mut self, wanted: &Wanted, refusal: Refusal) {
        self.0.deny_access(&AccessDenial::new(AccessRight::Filesystem, &wanted.target, &refusal));
    }
}

/// What an operation is about, for those who are told that it was refused.
pub(super) struct Wanted {
    target: String,
    is_change: bool,
    is_read_only: bool,
}

impl Wanted {
    pub(super) fn new(target: String, descriptor: &Descriptor) -> Self {
        let perms = match descriptor {
            Descriptor::File(file) => file.perms,
            Descriptor::Dir(dir) => dir.perms,
        };
        Self { target, is_change: false, is_read_only: perms == FsPerms::ReadOnly }
    }

    /// An operation that changes something.
    pub(super) fn changing(self) -> Self {
        Self { is_change: true, ..self }
    }

    /// An operation on two.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            target: format!("{} -> {}", self.target, other.target),
            is_read_only: self.is_read_only || other.is_read_only,
            ..self
        }
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.is_read_only
    }
}

impl preopens::Host for Files<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.0.check_time()?;
        let Some(access) = self.0.files().cloned() else { return Ok(Vec::new()) };
        let mut directories = Vec::with_capacity(access.folders().len());
        for folder in access.folders() {
            let handle = self.table().push(Handle::granted(folder))?;
            directories.push((Resource::new_own(handle.rep()), folder.path.to_string()));
        }
        Ok(directories)
    }
}

impl Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        if let Some(StreamFault(code)) = self.table().get(&error)?.downcast_ref() {
            return Ok(Some(*code));
        }
        self.0.filesystem().filesystem_error_code(error)
    }
}

impl HostDirectoryEntryStream for Files<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let access = self.access()?;
        self.waits();
        let listing = self.table().get_mut(&Resource::<Listing>::new_borrow(stream.rep()))?;
        listing.next(&access).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table().delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}
