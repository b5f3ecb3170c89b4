//! Components in the text format that export `health` and nothing else: the shortest way to any instruction.

use crate::health_export::HEALTH_EXPORT;

/// A component whose one core module has these fields, among them the exports `memory` and `health`, which
/// returns the address of an answer; at 16 there is `healthy` while nobody writes there.
pub(crate) fn health_component(fields: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $module {fields})
          (core instance $main (instantiate $module))
          {HEALTH_EXPORT})"#
    );
    wat::parse_str(text).unwrap()
}
