//! Rights as the audit log names them: all of them, in as many records as it takes.
//!
//! Invariant: whoever reads the records knows every right. None is left out for want of room, and no name can pass for
//! another right: each is in quotes, and a name that is longer than a record is given by its beginning and its hash.

use std::fmt::Display;

use airssys_wasm_core::{AuditReason, HostCapabilities, MAX_AUDIT_REASON_BYTES, MessagingCapabilities};
use airssys_wasm_security::AuditHash;

/// Bytes that `part 1000 of 1000: ` and the mark of a reason that is cut take of it.
const BESIDE: usize = 32;

/// Bytes of names and keys in one record.
const MAX_TEXT_BYTES: usize = MAX_AUDIT_REASON_BYTES - BESIDE;

/// Bytes of the beginning of a name that is longer than a record.
const BEGINNING_BYTES: usize = 512;

/// What the log says of a grant of these rights, record by record.
pub(crate) fn granted(rights: &MessagingCapabilities, host: &HostCapabilities) -> Vec<AuditReason> {
    let mut text = Text::default();
    text.names("send_to", &rights.send_to);
    text.names("receive_from", &rights.receive_from);
    text.names("publish", &rights.publish);
    text.names("subscribe", &rights.subscribe);
    text.names("read", &host.filesystem.read);
    text.names("write", &host.filesystem.write);
    text.names("connect", &host.network.connect);
    text.names("variables", host.environment.variables.iter().map(|variable| variable.as_str()));
    // No name, so that it needs no quotes.
    text.begin(
        &host
            .storage
            .quota_bytes
            .map_or("quota_bytes =".to_owned(), |bytes| format!("quota_bytes = {bytes}")),
    );
    if let Some(codecs) = rights.codecs {
        text.begin(&format!("codecs = {codecs}"));
    }
    text.number("max_message_bytes", rights.max_message_bytes as u64);
    text.number("rate_per_second", u64::from(rights.rate_per_second));
    text.number("burst", u64::from(rights.burst));
    text.records()
}

/// The texts of the records, of which the last one is not full.
#[derive(Default)]
struct Text {
    full: Vec<String>,
    last: String,
}

impl Text {
    /// A key and what it names.
    fn names(&mut self, key: &str, all: impl IntoIterator<Item = impl Display>) {
        self.begin(&format!("{key} ="));
        for one in all {
            let name = format!(" {}", quoted(&one.to_string()));
            if self.last.len() + name.len() > MAX_TEXT_BYTES {
                self.full.push(std::mem::take(&mut self.last));
                self.begin(&format!("{key} ="));
            }
            self.last.push_str(&name);
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        self.begin(&format!("{key} = {value}"));
    }

    /// What is not to be parted comes after the last one, or in a record of its own.
    fn begin(&mut self, more: &str) {
        if self.last.len() + more.len() + 2 > MAX_TEXT_BYTES {
            self.full.push(std::mem::take(&mut self.last));
        }
        if !self.last.is_empty() {
            self.last.push_str("; ");
        }
        self.last.push_str(more);
    }

    fn records(self) -> Vec<AuditReason> {
        let Self { mut full, last } = self;
        full.push(last);
        let parts = full.len();
        let reason = |(number, text): (usize, &String)| match parts {
            1 => AuditReason::text(text),
            _ => AuditReason::text(format_args!("part {} of {parts}: {text}", number + 1)),
        };
        full.iter().enumerate().map(reason).collect()
    }
}

/// A name in quotes, in which nothing is left that a reason would write in another way.
fn quoted(name: &str) -> String {
    let whole = format!("{name:?}");
    if whole.len() + BESIDE <= MAX_TEXT_BYTES {
        return whole;
    }
    let mut end = BEGINNING_BYTES.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let beginning = name.get(..end).unwrap_or_default();
    format!("{beginning:?}… of {} bytes, sha256:{}", name.len(), AuditHash::of(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rights: &MessagingCapabilities, host: &HostCapabilities) -> Vec<String> {
        granted(rights, host).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn few_rights_take_one_record_in_which_no_name_is_another_right() {
        let mut host = HostCapabilities::default();
        host.filesystem.read.push("/a; connect = \"10.0.0.1:1\"".parse().unwrap());
        host.network.connect.push("192.0.2.1:80".parse().unwrap());
        let rights = MessagingCapabilities { send_to: vec!["a/b".parse().unwrap()], ..Default::default() };
        let expected = "send_to = \"a/b\"; receive_from =; publish =; subscribe =; \
                        read = \"/a; connect = \\\"10.0.0.1:1\\\"\"; write =; connect = \"192.0.2.1:80\"; variables =; \
                        quota_bytes =; max_message_bytes = 65536; rate_per_second = 1000; burst = 100";
        assert_eq!(texts(&rights, &host), [expected]);
    }

    #[test]
    fn many_rights_hide_none() {
        let patterns = (0..200).map(|number| format!("a-namespace-of-its-own-{number}/*").parse().unwrap());
        let rights = MessagingCapabilities { send_to: patterns.collect(), ..Default::default() };
        let mut host = HostCapabilities::default();
        let long = format!("/{}", "ü".repeat(2_000));
        for folder in ["/data", &long, "/more"] {
            host.filesystem.write.push(folder.parse().unwrap());
        }
        let texts = texts(&rights, &host);
        assert!(texts.len() > 5, "{texts:#?}");
        for (number, text) in texts.iter().enumerate() {
            assert!(text.starts_with(&format!("part {} of {}: ", number + 1, texts.len())), "{text}");
            assert!(text.len() <= MAX_AUDIT_REASON_BYTES && !text.ends_with('…'), "{text}");
        }
        let whole = texts.concat();
        for number in 0..200 {
            assert_eq!(whole.matches(&format!("\"a-namespace-of-its-own-{number}/*\"")).count(), 1);
        }
        let hash = AuditHash::of(long.as_bytes());
        assert!(whole.contains(&format!("… of 4001 bytes, sha256:{hash}")), "{whole}");
        assert!(whole.contains("write = \"/data\"") && whole.contains("\"/more\"; connect ="), "{whole}");
    }
}
