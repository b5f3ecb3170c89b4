//! The audit log as somebody alters it.

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use airssys_wasm_core::{
    Address, AuditEvent, AuditKind, AuditReason, AuditTarget, CorrelationId, DenialRule,
    MAX_AUDIT_REASON_BYTES, SendError,
};
use airssys_wasm_security::{
    AuditChain, AuditEntry, AuditFault, AuditHash, AuditHead, AuditVerifier, BadAuditRecord,
    MAX_AUDIT_RECORD_BYTES,
};
use proptest::prelude::*;
use proptest::sample::Index;

type Outcome = Result<(), Box<dyn Error>>;

fn entry(number: u64, event: AuditEvent) -> AuditEntry {
    AuditEntry { time: UNIX_EPOCH + Duration::from_micros(1_767_323_045_678_901 + number), event }
}

fn denied(number: u64) -> AuditEvent {
    let (sender, target) = ("logs/a/0".parse(), "logs/b".parse());
    let (Ok(sender), Ok(target)) = (sender, target) else { panic!("both are addresses") };
    let correlation = number.is_multiple_of(2).then(|| CorrelationId::new(number));
    AuditEvent::denied(sender, target, DenialRule::SendTo, SendError::TooLarge(number), correlation)
}

/// A file that begins, holds so many denials, and goes on with this chain.
fn file(chain: &mut AuditChain, denials: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reason = Some(AuditReason::text("\"quoted\" \u{7} ü"));
    chain.append(&entry(0, AuditEvent::of_log(AuditKind::Begun, reason)), &mut bytes);
    for number in 0..denials {
        chain.append(&entry(number, denied(number)), &mut bytes);
    }
    bytes
}

fn log(denials: u64) -> Vec<u8> {
    file(&mut AuditChain::new(), denials)
}

/// The head of these files, or the first bad record with the number of its file.
fn verify(files: &[&[u8]]) -> Result<Option<AuditHead>, (usize, BadAuditRecord)> {
    let mut verifier = AuditVerifier::new();
    for (number, file) in files.iter().enumerate() {
        verifier.feed(file).and_then(|()| verifier.end_file()).map_err(|bad| (number, bad))?;
    }
    Ok(verifier.head())
}

fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').collect()
}

#[track_caller]
fn check_bad(log: &[u8], line: u64, fault: &AuditFault) {
    assert_eq!(verify(&[log]), Err((0, BadAuditRecord { line, fault: fault.clone() })));
}

#[test]
fn a_record_has_exactly_this_form() -> Outcome {
    let mut chain = AuditChain::new();
    let mut out = Vec::new();
    let reason = AuditReason::text("a \"b\"\n");
    chain.append(&entry(0, AuditEvent::about(AuditKind::Failed, "a/b/0".parse()?, Some(reason))), &mut out);
    let body = "{\"sequence\":0,\"time\":\"2026-01-02T03:04:05.678901Z\",\"kind\":\"failed\",\"sender\":null,\
                \"target\":\"a/b/0\",\"rule\":null,\"reason\":\"a \\\"b\\\"\\\\u{a}\",\"correlation\":null,\
                \"previous\":\"0000000000000000000000000000000000000000000000000000000000000000\"";
    let first = AuditHash::of(body.as_bytes());
    assert_eq!(String::from_utf8(out)?, format!("{body},\"hash\":\"{first}\"}}\n"));
    let mut out = Vec::new();
    chain.append(&entry(1, denied(4)), &mut out);
    let body = format!(
        "{{\"sequence\":1,\"time\":\"2026-01-02T03:04:05.678902Z\",\"kind\":\"denied\",\"sender\":\"logs/a/0\",\
         \"target\":\"logs/b\",\"rule\":\"capabilities.messaging.send_to\",\
         \"reason\":\"larger than the 4 bytes that the receiver takes\",\"correlation\":4,\
         \"previous\":\"{first}\""
    );
    assert_eq!(
        String::from_utf8(out)?,
        format!("{body},\"hash\":\"{}\"}}\n", AuditHash::of(body.as_bytes()))
    );
    Ok(())
}

#[test]
fn the_longest_record_fits() -> Outcome {
    let part = "a".repeat(64);
    let longest: Address = format!("{part}/{part}/{part}").parse()?;
    for reason in ["\"".repeat(MAX_AUDIT_REASON_BYTES), "\u{7f}".repeat(MAX_AUDIT_REASON_BYTES)] {
        let mut event = AuditEvent::about(AuditKind::LoadRefused, longest.clone(), None);
        event.sender = Some(longest.clone());
        event.target = Some(AuditTarget::text(&reason));
        event.rule = Some(DenialRule::MessageSize.manifest_key());
        event.reason = Some(AuditReason::text(&reason));
        event.correlation = Some(CorrelationId::new(u64::MAX));
        let mut out = Vec::new();
        AuditChain::new().append(&entry(0, event), &mut out);
        // Its number may be longer by the digits of the largest one.
        assert!(out.len() + 19 <= MAX_AUDIT_RECORD_BYTES, "{}", out.len());
    }
    Ok(())
}

#[test]
fn a_whole_log_is_whole() -> Outcome {
    let mut chain = AuditChain::new();
    let files = [file(&mut chain, 5), file(&mut chain, 0), file(&mut chain, 3)];
    let [first, second, third] = &files;
    let head = AuditHead { sequence: 10, hash: chain.last_hash(), is_closed: false };
    assert_eq!(verify(&[first, second, third]), Ok(Some(head)));
    assert_eq!(verify(&[second, third]), Ok(Some(head)));
    assert_eq!(verify(&[third]), Ok(Some(head)));
    let missing = AuditFault::OutOfSequence { expected: 6, found: 7 };
    assert_eq!(verify(&[first, third]), Err((1, BadAuditRecord { line: 1, fault: missing })));
    let earlier = AuditFault::OutOfSequence { expected: 11, found: 0 };
    assert_eq!(verify(&[third, first]), Err((1, BadAuditRecord { line: 1, fault: earlier })));
    let last = lines(third).pop().and_then(|line| line.strip_suffix(b"\n")).ok_or("a line")?;
    assert_eq!(AuditChain::after(last)?, chain);
    Ok(())
}

#[test]
fn a_file_of_another_log_does_not_follow() {
    let mut chain = AuditChain::new();
    let first = file(&mut chain, 2);
    let mut other = AuditChain::new();
    let mut foreign = Vec::new();
    other.append(&entry(9, AuditEvent::of_log(AuditKind::Begun, None)), &mut foreign);
    other.append(&entry(9, denied(1)), &mut foreign);
    other.append(&entry(9, denied(2)), &mut foreign);
    let found = other.last_hash();
    let second = file(&mut other, 1);
    let fault = AuditFault::NotChained { expected: chain.last_hash(), found };
    assert_eq!(verify(&[&first, &second]), Err((1, BadAuditRecord { line: 1, fault })));
}

#[test]
fn what_is_no_log_is_refused() {
    check_bad(b"", 1, &AuditFault::Empty);
    check_bad(b"\n", 1, &AuditFault::NotARecord);
    check_bad(b"{}\n", 1, &AuditFault::NotARecord);
    check_bad(&[0; 100_000], 1, &AuditFault::TooLong);
    check_bad(&[b'\n'; 10], 1, &AuditFault::NotARecord);
    let whole = log(2);
    check_bad(&[&whole, &b"\n"[..]].concat(), 4, &AuditFault::NotARecord);
    check_bad(&[&whole, &b"x"[..]].concat(), 4, &AuditFault::Unfinished);
    check_bad(&[&whole, &[b'x'; 4_000][..]].concat(), 4, &AuditFault::TooLong);
}

/// Another form of the same content, with a hash that is right for it.
#[track_caller]
fn check_form(change: impl Fn(&str) -> String) {
    let whole = String::from_utf8(log(0)).unwrap_or_default();
    let Some((body, _)) = whole.split_once(",\"hash\"") else { panic!("it has a hash") };
    let body = change(body);
    assert!(!whole.starts_with(&body), "nothing was changed");
    let hash = AuditHash::of(body.as_bytes());
    check_bad(format!("{body},\"hash\":\"{hash}\"}}\n").as_bytes(), 1, &AuditFault::NotARecord);
}

#[test]
fn a_record_has_no_other_form() {
    check_form(|body| body.replace("\":", "\": "));
    check_form(|body| body.replacen("\"sequence\":0,", "", 1));
    check_form(|body| body.replacen("\"sequence\":0,", "\"sequence\":0,\"sequence\":0,", 1));
    check_form(|body| body.replacen("\"sequence\":0", "\"sequence\":00", 1));
    check_form(|body| body.replacen("\"rule\":null,", "", 1));
    check_form(|body| body.replacen("\"rule\":null", "\"rule\":null,\"more\":1", 1));
    check_form(|body| body.replacen("Z\"", "+00:00\"", 1));
    check_form(|body| body.replacen("678901Z", "6789010Z", 1));
    check_form(|body| body.replacen("begun", "b\\u0065gun", 1));
    check_form(|body| body.replacen("begun", "begins", 1));
    check_form(|body| body.replacen("ü", "\\u00fc", 1));
    check_form(|body| body.replacen("\"0000", "\"A000", 1));
}

#[test]
fn a_beginning_that_is_gone_is_missed() {
    let whole = log(4);
    let rest = lines(&whole).split_off(1).concat();
    check_bad(&rest, 1, &AuditFault::NoBeginning);
}

#[test]
fn an_end_that_is_gone_shows_in_the_head_alone() -> Outcome {
    let whole = log(4);
    let mut rest = lines(&whole);
    rest.pop();
    let (cut, full) = (verify(&[&rest.concat()]), verify(&[&whole]));
    let (cut, full) = (cut.ok().flatten().ok_or("a head")?, full.ok().flatten().ok_or("a head")?);
    assert_eq!((cut.sequence, full.sequence), (3, 4));
    assert_ne!(cut.hash, full.hash);
    Ok(())
}

proptest! {
    #[test]
    fn any_byte_that_is_changed_is_found(at: Index, to: u8, denials in 0..6_u64) {
        let mut altered = log(denials);
        let at = at.index(altered.len());
        prop_assume!(altered[at] != to);
        altered[at] = to;
        let line = altered[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let bad = verify(&[&altered]).err().map(|(_, bad)| bad.line);
        prop_assert_eq!(bad, Some(line));
    }

    #[test]
    fn any_byte_that_is_removed_or_added_is_found(at: Index, more: Option<u8>, denials in 0..6_u64) {
        let mut altered = log(denials);
        let at = at.index(altered.len());
        match more {
            Some(byte) => altered.insert(at, byte),
            None => {
                altered.remove(at);
            }
        }
        prop_assert!(verify(&[&altered]).is_err());
    }

    #[test]
    fn any_line_that_is_removed_is_found(at: Index, count in 1..4_usize, denials in 4..20_u64) {
        let whole = log(denials);
        let mut left = lines(&whole);
        // The last one stays: its absence shows in the head alone.
        let at = at.index(left.len() - count);
        left.drain(at..at + count);
        let bad = verify(&[&left.concat()]).err().map(|(_, bad)| bad.line);
        prop_assert_eq!(bad, Some(at as u64 + 1));
    }

    #[test]
    fn lines_that_are_moved_are_found(one: Index, other: Index, denials in 1..20_u64) {
        let whole = log(denials);
        let mut moved = lines(&whole);
        let (one, other) = (one.index(moved.len()), other.index(moved.len()));
        prop_assume!(one != other);
        moved.swap(one, other);
        let bad = verify(&[&moved.concat()]).err().map(|(_, bad)| bad.line);
        prop_assert_eq!(bad, Some(one.min(other) as u64 + 1));
    }

    #[test]
    fn lines_that_are_repeated_are_found(from: Index, to: Index, denials in 0..20_u64) {
        let whole = log(denials);
        let mut repeated = lines(&whole);
        let (from, to) = (from.index(repeated.len()), to.index(repeated.len() + 1));
        repeated.insert(to, repeated[from]);
        prop_assert!(verify(&[&repeated.concat()]).is_err());
    }

    #[test]
    fn a_file_that_ends_within_a_line_is_found(at: Index, denials in 0..6_u64) {
        let whole = log(denials);
        let cut = &whole[..at.index(whole.len())];
        prop_assume!(!cut.ends_with(b"\n"));
        prop_assert!(verify(&[cut]).is_err());
    }

    #[test]
    fn a_log_may_be_given_in_any_pieces(sizes in proptest::collection::vec(1..2_000_usize, 1..20)) {
        let whole = log(30);
        let mut verifier = AuditVerifier::new();
        let mut rest = &whole[..];
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*size));
            prop_assert_eq!(verifier.feed(piece), Ok(()));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(verifier.end_file(), Ok(()));
        prop_assert_eq!(Ok(verifier.head()), verify(&[&whole]));
        prop_assert_eq!((verifier.first_sequence(), verifier.records()), (Some(0), 31));
    }

    #[test]
    fn no_bytes_stop_the_verifier(bytes in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        prop_assert!(verify(&[&bytes]).is_err());
    }
}
