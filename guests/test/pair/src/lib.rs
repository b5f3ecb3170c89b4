//! Plays ping-pong with another of its kind, as fast as the host can carry the ball.
//!
//! The first message names the other player. From then on every message is the ball: it is sent
//! on as it came. The message `report` is answered with how many balls were handled and how many
//! the host refused to carry, as two decimal numbers with a space between.

use std::cell::RefCell;

use airssys::core::messaging::Peer;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

thread_local! {
    static PLAYER: RefCell<Option<Player>> = const { RefCell::new(None) };
}

struct Player {
    other: Peer,
    handled: u64,
    refused: u64,
}

impl Player {
    fn against(name: &[u8]) -> Result<Self, HandlerError> {
        let name = str::from_utf8(name)
            .map_err(|_| HandlerError::InvalidMessage("the first message names the other".into()))?;
        match Peer::resolve(name) {
            Ok(other) => Ok(Self { other, handled: 0, refused: 0 }),
            Err(error) => Err(HandlerError::Failed(error.to_string())),
        }
    }

    fn report(&self) -> Payload {
        let data = format!("{} {}", self.handled, self.refused).into_bytes();
        Payload { data, content_type: Some("text/plain".into()) }
    }

    fn hit(&mut self, ball: &Payload) {
        self.handled += 1;
        if self.other.send(ball).is_err() {
            self.refused += 1;
        }
    }
}

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let ball = message.payload;
        PLAYER.with_borrow_mut(|player| match player {
            None => {
                *player = Some(Player::against(&ball.data)?);
                Ok(None)
            }
            Some(player) if ball.data == b"report" => Ok(Some(player.report())),
            Some(player) => {
                player.hit(&ball);
                Ok(None)
            }
        })
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
