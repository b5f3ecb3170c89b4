//! What the guard is asked of each message: when it is asked again, and that no way leads past it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::player::{LONG, Outcome, Player, drive, now};
use crate::support::{HANG, config, ready};
use airssys_wasm_core::{
    Address, Admission, Codec, CodecSet, DenialRule, Guard, Invocation, MessagePayload, MessageRouter,
    Overflow, RequestError, SendError, Topic, TopicPattern, ValueFormat,
};
use airssys_wasm_messaging::{CorrelationSource, Envelope, ReplySlot, Router};

/// Allows everybody everything up to a size, which may change; each decision stands for the size at its time.
#[derive(Debug)]
struct UpTo(AtomicUsize);

#[derive(Debug)]
struct Most(usize);

impl Admission for Most {
    fn admit(&self, weight: usize) -> Result<(), SendError> {
        if weight > self.0 { Err(SendError::TooLarge(self.0 as u64)) } else { Ok(()) }
    }
}

impl Guard for UpTo {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Most(self.0.load(Ordering::Relaxed))))
    }
}

/// By which way a message waits for room.
#[derive(Debug, Clone, Copy)]
enum Way {
    Host,
    Send,
    Call,
}

#[tokio::test]
async fn what_waits_for_room_is_held_to_the_rights_of_the_time_when_it_gets_it() -> Outcome {
    for (way, now_at_most) in
        [Way::Host, Way::Send, Way::Call].into_iter().flat_map(|way| [(way, 5), (way, 6)])
    {
        let guard = Arc::new(UpTo(AtomicUsize::new(100)));
        let router = Router::new(Arc::<UpTo>::clone(&guard));
        let mut full = Player::with(&router, "t/to/0", &config(1, 1_000, Overflow::Wait))?;
        let sender = Player::new(&router, "t/a/0")?;
        let (link, to) = (sender.link("t/to")?, "t/to".parse()?);
        let host = router.open_link(&Address::host("input")?, &to)?;
        link.send("fills it".into())?;
        let payload = || MessagePayload::from("sixsix");
        let mut waiting = match way {
            Way::Host => {
                pin_outcome(async { host.send_waiting(payload(), None).await.map_err(|back| back.error) })
            }
            Way::Send => {
                assert_eq!(link.send(payload()).map_err(|back| back.error), Err(SendError::Full));
                let wait = link.send_when_room(payload(), LONG);
                pin_outcome(async { wait.await.map_err(|back| back.error) })
            }
            Way::Call => {
                let call = link.call(payload(), LONG);
                pin_outcome(async {
                    match call.await {
                        Err(RequestError::Refused(error)) => Err(error),
                        _ => Ok(()),
                    }
                })
            }
        };
        assert!(ready(waiting.as_mut()).is_none());
        guard.0.store(now_at_most, Ordering::Relaxed);
        router.invalidate();
        assert_eq!(full.next().await?.payload, "fills it".into());
        if now_at_most < payload().weight() {
            let refused = timeout(HANG, waiting).await?;
            assert_eq!(refused, Err(SendError::TooLarge(now_at_most as u64)), "{way:?}");
            assert!(full.mailbox.try_next().is_none());
        } else {
            let (sent, handled) = tokio::join!(waiting, async {
                let slot = full.mailbox.next().await.and_then(Envelope::into_reply_slot);
                slot.map(|slot| slot.answer(Ok("done".into())))
            });
            assert_eq!((sent, handled), (Ok(()), matches!(way, Way::Call).then_some(true)), "{way:?}");
        }
    }
    Ok(())
}

fn pin_outcome<'a>(
    outcome: impl Future<Output = Result<(), SendError>> + 'a,
) -> Pin<Box<dyn Future<Output = Result<(), SendError>> + 'a>> {
    Box::pin(outcome)
}

/// Allows everybody everything in one codec.
#[derive(Debug)]
struct InJson;

impl Admission for InJson {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        Ok(())
    }

    fn admit_message(&self, payload: &MessagePayload) -> Result<(), SendError> {
        let is_json = CodecSet::of(Codec::Json).admits(payload.bytes());
        if is_json { Ok(()) } else { Err(SendError::Denied(DenialRule::Codecs)) }
    }
}

impl Guard for InJson {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Self))
    }

    fn authorise_reminder(&self, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Self))
    }

    fn authorise_publication(&self, _: &Address, _: &Topic) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_subscription(&self, _: &Address, _: &TopicPattern) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_receipt(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Self))
    }
}

#[tokio::test]
async fn every_way_asks_for_the_codec_and_only_a_typed_call_does_not() -> Outcome {
    let router = Router::new(Arc::new(InJson));
    let _driver = drive(&router)?;
    let (mut a, mut b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    router.subscribe(&b.id, &"a.#".parse()?)?;
    let (link, own, to) = (a.link("t/b")?, a.id.address().clone(), "t/b".parse()?);
    let host = Address::host("input")?;
    let denied = SendError::Denied(DenialRule::Codecs);
    let (plain, json): (MessagePayload, MessagePayload) = ("[1]".into(), b"\x80\x04[1]".to_vec().into());
    assert_eq!(link.send(plain.clone()).map_err(|back| back.error), Err(denied.clone()));
    assert_eq!(link.request(plain.clone(), LONG).map_err(|back| back.error), Err(denied.clone()));
    assert_eq!(link.call(plain.clone(), LONG).await, Err(RequestError::Refused(denied.clone())));
    let sent = router.send_from_host(&host, &to, plain.clone(), None);
    assert_eq!(sent.map_err(|back| back.error), Err(denied.clone()));
    assert_eq!(now(router.publish(&a.id, &"a.b".parse()?, &plain)), Ok(0));
    // Later: to another one, and to itself.
    router.send_after(&a.id, &to, plain.clone(), Duration::ZERO)?;
    router.send_after(&a.id, &own, plain.clone(), Duration::ZERO)?;
    let buried = async {
        while router.dead_letters().total() < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(HANG, buried).await?;
    assert_eq!(router.traffic(&own).map(|traffic| traffic.denied), Some(6));
    assert!(a.mailbox.try_next().is_none() && b.mailbox.try_next().is_none());

    assert_eq!(link.send(json.clone()), Ok(()));
    assert_eq!(now(router.publish(&a.id, &"a.b".parse()?, &json)), Ok(1));
    let request = link.request(json.clone(), LONG)?;
    router.send_after(&a.id, &own, json.clone(), Duration::ZERO)?;
    for _ in 0..2 {
        assert_eq!(b.next().await?.payload, json);
    }
    // The form of a reply is the replier's affair.
    assert!(b.reply("[1]").await?);
    let mut payloads = Vec::new();
    for _ in 0..2 {
        payloads.push(a.next().await?.payload);
    }
    payloads.sort_by_key(MessagePayload::weight);
    assert_eq!(payloads, [plain.clone(), json]);
    assert!(request.get() > 0);
    let invocation = Invocation::new("add", ValueFormat::Json, ValueFormat::Json)?;
    let (slot, _wait) = ReplySlot::for_invocation(CorrelationSource::new().next_id(), invocation);
    assert_eq!(router.send_from_host(&host, &to, plain.clone(), Some(slot)), Ok(()));
    assert_eq!(b.next().await?.payload, plain);
    Ok(())
}
