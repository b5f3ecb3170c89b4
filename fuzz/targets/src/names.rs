//! Ids, patterns, names of hosts and destinations, and what patterns match.

use std::fmt::Display;
use std::str::FromStr;

use airssys_wasm_core::{
    Address, AddressPattern, ComponentId, Destination, FolderPath, HOST_NAMESPACE, HostName, MAX_TOPIC_BYTES,
    TopicPattern, VariableName, is_valid_name,
};
use airssys_wasm_security::PatternSet;
use anyhow::{Result, ensure};

use crate::target::Told;

/// Reads each line as everything that it could be, and matches each line against each other.
pub(crate) fn check(text: &str) -> Result<Told> {
    let lines: Vec<&str> = text.split('\n').take(16).collect();
    let mut accepted = false;
    for line in &lines {
        let address = round_trip::<Address>(line)?;
        if let Some(address) = &address {
            let rebuilt = Address::new(address.namespace(), address.name(), address.instance());
            // The host's own addresses have parts that no component may have.
            ensure!(address.is_host() || rebuilt.as_ref() == Ok(address), "{address} is not its parts");
            ensure!(address.component().instance().is_none(), "a component of {address} with an instance");
        }
        let pattern = round_trip::<AddressPattern>(line)?;
        if let Some(pattern) = &pattern {
            ensure!((2..=3).contains(&pattern.segments().count()), "{pattern} has another shape");
        }
        let topic = round_trip::<TopicPattern>(line)?;
        if let Some(topic) = &topic {
            ensure!(topic.as_str().len() <= MAX_TOPIC_BYTES && topic.segments().count() >= 1, "{topic}");
        }
        let grants = [
            granted::<FolderPath>(line)?,
            granted::<Destination>(line)?,
            granted::<VariableName>(line)?,
            granted::<HostName>(line)?,
        ];
        accepted |= grants.contains(&true);
        accepted |= address.is_some() || pattern.is_some() || topic.is_some() || is_valid_name(line);
        ensure!(!is_valid_name(line) || line.len() <= 64, "a name of {} bytes", line.len());
    }
    for (one, other) in lines.iter().zip(lines.iter().skip(1)) {
        if let (Ok(address), Ok(pattern)) = (one.parse::<Address>(), other.parse::<AddressPattern>()) {
            let matches = PatternSet::new(std::slice::from_ref(&pattern)).matches(&address);
            ensure!(matches == expected(&address, other), "{pattern} on {address}: {matches}");
        }
        if let Ok(id) = ComponentId::new(one, other, "0") {
            ensure!(*one != HOST_NAMESPACE, "a component took the host's namespace");
            ensure!(id.as_str() == format!("{one}/{other}/0"), "{id} is not its parts");
        }
    }
    Ok(if accepted { Told::Accepted } else { Told::Refused })
}

/// Whether it is read; what is printed of it is the one text of what it means.
fn granted<T: FromStr + Display + PartialEq>(line: &str) -> Result<bool>
where
    T::Err: Display,
{
    let Ok(value) = line.parse::<T>() else { return Ok(false) };
    let text = value.to_string();
    let again = text.parse::<T>().ok();
    ensure!(again.as_ref() == Some(&value), "{line:?} prints as {text:?}, which is something else");
    ensure!(again.is_some_and(|again| again.to_string() == text), "{text:?} has another text");
    Ok(true)
}

/// What is read prints as it was written.
fn round_trip<T: FromStr + Display>(line: &str) -> Result<Option<T>>
where
    T::Err: Display,
{
    match line.parse::<T>() {
        Ok(value) => {
            ensure!(value.to_string() == line, "{line:?} prints as {value}");
            Ok(Some(value))
        }
        Err(error) => {
            ensure!(!error.to_string().is_empty(), "{line:?} is refused without a word");
            Ok(None)
        }
    }
}

/// The rule once more, as it is written for people: segments are compared whole; two of them mean every instance;
/// a third that is `*` means every instance too; an address without instance is no single one.
fn expected(address: &Address, pattern: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let fits = |segment: Option<&&str>, part: &str| {
        segment.is_some_and(|segment| *segment == "*" || *segment == part)
    };
    let instance = match (pattern.get(2), address.instance()) {
        (None | Some(&"*"), _) => true,
        (wanted, Some(instance)) => fits(wanted, instance),
        (Some(_), None) => false,
    };
    fits(pattern.first(), address.namespace()) && fits(pattern.get(1), address.name()) && instance
}
