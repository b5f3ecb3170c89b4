//! Looks for what it was not given of the host's environment: variables, arguments, the folder that the host was
//! started in, and its standard input.
//!
//! `NAMES`, joined by spaces, are the variables that it may see; answered with the number of everything else that it
//! found. A message `ping` is answered with `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;
use wasi_files::{environment, stdin};

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let names = String::from_utf8_lossy(&message.payload.data).into_owned();
        let answer = if names == "ping" { "pong".to_owned() } else { found(&names).to_string() };
        Ok(Some(Payload { data: answer.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn found(names: &str) -> usize {
    let given: Vec<_> = names.split(' ').collect();
    let variables = environment::get_environment();
    let others = variables.iter().filter(|(name, _)| !given.contains(&name.as_str())).count();
    let input = stdin::get_stdin().blocking_read(1).is_ok_and(|part| !part.is_empty());
    others
        + environment::get_arguments().len()
        + usize::from(environment::initial_cwd().is_some())
        + usize::from(input)
}

export!(Component);
