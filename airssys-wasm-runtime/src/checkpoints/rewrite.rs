//! The bytes of a component with its checkpoints in them. Everything else stays as it is, to the byte.

use engine_wasmparser::{
    BinaryReader, BinaryReaderError, Chunk, CodeSectionReader, FunctionBody, Parser, Payload, TypeRef,
};

use super::{CHECKPOINT, Checkpoints};

/// The section with the functions of a module.
const CODE_SECTION: u8 = 10;

type Result<T> = std::result::Result<T, BinaryReaderError>;

/// A module or component with checkpoints; none where it needs none. Nested ones are as deep as was counted before.
pub(super) fn rewrite(wasm: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut copy = Copy { original: wasm, copied: 0, out: Vec::new() };
    let mut imported = 0;
    let mut parser = Parser::new(0);
    let mut at = 0;
    loop {
        let rest = wasm.get(at..).unwrap_or_default();
        let (consumed, payload) = match parser.parse(rest, true)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            // There is no more data; the engine says so of what ends too early.
            Chunk::NeedMoreData(_) => return Ok(None),
        };
        let begin = at;
        at += consumed;
        match payload {
            Payload::CodeSectionStart { range, .. } => {
                parser.skip_section();
                at = range.end;
                let original = wasm.get(range.clone()).unwrap_or_default();
                if let Some(code) = code(original, range.start, imported)? {
                    copy.put_section(begin, CODE_SECTION, &code, range.end);
                }
            }
            Payload::ModuleSection { unchecked_range: range, .. }
            | Payload::ComponentSection { unchecked_range: range, .. } => {
                at = range.end;
                let nested = wasm.get(range.clone()).unwrap_or_default();
                let id = wasm.get(begin).copied().unwrap_or_default();
                if let Some(nested) = rewrite(nested)? {
                    copy.put_section(begin, id, &nested, range.end);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::End(_) => break,
            _ => {}
        }
    }
    Ok(copy.finish())
}

/// The content of a code section with checkpoints; none where it needs none.
fn code(original: &[u8], offset: usize, imported: u32) -> Result<Option<Vec<u8>>> {
    let section = CodeSectionReader::new(BinaryReader::new(original, offset))?;
    let mut out = Vec::new();
    push_length(&mut out, usize::try_from(section.count()).unwrap_or(usize::MAX));
    let mut is_changed = false;
    for body in section {
        let body = body?;
        let places = places(&body, imported)?;
        is_changed |= !places.is_empty();
        let bytes = body.as_bytes();
        push_length(&mut out, bytes.len() + places.len() * CHECKPOINT.len());
        let mut copied = 0;
        for place in places {
            out.extend_from_slice(bytes.get(copied..place).unwrap_or_default());
            out.extend_from_slice(&CHECKPOINT);
            copied = place;
        }
        out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    }
    Ok(is_changed.then_some(out))
}

/// Where in the bytes of a function its checkpoints are put.
fn places(body: &FunctionBody<'_>, imported: u32) -> Result<Vec<usize>> {
    let mut checkpoints = Checkpoints::new(imported);
    let mut places = Vec::new();
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let operator = operators.read()?;
        if checkpoints.comes_after(&operator) {
            places.push(operators.original_position() - body.range().start);
        }
    }
    Ok(places)
}

/// A copy in which some sections are others.
struct Copy<'a> {
    original: &'a [u8],
    /// Up to here the original is in the copy, or something else in its place.
    copied: usize,
    out: Vec<u8>,
}

impl Copy<'_> {
    /// In place of the section from `begin` to `end`.
    fn put_section(&mut self, begin: usize, id: u8, content: &[u8], end: usize) {
        self.copy_to(begin);
        self.copied = end;
        self.out.push(id);
        push_length(&mut self.out, content.len());
        self.out.extend_from_slice(content);
    }

    fn copy_to(&mut self, end: usize) {
        self.out.extend_from_slice(self.original.get(self.copied..end).unwrap_or_default());
    }

    /// None where everything is as it was.
    fn finish(mut self) -> Option<Vec<u8>> {
        if self.copied == 0 {
            return None;
        }
        self.copy_to(self.original.len());
        Some(self.out)
    }
}

/// A length as it stands before a section or a function: unsigned LEB128.
fn push_length(out: &mut Vec<u8>, length: usize) {
    const MORE: u8 = 0x80;
    let mut left = length;
    while left >= usize::from(MORE) {
        let [low, ..] = left.to_le_bytes();
        out.push(low | MORE);
        left >>= 7;
    }
    let [last, ..] = left.to_le_bytes();
    out.push(last);
}

#[cfg(test)]
mod tests {
    use engine_wasmparser::{Validator, WasmFeatures};

    use super::*;

    fn validate(wasm: &[u8]) {
        Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).unwrap();
    }

    /// The parts of a component but its code, and its functions' instructions without checkpoints.
    fn told(wasm: &[u8]) -> Vec<String> {
        let payloads = Parser::new(0).parse_all(wasm).map(Result::unwrap);
        let mut told = Vec::new();
        for payload in payloads {
            match payload {
                Payload::CodeSectionEntry(body) => {
                    let locals: Vec<_> =
                        body.get_locals_reader().unwrap().into_iter().map(Result::unwrap).collect();
                    let operators = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap);
                    let text: Vec<_> = operators.map(|operator| format!("{operator:?}")).collect();
                    let text = text.join("; ").replace("Loop { blockty: Empty }; End; ", "");
                    told.push(format!("{locals:?} {text}"));
                }
                Payload::CodeSectionStart { count, .. } => told.push(format!("{count} functions")),
                Payload::ModuleSection { .. } => told.push("module".to_owned()),
                Payload::ComponentSection { .. } => told.push("component".to_owned()),
                Payload::End(_) => told.push("end".to_owned()),
                other => {
                    if let Some((id, range)) = other.as_section() {
                        told.push(format!("{id} {:?}", &wasm[range]));
                    }
                }
            }
        }
        told
    }

    #[track_caller]
    fn check(wasm: &[u8], is_changed: bool) {
        let rewritten = rewrite(wasm).unwrap();
        assert_eq!(rewritten.is_some(), is_changed);
        let Some(rewritten) = rewritten else { return };
        validate(&rewritten);
        for (rewritten, original) in told(&rewritten).iter().zip(told(wasm)) {
            assert!(*rewritten == original, "{rewritten:.300}\n{original:.300}");
        }
        assert_eq!(told(&rewritten).len(), told(wasm).len());
    }

    #[test]
    fn what_needs_no_checkpoint_stays_as_it_is() {
        for text in ["(component)", "(module)", "(component (core module (func)) (component))"] {
            check(&wat::parse_str(text).unwrap(), false);
        }
    }

    #[test]
    fn functions_however_deep_get_theirs_and_nothing_else_is_changed() {
        let nops = "nop ".repeat(300);
        let long = format!("(func $f (param i32) (result i32) (local i64 f32) local.get 0 call $f {nops})");
        let module = format!(
            "core module (memory 1) (data (i32.const 0) \"data\") (func) {long} (@custom \"after\" \"x\")"
        );
        for text in [
            format!("(component ({module}))"),
            format!(
                "(component (component (component ({module}) (core module)) (component)) (core module {long}))"
            ),
            format!("(module {long} (func) {} (@custom \"last\" \"bytes\"))", long.replace("$f", "$g")),
        ] {
            let wasm = wat::parse_str(&text).unwrap();
            validate(&wasm);
            check(&wasm, true);
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_or_left_alone() {
        let text = format!("(module (func $f call $f {}))", "nop ".repeat(300));
        let wasm = wat::parse_str(text).unwrap();
        for end in 0..wasm.len() {
            if let Ok(Some(rewritten)) = rewrite(&wasm[..end]) {
                // It ends where a section does.
                validate(&rewritten);
            }
        }
        for changed in 0..wasm.len() {
            for bit in 0..8 {
                let mut wasm = wasm.clone();
                wasm[changed] ^= 1 << bit;
                drop(rewrite(&wasm));
            }
        }
    }

    #[test]
    fn every_guest_stays_what_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/built");
        let mut rewritten = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let wasm = std::fs::read(entry.unwrap().path()).unwrap();
            let is_changed = rewrite(&wasm).is_ok_and(|wasm| wasm.is_some());
            rewritten += usize::from(is_changed);
            if is_changed {
                check(&wasm, true);
            }
        }
        assert!(rewritten > 20, "{rewritten}");
    }
}
