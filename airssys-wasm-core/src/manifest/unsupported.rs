//! What the manifests may say and this version does not enforce: refused, never ignored.
//!
//! Invariant: each line of a table names one feature; whoever builds it removes the line.

use toml::de::{DeTable, DeValue};

use super::document::{Report, Span};

/// Dotted paths of keys. A path goes through each table of an array.
const COMPONENT: &[&str] = &["health"];

const SYSTEM: &[&str] = &["component.group", "group"];

/// Refuses what a `Component.toml` says and this version does not enforce.
pub(super) fn refuse_in_component(root: &DeTable<'_>, report: &mut Report) {
    refuse(root, report, COMPONENT);
}

/// Refuses what an `airssys.toml` says and this version does not enforce.
pub(super) fn refuse_in_system(root: &DeTable<'_>, report: &mut Report) {
    refuse(root, report, SYSTEM);
}

fn refuse(root: &DeTable<'_>, report: &mut Report, rows: &[&str]) {
    for path in rows {
        refuse_in(root, path, path, report);
    }
}

/// Refuses what lies under `rest`, the part of `path` that is left below `table`.
fn refuse_in(table: &DeTable<'_>, path: &str, rest: &str, report: &mut Report) {
    let (key, rest) = rest.split_once('.').map_or((rest, None), |(key, rest)| (key, Some(rest)));
    let Some((name, value)) = table.get_key_value(key) else { return };
    let tables = value.get_ref().as_array().into_iter().flat_map(|array| array.iter());
    let mut tables =
        tables.filter_map(|element| Some((element.span(), element.get_ref().as_table()?))).peekable();
    match (rest, value.get_ref()) {
        (Some(rest), DeValue::Table(inner)) => refuse_in(inner, path, rest, report),
        (Some(rest), _) => tables.for_each(|(_, inner)| refuse_in(inner, path, rest, report)),
        (None, DeValue::Table(_)) => refuse_at(report, value.span(), &format!("[{path}]")),
        (None, _) if tables.peek().is_some() => {
            tables.for_each(|(span, _)| refuse_at(report, span, &format!("[[{path}]]")));
        }
        (None, _) => refuse_at(report, name.span(), &format!("`{key}`")),
    }
}

fn refuse_at(report: &mut Report, span: Span, name: &str) {
    let help = "remove it: nothing in this version would enforce it";
    report.error(span, format!("{name} is not supported by this version"), help);
}
