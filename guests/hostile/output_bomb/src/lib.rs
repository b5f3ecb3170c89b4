//! Floods its standard output.
//!
//! `attack` writes as many empty lines as one write may have, and then, in spite of that, sixteen times as many in one
//! write; `flood` writes a line of 64 KiB and then empty lines without end. A message `ping` is answered with `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::stdout::get_stdout;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let output = get_stdout();
        let data = match message.payload.data.as_slice() {
            b"ping" => b"pong".to_vec(),
            b"attack" => {
                let permitted = usize::try_from(output.check_write().unwrap_or(0)).unwrap_or(0);
                let _ = output.write(&vec![b'\n'; permitted]);
                let _ = output.write(&vec![b'\n'; 16 * permitted]);
                Vec::new()
            }
            _ => {
                for _ in 0..16 {
                    let _ = output.blocking_write_and_flush(&[b'a'; 4_096]);
                }
                loop {
                    let _ = output.blocking_write_and_flush(&[b'\n'; 4_096]);
                }
            }
        };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
