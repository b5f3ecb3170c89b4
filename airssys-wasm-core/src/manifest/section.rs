//! One table of a manifest while it is read.
//!
//! Invariant: whatever is wrong goes into the [`Report`] with its place, and reading goes on with a
//! value that is allowed, so that one run finds everything.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::document::{Report, Span};
use super::value::{kind, quoted};
use crate::id::{is_valid_name, shorten};

/// Characters of an unknown word that are compared with known ones, all of which are shorter.
const MAX_COMPARED_CHARS: usize = 64;

const NAME_HELP: &str =
    "1 to 64 of a-z, 0-9 and '-', starting with a letter, without \"--\" and without a '-' at the end";

/// A value of the file and its place.
type Value<'t> = Spanned<DeValue<'t>>;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<'t> Found<&'t str> {
    /// What `parse` makes of a text; one that it does not understand is reported.
    pub(super) fn parsed<T, E: fmt::Display>(
        self,
        report: &mut Report,
        key: &str,
        help: &str,
        parse: impl Fn(&'t str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        match parse(self.value) {
            Ok(value) => Some(Found { value, span: self.span }),
            Err(error) => {
                report.error(self.span, format!("`{key}`: {error}"), help);
                None
            }
        }
    }
}

/// The range of an integer, its unit, and what helps where it is left.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    range: RangeInclusive<u64>,
    unit: &'static str,
    below: Option<String>,
    above: Option<String>,
}

impl Bounds {
    pub(super) const fn new(range: RangeInclusive<u64>, unit: &'static str) -> Self {
        Self { range, unit, below: None, above: None }
    }

    /// What helps where less was asked for.
    pub(super) fn below(mut self, help: impl Into<String>) -> Self {
        self.below = Some(help.into());
        self
    }

    /// What helps where more was asked for.
    pub(super) fn above(mut self, help: impl Into<String>) -> Self {
        self.above = Some(help.into());
        self
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.range.start(), self.range.end())?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

/// A table, there or not; one that is not there has no keys.
#[derive(Debug, Clone)]
pub(super) struct Section<'t> {
    label: String,
    path: String,
    table: Option<&'t DeTable<'t>>,
    span: Span,
    known: &'static [&'static str],
}

impl<'t> Section<'t> {
    /// The whole file; reports unknown keys.
    pub(super) fn root(table: &'t DeTable<'t>, report: &mut Report, known: &'static [&'static str]) -> Self {
        let section = Self {
            label: "at the top level".into(),
            path: String::new(),
            table: Some(table),
            span: 0..0,
            known,
        };
        section.report_unknown_keys(report);
        section
    }

    fn open(
        path: String,
        label: String,
        value: &'t Value<'t>,
        report: &mut Report,
        known: &'static [&'static str],
    ) -> Self {
        let table = value.get_ref().as_table();
        let section = Self { label, path, table, span: value.span(), known };
        match table {
            Some(_) => section.report_unknown_keys(report),
            None => wrong_type(report, &format!("`{}`", section.path), "a table", value),
        }
        section
    }

    /// The table under `key`, `[path.key]`; reports unknown keys in it.
    pub(super) fn section(&self, report: &mut Report, key: &str, known: &'static [&'static str]) -> Self {
        let path = self.join(key);
        let label = format!("in [{path}]");
        match self.entry(key) {
            // The place of a table is its header, or the key that made it.
            Some((_, value)) => Self::open(path, label, value, report, known),
            None => Self { label, path, table: None, span: self.span.clone(), known },
        }
    }

    /// Each table of the array under `key`, `[[path.key]]`.
    pub(super) fn sections(
        &self,
        report: &mut Report,
        key: &str,
        known: &'static [&'static str],
    ) -> Vec<Self> {
        let path = self.join(key);
        let Some((_, value)) = self.entry(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            wrong_type(report, &format!("`{path}`"), &format!("an array of tables, [[{path}]]"), value);
            return Vec::new();
        };
        array
            .iter()
            .map(|element| Self::open(path.clone(), format!("in [[{path}]]"), element, report, known))
            .collect()
    }

    /// Whether the table is there.
    pub(super) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// Where it begins; for one that is not there, where the nearest one around it begins.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Whether there is a value under the key, of whatever type.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether there is a list without elements under the key.
    pub(super) fn has_empty_list(&self, key: &str) -> bool {
        let list = self.entry(key).and_then(|(_, value)| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// The place of the value under the key; of the table itself where there is none.
    pub(super) fn span_of(&self, key: &str) -> Span {
        self.entry(key).map_or_else(|| self.span(), |(_, value)| value.span())
    }

    /// The keys and values of a table under `key` in which every key is allowed.
    pub(super) fn free_form(&self, report: &mut Report, key: &str) -> Vec<(&'t str, &'t Value<'t>)> {
        match self.entry(key).map(|(_, value)| (value, value.get_ref().as_table())) {
            Some((_, Some(table))) => {
                table.iter().map(|(key, value)| (key.get_ref().as_ref(), value)).collect()
            }
            Some((value, None)) => {
                wrong_type(report, &format!("`{key}`"), "a table", value);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn entry(&self, key: &str) -> Option<(&'t Spanned<DeString<'t>>, &'t Value<'t>)> {
        debug_assert!(self.known.contains(&key), "{key} is read and not known in {}", self.path);
        self.table?.get_key_value(key)
    }

    fn report_unknown_keys(&self, report: &mut Report) {
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let reason = format!("unknown key {} {}", quoted(name), self.label);
                let show = |known: &str| format!("`{known}`");
                let nearest = suggestion(name, self.known, show, "key");
                let known = self.known.iter().map(|known| show(known)).collect::<Vec<_>>().join(", ");
                report.error(key.span(), reason, format!("{nearest} known keys here: {known}"));
            }
        }
    }

    /// Reports that a mandatory key is not there. A section that has the wrong type was reported.
    pub(super) fn missing(&self, report: &mut Report, key: &str, help: impl Into<String>) {
        report.error(self.span(), format!("missing key `{key}` {}", self.label), help);
    }

    /// A text.
    pub(super) fn text(&self, report: &mut Report, key: &str) -> Option<Found<&'t str>> {
        let (_, value) = self.entry(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Found { value: text, span: value.span() }),
            None => {
                wrong_type(report, &format!("`{key}`"), "a string", value);
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, report: &mut Report, key: &str) -> Option<Vec<Found<&'t str>>> {
        let (_, value) = self.entry(key)?;
        let Some(array) = value.get_ref().as_array() else {
            wrong_type(report, &format!("`{key}`"), "an array of strings", value);
            return None;
        };
        let mut texts = Vec::with_capacity(array.len());
        for element in array.iter() {
            match element.get_ref().as_str() {
                Some(text) => texts.push(Found { value: text, span: element.span() }),
                None => wrong_type(report, &format!("an element of `{key}`"), "a string", element),
            }
        }
        Some(texts)
    }

    /// A list of texts that `parse` understands; one that it does not is reported and left out.
    pub(super) fn parsed<T, E: fmt::Display>(
        &self,
        report: &mut Report,
        key: &str,
        help: &str,
        parse: impl Fn(&'t str) -> Result<T, E>,
    ) -> Vec<T> {
        let texts = self.texts(report, key).unwrap_or_default();
        texts
            .into_iter()
            .filter_map(|text| text.parsed(report, key, help, &parse))
            .map(|found| found.value)
            .collect()
    }

    /// An integer within its bounds.
    pub(super) fn integer(&self, report: &mut Report, key: &str, bounds: &Bounds) -> Option<Found<u64>> {
        let (_, value) = self.entry(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            wrong_type(report, &format!("`{key}`"), "an integer", value);
            return None;
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix());
        let asked = match &number {
            Ok(number) => number.to_string(),
            Err(_) => shorten(integer.as_str()),
        };
        // What does not fit 128 bits lies on the side that its sign says.
        let is_below = match &number {
            Ok(number) => *number < i128::from(*bounds.range.start()),
            Err(_) => integer.as_str().starts_with('-'),
        };
        match number.ok().and_then(|number| u64::try_from(number).ok()) {
            Some(value_in_range) if bounds.range.contains(&value_in_range) => {
                Some(Found { value: value_in_range, span: value.span() })
            }
            _ => {
                let help = if is_below { &bounds.below } else { &bounds.above };
                let help = help.clone().unwrap_or_else(|| format!("choose {bounds}"));
                report.error(value.span(), format!("`{key}` is {asked}, outside {bounds}"), help);
                None
            }
        }
    }

    /// An integer within its bounds, as a size in memory.
    pub(super) fn size(&self, report: &mut Report, key: &str, bounds: &Bounds) -> Option<Found<usize>> {
        let Found { value, span } = self.integer(report, key, bounds)?;
        // Bounds of sizes stay below the address space of the smallest host.
        Some(Found { value: usize::try_from(value).unwrap_or(usize::MAX), span })
    }

    /// An integer within its bounds, as a count.
    pub(super) fn count(&self, report: &mut Report, key: &str, bounds: &Bounds) -> Option<u32> {
        // Bounds of counts stay below 2^32.
        self.integer(report, key, bounds).map(|found| u32::try_from(found.value).unwrap_or(u32::MAX))
    }

    /// A name, as components and hosts have one.
    pub(super) fn name(&self, report: &mut Report, key: &str) -> Option<Found<&'t str>> {
        let found = self.text(report, key)?;
        if is_valid_name(found.value) {
            return Some(found);
        }
        let reason = format!("`{key}` is {:?}, which is not a valid name", shorten(found.value));
        report.error(found.span, reason, NAME_HELP);
        None
    }

    /// A number, whole or not, within its range.
    pub(super) fn number(&self, report: &mut Report, key: &str, range: RangeInclusive<f64>) -> Option<f64> {
        let (_, value) = self.entry(key)?;
        let text = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => {
                wrong_type(report, &format!("`{key}`"), "a number", value);
                return None;
            }
        };
        match text.parse::<f64>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (min, max) = (range.start(), range.end());
                let reason = format!("`{key}` is {}, outside {min:?} to {max:?}", shorten(text));
                report.error(value.span(), reason, format!("choose {min:?} to {max:?}"));
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &self,
        report: &mut Report,
        key: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let Found { value, span } = self.text(report, key)?;
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let show = |word: &str| format!("{word:?}");
            let nearest = suggestion(value, &known, show, "value");
            let allowed = known.iter().map(|word| show(word)).collect::<Vec<_>>().join(", ");
            let reason = format!("`{key}` is {:?}, which is no value of it", shorten(value));
            report.error(span, reason, format!("{nearest} known values: {allowed}"));
        }
        found
    }
}

fn wrong_type(report: &mut Report, name: &str, expected: &str, value: &Value<'_>) {
    let found = kind(value.get_ref());
    report.error(
        value.span(),
        format!("{name} must be {expected}, not {found}"),
        format!("write {expected} here"),
    );
}

/// Names the nearest of what is known, which is not empty.
fn suggestion(given: &str, known: &[&'static str], show: impl Fn(&str) -> String, what: &str) -> String {
    // The distance takes time and memory by the product of the lengths.
    let given: String = given.chars().take(MAX_COMPARED_CHARS).collect();
    let distances = known.iter().map(|known| (strsim::damerau_levenshtein(&given, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance).unwrap_or_default();
    if distance <= nearest.len() / 2 {
        format!("did you mean {}?", show(nearest))
    } else {
        format!("the nearest known {what} is {};", show(nearest))
    }
}
