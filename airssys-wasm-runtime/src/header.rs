//! Whether a file is a component at all, told with clear errors.

use crate::error::RuntimeError;

/// The eight bytes that a component starts with; a core module differs in the last four.
const COMPONENT_HEADER: [u8; 8] = [0x00, b'a', b's', b'm', 0x0d, 0x00, 0x01, 0x00];
const MODULE_HEADER: [u8; 8] = [0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00];

/// Refuses core modules, what is no WebAssembly, and what ends inside one of the outermost sections.
pub(crate) fn check_header(wasm: &[u8]) -> Result<(), RuntimeError> {
    if wasm.starts_with(&MODULE_HEADER) {
        return Err(RuntimeError::CoreModule);
    }
    if !wasm.starts_with(&COMPONENT_HEADER) {
        let cut_header = !wasm.is_empty() && COMPONENT_HEADER.starts_with(wasm);
        return Err(if cut_header {
            RuntimeError::Truncated { bytes: wasm.len() }
        } else {
            RuntimeError::NotWasm
        });
    }
    if ends_inside_a_section(wasm) {
        return Err(RuntimeError::Truncated { bytes: wasm.len() });
    }
    Ok(())
}

/// Walks the outermost sections, each an id byte, a length in LEB128 and that many bytes.
fn ends_inside_a_section(wasm: &[u8]) -> bool {
    let mut rest = wasm.get(COMPONENT_HEADER.len()..).unwrap_or_default();
    while let Some((_id, after_id)) = rest.split_first() {
        let mut length = 0u64;
        let mut shift = 0;
        let mut bytes = after_id;
        loop {
            let Some((byte, after)) = bytes.split_first() else { return true };
            bytes = after;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            if shift > 28 {
                // No length at all: validation says more than this walk could.
                return false;
            }
        }
        let Some(after) = usize::try_from(length).ok().and_then(|length| bytes.get(length..)) else {
            return true;
        };
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(sections: &[u8]) -> Vec<u8> {
        [&COMPONENT_HEADER, sections].concat()
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(matches!(check_header(b""), Err(RuntimeError::NotWasm)));
        assert!(matches!(check_header(b"(component)"), Err(RuntimeError::NotWasm)));
        assert!(matches!(check_header(&MODULE_HEADER), Err(RuntimeError::CoreModule)));
        assert!(matches!(check_header(b"\0asm"), Err(RuntimeError::Truncated { bytes: 4 })));
        assert!(matches!(
            check_header(&component(&[0, 3, 1, 2])),
            Err(RuntimeError::Truncated { bytes: 12 })
        ));
        assert!(matches!(check_header(&component(&[0, 0x80])), Err(RuntimeError::Truncated { .. })));
        assert!(check_header(&component(&[])).is_ok());
        assert!(check_header(&component(&[0, 2, 1, 2])).is_ok());
    }
}
