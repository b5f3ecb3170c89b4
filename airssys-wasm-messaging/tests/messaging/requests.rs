//! Every requester hears exactly one answer, whatever becomes of its request.

use std::error::Error;

use crate::support::{config, sender};
use airssys_wasm_core::{CorrelationId, MailboxConfig, MessagePayload, Overflow, RequestError, SendError};
use airssys_wasm_messaging::{DeadLetterCause, DeadLetters, Envelope, Mailbox, ReplySlot, ReplyWait};

type Outcome = Result<(), Box<dyn Error>>;

fn request() -> Result<(Envelope, ReplyWait), Box<dyn Error>> {
    let (slot, wait) = ReplySlot::new(CorrelationId::new(7));
    Ok((Envelope::request(sender()?, "ask".into(), slot), wait))
}

#[tokio::test]
async fn an_answer_reaches_the_requester_once() -> Outcome {
    let (envelope, mut wait) = request()?;
    let slot = envelope.into_reply_slot().ok_or("a slot")?;
    assert_eq!((slot.correlation(), wait.correlation()), (CorrelationId::new(7), CorrelationId::new(7)));
    assert_eq!(wait.try_take(), None);
    assert!(!slot.is_abandoned());
    assert!(slot.answer(Ok(MessagePayload::from("yes"))));
    assert_eq!(wait.await, Ok("yes".into()));
    Ok(())
}

#[test]
fn a_late_answer_is_discarded_and_said_so() -> Outcome {
    let (envelope, wait) = request()?;
    let slot = envelope.into_reply_slot().ok_or("a slot")?;
    drop(wait);
    assert!(slot.is_abandoned());
    assert!(!slot.answer(Ok(MessagePayload::empty())));
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_let_go_is_answered() -> Outcome {
    let (mailbox, receiver) = Mailbox::new(&MailboxConfig::default());
    let (envelope, wait) = request()?;
    assert!(mailbox.try_push(envelope).is_ok());
    // The senders' side stays: the request must not lie in it for ever.
    drop(receiver);
    assert!(matches!(wait.await, Err(RequestError::ReceiverEnded { .. })));
    drop(mailbox);
    Ok(())
}

#[tokio::test]
async fn a_buried_request_is_told_the_cause() -> Outcome {
    let letters = DeadLetters::new(None);
    let receiver = "logs/parser/0".parse()?;
    letters.expect(&receiver);
    for (cause, expected) in [
        (DeadLetterCause::Overflow, RequestError::Refused(SendError::Full)),
        (
            DeadLetterCause::ReceiverEnded("out of fuel".to_owned()),
            RequestError::ReceiverEnded { cause: "out of fuel".to_owned() },
        ),
    ] {
        let (envelope, wait) = request()?;
        letters.bury(&receiver, envelope, &cause);
        assert_eq!(wait.await, Err(expected));
    }
    assert_eq!(
        (letters.total(), letters.of(&"logs/parser".parse()?), letters.of(&"logs/stats".parse()?)),
        (2, 2, 0)
    );
    letters.forget(&receiver);
    assert_eq!((letters.total(), letters.of(&receiver)), (2, 0));
    // What was on its way to its burial by then brings nothing back.
    letters.bury(&receiver, request()?.0, &DeadLetterCause::Overflow);
    assert_eq!((letters.total(), letters.of(&receiver)), (3, 0));
    Ok(())
}

#[tokio::test]
async fn a_request_pushed_out_by_newer_ones_is_answered() -> Outcome {
    let (mailbox, _receiver) = Mailbox::new(&config(1, 100, Overflow::DropOldest));
    let (envelope, wait) = request()?;
    assert!(mailbox.try_push(envelope).is_ok());
    let pushed = mailbox.try_push(Envelope::new(sender()?, "newer".into())).map_err(|(error, _)| error)?;
    drop(pushed);
    assert!(matches!(wait.await, Err(RequestError::ReceiverEnded { .. })));
    Ok(())
}
