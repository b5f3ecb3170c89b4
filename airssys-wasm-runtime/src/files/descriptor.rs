//! `wasi:filesystem/types.descriptor`: each operation checked, bounded, run on a thread that may block, and told of
//! where it was refused.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntryStream, ErrorCode, Filesize,
    HostDescriptor, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult};

use super::error::Refusal;
use super::handle::{Handle, Room, joined};
use super::host::{Files, Wanted};
use super::listing::Listing;
use super::opening::{Opened, Opening};
use super::output::FileWriter;
use super::reader::FileReader;
use super::sandbox::{Sandbox, done};
use crate::bounds::MAX_FILE_CHUNK_BYTES;

type Fd = Resource<Descriptor>;

impl HostDescriptor for Files<'_> {
    async fn advise(&mut self, fd: Fd, offset: Filesize, len: Filesize, advice: Advice) -> FsResult<()> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, move |mut view, fd| done(view.advise(fd, offset, len, advice))).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.sync_data(fd))).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.get_flags(fd))).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.get_type(fd))).await
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        let wanted = self.wanted(&fd, None)?.changing();
        self.run(wanted, fd, move |mut view, fd| done(view.set_size(fd, size))).await
    }

    async fn set_times(&mut self, fd: Fd, atim: NewTimestamp, mtim: NewTimestamp) -> FsResult<()> {
        let wanted = self.wanted(&fd, None)?.changing();
        self.run(wanted, fd, move |mut view, fd| done(view.set_times(fd, atim, mtim))).await
    }

    async fn read(&mut self, fd: Fd, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let wanted = self.wanted(&fd, None)?;
        let len = len.min(MAX_FILE_CHUNK_BYTES as u64);
        self.run(wanted, fd, move |mut view, fd| done(view.read(fd, len, offset))).await
    }

    async fn write(&mut self, fd: Fd, mut buf: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let wanted = self.wanted(&fd, None)?.changing();
        // Less may be written than was asked for, and an operation may outlive its call: it holds no more than this.
        buf.truncate(MAX_FILE_CHUNK_BYTES);
        buf.shrink_to_fit();
        self.run(wanted, fd, move |mut view, fd| done(view.write(fd, buf, offset))).await
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let wanted = self.wanted(&fd, None)?;
        let room = self.room()?;
        let Descriptor::Dir(dir) = self.handle(&fd)?.descriptor.clone() else {
            return Err(ErrorCode::NotDirectory.into());
        };
        let opened = self.access()?.run(move || Listing::open(&dir)).await?;
        let reader = self.told(&wanted, opened)?;
        let listing = self.table().push(Listing::new(reader, room))?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.sync(fd))).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let wanted = self.wanted(&fd, Some(&path))?.changing();
        self.run(wanted, fd, |mut view, fd| done(view.create_directory_at(fd, path))).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.stat(fd))).await
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let wanted = self.wanted(&fd, Some(&path))?;
        self.run(wanted, fd, move |mut view, fd| done(view.stat_at(fd, flags, path))).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        atim: NewTimestamp,
        mtim: NewTimestamp,
    ) -> FsResult<()> {
        let wanted = self.wanted(&fd, Some(&path))?.changing();
        self.run(wanted, fd, move |mut view, fd| done(view.set_times_at(fd, flags, path, atim, mtim))).await
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        old_path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        let wanted = self.wanted_pair(&fd, &old_path, &new_fd, &new_path)?;
        self.run_pair(wanted, fd, new_fd, move |mut view, fd, new_fd| {
            done(view.link_at(fd, flags, old_path, new_fd, new_path))
        })
        .await
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let mut wanted = self.wanted(&fd, Some(&path))?;
        let changes = [OpenFlags::CREATE, OpenFlags::TRUNCATE];
        if changes.iter().any(|change| open_flags.contains(*change)) || flags.contains(DescriptorFlags::WRITE)
        {
            wanted = wanted.changing();
        }
        let room = self.room()?;
        let shown = joined(&self.handle(&fd)?.path, &path);
        let folder = self.handle(&fd)?.descriptor.clone();
        let opening = Opening { path, path_flags, open_flags, flags };
        let opened = self.access()?.run(move || opening.open(folder)).await?;
        match self.told(&wanted, opened)? {
            Opened::Descriptor(descriptor) => {
                let handle = self.table().push(Handle::opened(descriptor, &shown, room))?;
                Ok(Resource::new_own(handle.rep()))
            }
            Opened::Special => {
                self.refuse(&wanted, Refusal::Special);
                Err(ErrorCode::NotPermitted.into())
            }
        }
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.table().delete(Resource::<Handle>::new_own(fd.rep()))?;
        Ok(())
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let wanted = self.wanted(&fd, Some(&path))?;
        self.run(wanted, fd, |mut view, fd| done(view.readlink_at(fd, path))).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let wanted = self.wanted(&fd, Some(&path))?.changing();
        self.run(wanted, fd, |mut view, fd| done(view.remove_directory_at(fd, path))).await
    }

    async fn rename_at(&mut self, fd: Fd, old_path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        let wanted = self.wanted_pair(&fd, &old_path, &new_fd, &new_path)?;
        self.run_pair(wanted, fd, new_fd, move |mut view, fd, new_fd| {
            done(view.rename_at(fd, old_path, new_fd, new_path))
        })
        .await
    }

    async fn symlink_at(&mut self, fd: Fd, old_path: String, new_path: String) -> FsResult<()> {
        self.check_length(&old_path)?;
        let wanted = self.wanted(&fd, Some(&new_path))?.changing();
        self.run(wanted, fd, |mut view, fd| done(view.symlink_at(fd, old_path, new_path))).await
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let wanted = self.wanted(&fd, Some(&path))?.changing();
        self.run(wanted, fd, |mut view, fd| done(view.unlink_file_at(fd, path))).await
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let file = match &self.handle(&fd)?.descriptor {
            Descriptor::Dir(_) => return Err(ErrorCode::IsDirectory.into()),
            file @ Descriptor::File(_) => file.clone(),
        };
        let room = self.room()?;
        let reader: DynInputStream = Box::new(FileReader::new(file, offset, self.access()?, room));
        Ok(self.table().push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, None)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        let descriptors = (self.handle(&a)?.descriptor.clone(), self.handle(&b)?.descriptor.clone());
        let compare = move || {
            let mut sandbox = Sandbox::new();
            let (a, b) = (sandbox.enter(descriptors.0)?, sandbox.enter(descriptors.1)?);
            let mut view = sandbox.view();
            let same = async move { Ok(view.is_same_object(a, b).await) };
            done(same)
        };
        self.access()?.run(compare).await??
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        let wanted = self.wanted(&fd, None)?;
        self.run(wanted, fd, |mut view, fd| done(view.metadata_hash(fd))).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let wanted = self.wanted(&fd, Some(&path))?;
        self.run(wanted, fd, move |mut view, fd| done(view.metadata_hash_at(fd, flags, path))).await
    }
}

impl Files<'_> {
    fn handle(&mut self, fd: &Fd) -> FsResult<&Handle> {
        Ok(self.table().get(&Resource::<Handle>::new_borrow(fd.rep()))?)
    }

    /// What an operation on this handle, or on this path from it, is about.
    fn wanted(&mut self, fd: &Fd, path: Option<&str>) -> FsResult<Wanted> {
        path.map_or(Ok(()), |path| self.check_length(path))?;
        let handle = self.handle(fd)?;
        let target = path.map_or_else(|| handle.path.to_string(), |path| joined(&handle.path, path));
        Ok(Wanted::new(target, &handle.descriptor))
    }

    /// The same for an operation that changes two folders.
    fn wanted_pair(&mut self, fd: &Fd, path: &str, new_fd: &Fd, new_path: &str) -> FsResult<Wanted> {
        let (old, new) = (self.wanted(fd, Some(path))?, self.wanted(new_fd, Some(new_path))?);
        Ok(old.and(new).changing())
    }

    /// Room for something more that is open.
    fn room(&mut self) -> FsResult<Room> {
        self.access()?.room().ok_or_else(|| ErrorCode::InsufficientMemory.into())
    }

    /// Runs an operation of the engine on one handle.
    async fn run<R: Send + 'static>(
        &mut self,
        wanted: Wanted,
        fd: Fd,
        operation: impl FnOnce(WasiFilesystemCtxView<'_>, Fd) -> FsResult<R> + Send + 'static,
    ) -> FsResult<R> {
        let descriptor = self.handle(&fd)?.descriptor.clone();
        self.waits();
        let access = self.access()?;
        let result = access.run(move || {
            let mut sandbox = Sandbox::new();
            let fd = sandbox.enter(descriptor)?;
            operation(sandbox.view(), fd)
        });
        let result = result.await?;
        self.told(&wanted, result)
    }

    /// The same on two handles.
    async fn run_pair<R: Send + 'static>(
        &mut self,
        wanted: Wanted,
        fd: Fd,
        other: Fd,
        operation: impl FnOnce(WasiFilesystemCtxView<'_>, Fd, Fd) -> FsResult<R> + Send + 'static,
    ) -> FsResult<R> {
        let descriptors = (self.handle(&fd)?.descriptor.clone(), self.handle(&other)?.descriptor.clone());
        self.waits();
        let access = self.access()?;
        let result = access.run(move || {
            let mut sandbox = Sandbox::new();
            let (fd, other) = (sandbox.enter(descriptors.0)?, sandbox.enter(descriptors.1)?);
            operation(sandbox.view(), fd, other)
        });
        let result = result.await?;
        self.told(&wanted, result)
    }

    fn writer(&mut self, fd: &Fd, position: Option<u64>) -> FsResult<Resource<DynOutputStream>> {
        let wanted = self.wanted(fd, None)?.changing();
        let file = self.handle(fd)?.descriptor.clone();
        if let Descriptor::Dir(_) = file {
            return Err(ErrorCode::BadDescriptor.into());
        }
        if wanted.is_read_only() {
            return self.told(&wanted, Err(ErrorCode::NotPermitted.into()));
        }
        let room = self.room()?;
        let writer: DynOutputStream = Box::new(FileWriter::new(file, position, self.access()?, room));
        Ok(self.table().push(writer)?)
    }
}
