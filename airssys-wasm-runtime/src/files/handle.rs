//! What the host keeps for the handles that one instance has on files.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;

use super::error::unfinished;
use super::grant::Folder;
use super::threads::FileThreads;
use super::work::{FileWork, UnderWay, Unfinished};
use crate::bounds::{MAX_OPEN_FILES, MAX_SHOWN_PATH_BYTES};
use crate::text::head;

/// The files of one instance.
#[derive(Debug, Clone)]
pub(crate) struct FileAccess {
    folders: Arc<[Folder]>,
    threads: Arc<FileThreads>,
    work: FileWork,
    open: Arc<AtomicUsize>,
}

impl FileAccess {
    pub(super) fn new(folders: Vec<Folder>, threads: Arc<FileThreads>, work: FileWork) -> Self {
        Self { folders: folders.into(), threads, work, open: Arc::default() }
    }

    pub(super) fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// Room for one more thing that is open; none where there is too much.
    pub(super) fn room(&self) -> Option<Room> {
        let more = |open: usize| (open < MAX_OPEN_FILES).then_some(open + 1);
        self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Room(Arc::clone(&self.open)))
    }

    /// Runs an operation on a thread that may block.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        operation: impl FnOnce() -> R + Send + 'static,
    ) -> FsResult<R> {
        let place = self.work.place().await.map_err(unfinished)?;
        place.begin(&self.threads, operation).result().await.map_err(unfinished)
    }

    /// Begins an operation when there is a place for it.
    pub(super) async fn begin<R: Send + 'static>(
        &self,
        operation: impl FnOnce() -> R + Send + 'static,
    ) -> Result<UnderWay<R>, Unfinished> {
        Ok(self.work.place().await?.begin(&self.threads, operation))
    }

    /// Begins an operation where there is a place for it now; else it is not begun.
    pub(super) fn begin_now<R: Send + 'static>(
        &self,
        operation: impl FnOnce() -> R + Send + 'static,
    ) -> Option<UnderWay<R>> {
        Some(self.work.place_now()?.begin(&self.threads, operation))
    }
}

/// Something that is open, counted until this is dropped.
#[derive(Debug)]
pub(super) struct Room(Arc<AtomicUsize>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A handle of the guest on a file or a folder.
pub(super) struct Handle {
    pub(super) descriptor: Descriptor,
    /// The path that it was opened by, as far as it is shown.
    pub(super) path: Arc<str>,
    /// None for a folder that was granted: it is open as long as the instance lives.
    _room: Option<Room>,
}

impl Handle {
    /// On a folder that was granted.
    pub(super) fn granted(folder: &Folder) -> Self {
        let descriptor = Descriptor::Dir(folder.dir.clone());
        Self { descriptor, path: Arc::clone(&folder.path), _room: None }
    }

    /// On what was opened.
    pub(super) fn opened(descriptor: Descriptor, path: &str, room: Room) -> Self {
        Self { descriptor, path: head(path, MAX_SHOWN_PATH_BYTES).into(), _room: Some(room) }
    }
}

/// The whole path of `path` within a folder, for those who are told of it.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let path = head(path, MAX_SHOWN_PATH_BYTES);
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", folder.trim_end_matches('/')) }
}
