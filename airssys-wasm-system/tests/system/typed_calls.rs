//! Exported functions are called through the actor that owns the component, like messages and beside them.

use airssys_wasm_core::{
    Address, CallError, EncodedValues, MAX_FUNCTION_NAME_BYTES, MailboxConfig, RequestError, SendError,
    ValueFormat,
};
use airssys_wasm_system::{
    Component, ComponentRef, ComponentStatus, DeadLetterCause, Event, Host, InvokeError,
};

use crate::support::{at_once, guest, host};

/// A guest without a handler, with time to spare.
fn typed() -> Component {
    guest("typed").max_fuel(1_000_000_000).timeout_ms(20_000)
}

async fn wave(component: &ComponentRef, function: &str, arguments: &str) -> Result<String, RequestError> {
    let result = component.invoke(function, EncodedValues::wave(arguments)).await?;
    Ok(result.text().unwrap().to_owned())
}

fn status(host: &Host, address: &Address) -> ComponentStatus {
    host.status_of(address).remove(0)
}

#[tokio::test]
async fn a_function_is_called_and_answers_in_the_form_of_its_arguments() {
    let host = host();
    let typed = host.start(typed()).await.unwrap();
    assert_eq!(wave(&typed, "add", "1, 2").await.as_deref(), Ok("3"));
    let json = typed.invoke("add", EncodedValues::json("[1, 2]")).await.unwrap();
    assert_eq!(json, EncodedValues::new(ValueFormat::Json, "3"));
    let cbor = typed.invoke("add", EncodedValues::cbor(vec![0x82, 1, 2])).await.unwrap();
    assert_eq!(cbor, EncodedValues::new(ValueFormat::Cbor, vec![3]));
    let borsh = typed.invoke("add", EncodedValues::borsh(vec![1, 0, 0, 0, 2, 0, 0, 0])).await.unwrap();
    assert_eq!(borsh, EncodedValues::new(ValueFormat::Borsh, vec![3, 0, 0, 0]));
    let mixed = typed.invoke_as("add", EncodedValues::wave("1, 2"), ValueFormat::Json).await.unwrap();
    assert_eq!(mixed, EncodedValues::new(ValueFormat::Json, "3"));
    assert_eq!(status(&host, typed.address()).handled, 5);
    host.shutdown().await;
}

#[tokio::test]
async fn a_reply_has_the_prefix_of_its_request() {
    let host = host();
    let typed = host.start(typed()).await.unwrap();
    let json = typed.invoke_multicodec("add", b"\x80\x04[1, 2]").await.unwrap();
    assert_eq!(json, b"\x80\x043");
    let cbor = typed.invoke_multicodec("add", &[0x51, 0x82, 1, 2]).await.unwrap();
    assert_eq!(cbor, [0x51, 3]);
    let borsh = [0x81, 0x8e, 0xc0, 0x01, 1, 0, 0, 0, 2, 0, 0, 0];
    assert_eq!(typed.invoke_multicodec("add", &borsh).await.unwrap(), [0x81, 0x8e, 0xc0, 0x01, 3, 0, 0, 0]);
    let unknown = typed.invoke_multicodec("add", &[0x55, 1]).await.unwrap_err();
    assert!(matches!(unknown, InvokeError::Codec(_)), "{unknown:?}");
    let wrong = typed.invoke_multicodec("add", b"\x80\x04[1]").await.unwrap_err();
    assert!(matches!(wrong, InvokeError::Call(RequestError::Call(_))), "{wrong:?}");
    host.shutdown().await;
}

#[tokio::test]
async fn a_component_without_a_handler_takes_calls_and_no_messages() {
    let host = host();
    let typed = host.start(typed()).await.unwrap();
    assert_eq!(typed.request("hello").await, Err(RequestError::Refused(SendError::NoHandler)));
    assert_eq!(wave(&typed, "add", "1, 2").await.as_deref(), Ok("3"));
    host.shutdown().await;
}

#[tokio::test]
async fn what_did_not_come_to_a_call_is_told_and_the_component_goes_on() {
    let host = host();
    let typed = host.start(typed()).await.unwrap();
    wave(&typed, "remember", "7").await.unwrap();
    let Err(RequestError::Call(error)) = wave(&typed, "ad", "1").await else { panic!("it is unknown") };
    assert!(matches!(*error, CallError::UnknownFunction { .. }), "{error:?}");
    let Err(RequestError::Call(error)) = wave(&typed, "add", "1, -2").await else { panic!("it is negative") };
    assert!(matches!(&*error, CallError::Argument { parameter, .. } if parameter == "right"), "{error:?}");
    let name = "f".repeat(MAX_FUNCTION_NAME_BYTES + 1);
    let Err(RequestError::Call(error)) = wave(&typed, &name, "").await else { panic!("it is too long") };
    assert!(matches!(*error, CallError::NameTooLong { .. }), "{error:?}");
    assert_eq!(wave(&typed, "remembered", "").await.as_deref(), Ok("7"), "the same instance");
    assert_eq!(status(&host, typed.address()).restarts, 0);
    host.shutdown().await;
}

#[tokio::test]
async fn arguments_are_held_against_the_largest_message_and_the_mailbox() {
    let host = host();
    let typed = host.start(typed().max_message_bytes(10)).await.unwrap();
    assert_eq!(wave(&typed, "add", "1, 2      ").await.as_deref(), Ok("3"), "ten bytes");
    let refused = wave(&typed, "add", "1, 2       ").await;
    assert_eq!(refused, Err(RequestError::Refused(SendError::TooLarge(10))));
    host.shutdown().await;
    let host = self::host();
    let mailbox = MailboxConfig { max_bytes: 20, ..MailboxConfig::default() };
    let narrow = crate::typed_calls::typed().max_message_bytes(10).mailbox(mailbox);
    let narrow = host.start(narrow).await.unwrap();
    assert_eq!(wave(&narrow, "add", "1, 2").await.as_deref(), Ok("3"));
    let long = "f".repeat(17);
    let refused = wave(&narrow, &long, "1, 2").await;
    assert_eq!(refused, Err(RequestError::Refused(SendError::TooLarge(20))), "the name counts as well");
    host.shutdown().await;
}

#[tokio::test]
async fn a_call_that_a_limit_ends_is_a_dead_letter_and_the_next_instance_goes_on() {
    let host = host();
    let mut events = host.events();
    let spinning = guest("spin_in_function").timeout_ms(20).max_fuel(u64::MAX);
    let ceilings =
        airssys_wasm_core::Ceilings { max_fuel: u64::MAX, ..airssys_wasm_core::Ceilings::default() };
    let spinning = host.start(spinning.within(ceilings).supervision(at_once(3))).await.unwrap();
    let ended = wave(&spinning, "spin", "").await;
    assert_eq!(ended, Err(RequestError::ReceiverEnded { cause: "timeout".to_owned() }));
    assert_eq!(wave(&spinning, "answer", "").await.as_deref(), Ok("42"), "from the next instance");
    let status = status(&host, spinning.address());
    assert_eq!((status.kills.timeout, status.restarts, status.dead_letters, status.handled), (1, 1, 1, 1));
    let cause = loop {
        if let Event::DeadLetter { cause, .. } = events.next().await.unwrap() {
            break cause;
        }
    };
    assert_eq!(cause, DeadLetterCause::ReceiverEnded("timeout".to_owned()));
    host.shutdown().await;
}

#[tokio::test]
async fn calls_wait_their_turn_and_are_answered_by_one_instance_after_the_other() {
    let host = host();
    let typed = host.start(typed()).await.unwrap();
    let calls: Vec<_> = (0..50_u32)
        .map(|number| {
            let typed = typed.clone();
            tokio::spawn(async move { wave(&typed, "add", &format!("{number}, 1")).await })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), (number + 1).to_string());
    }
    assert_eq!(status(&host, typed.address()).handled, 50);
    host.shutdown().await;
    assert!(wave(&typed, "add", "1, 2").await.is_err(), "there is nobody left");
}
