//! The standard interfaces of files, streams and environment, for guests that try what they may do.

wit_bindgen::generate!({ path: "wit", world: "files", generate_all });

pub use wasi::cli::{environment, stderr, stdin, stdout};
pub use wasi::filesystem::preopens::get_directories;
pub use wasi::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, DescriptorType, DirectoryEntryStream, ErrorCode, NewTimestamp,
    OpenFlags, PathFlags, filesystem_error_code,
};
pub use wasi::io::streams::{InputStream, OutputStream, StreamError};

/// The folder that the host granted under this path.
pub fn granted(path: &str) -> Option<Descriptor> {
    get_directories().into_iter().find(|(_, granted)| granted == path).map(|(folder, _)| folder)
}

/// The name of an error in the interface's own words, as far as its variants tell it: `NotPermitted`.
pub fn name(code: ErrorCode) -> String {
    code.name().to_owned()
}

/// Opens a file to read it, links followed.
pub fn open(folder: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    folder.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), DescriptorFlags::READ)
}

/// Opens a file to write it, links followed; it is made where it is not there.
pub fn create(folder: &Descriptor, path: &str) -> Result<Descriptor, ErrorCode> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    folder.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::CREATE, flags)
}

/// The beginning of a file.
pub fn read(folder: &Descriptor, path: &str) -> Result<Vec<u8>, ErrorCode> {
    Ok(open(folder, path)?.read(4_096, 0)?.0)
}

/// Writes a file anew.
pub fn write(folder: &Descriptor, path: &str, bytes: &[u8]) -> Result<u64, ErrorCode> {
    create(folder, path)?.write(bytes, 0)
}

/// What a stream's error stands for.
pub fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => {
            filesystem_error_code(&error).map_or_else(|| "unknown".to_owned(), name)
        }
    }
}
