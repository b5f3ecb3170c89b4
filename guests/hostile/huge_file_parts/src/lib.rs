//! Reads and writes files in one piece, and names them by huge paths.
//!
//! `read FOLDER` and `write FOLDER` answer with the most bytes of the file `file` that one operation read or wrote;
//! `path FOLDER` answers with the length of the longest path that the host looked at. A message `ping` is answered with
//! `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::{Descriptor, ErrorCode, PathFlags, create, granted, open};

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Far more than one operation may move.
const HUGE_BYTES: usize = 512 * 1024;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let answer = match order.split_once(' ') {
            Some((verb, path)) => {
                let folder =
                    granted(path).ok_or_else(|| HandlerError::Failed("no such folder".to_owned()))?;
                let most = match verb {
                    "read" => most_read(&folder),
                    "write" => most_written(&folder),
                    _ => longest_path(&folder),
                };
                most.map_err(|code| HandlerError::Failed(code.name().to_owned()))?.to_string()
            }
            None => "pong".to_owned(),
        };
        Ok(Some(Payload { data: answer.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn most_read(folder: &Descriptor) -> Result<u64, ErrorCode> {
    let file = open(folder, "file")?;
    let by_handle = file.read(u64::MAX, 0)?.0.len();
    let stream = file.read_via_stream(0)?;
    let by_stream = stream.blocking_read(u64::MAX).map_or(0, |part| part.len());
    Ok(by_handle.max(by_stream) as u64)
}

fn most_written(folder: &Descriptor) -> Result<u64, ErrorCode> {
    let file = create(folder, "file")?;
    let by_handle = file.write(&vec![b'x'; HUGE_BYTES], 0)?;
    let permitted = file.write_via_stream(0)?.check_write().unwrap_or(0);
    Ok(by_handle.max(permitted))
}

fn longest_path(folder: &Descriptor) -> Result<u64, ErrorCode> {
    let mut longest = 0;
    let mut path = String::new();
    // A path of short parts, which the system itself would go through one by one.
    while path.len() < HUGE_BYTES {
        let step = if path.len() < 8_192 { 64 } else { 65_536 };
        path.push_str(&"./".repeat(step / 2));
        let looked = folder.stat_at(PathFlags::SYMLINK_FOLLOW, &path).map(drop);
        if looked != Err(ErrorCode::NameTooLong) {
            longest = path.len() as u64;
        }
    }
    Ok(longest)
}

export!(Component);
