//! Opens files, folders and streams without end, and keeps them.
//!
//! `FOLDER` is a path that was granted, and holds a file `file`. Answered with the number of what was open when the
//! host refused more, and the name of its error. A message `ping` is answered with `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::{ErrorCode, granted, name, open};

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// More of each kind than the host has room for.
const TRIES: usize = 500;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let path = String::from_utf8_lossy(&message.payload.data).into_owned();
        let answer = if path == "ping" { "pong".to_owned() } else { flood(&path) };
        Ok(Some(Payload { data: answer.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn flood(path: &str) -> String {
    let Some(folder) = granted(path) else { return "no such folder".to_owned() };
    let (mut files, mut readers, mut listings) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = "nothing refused".to_owned();
    let mut note = |code: ErrorCode| last = name(code);
    for _ in 0..TRIES {
        match open(&folder, "file") {
            Ok(file) => {
                match file.read_via_stream(0) {
                    Ok(reader) => {
                        // Has a part of the file read, which is held.
                        let _ = reader.read(1 << 20);
                        readers.push(reader);
                    }
                    Err(code) => note(code),
                }
                files.push(file);
            }
            Err(code) => note(code),
        }
        match folder.read_directory() {
            Ok(listing) => {
                let _ = listing.read_directory_entry();
                listings.push(listing);
            }
            Err(code) => note(code),
        }
    }
    format!("{} {last}", files.len() + readers.len() + listings.len())
}

export!(Component);
