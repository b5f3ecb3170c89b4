//! How deep the types of a component are written within each other.
//!
//! The reader of types calls itself for each type within a type, so that three kilobytes of them are more than the
//! stack of a thread holds. This walk keeps its place on the heap.
//!
//! Invariant: it goes as far into a section as any reader does.

use engine_wasmparser::{BinaryReader, ComponentType, ComponentTypeDeclaration, Result};

/// Types of components and of instances; all others hold no type, but name it.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

/// The declaration of a type within a type of these two.
const TYPE: u8 = 0x01;

/// How many levels of types there are at most in this section of component types, as far as it can be read. It
/// ends where there are more than `max`.
pub(super) fn type_depth(section: &[u8], max: u64) -> u64 {
    let mut deepest = 0;
    // What is not valid is refused by validation, which reads no further than this.
    let _ = walk(BinaryReader::new(section, 0), max, &mut deepest);
    deepest
}

fn walk(mut reader: BinaryReader<'_>, max: u64, deepest: &mut u64) -> Result<()> {
    // What is still to be read of each type that is open, and of the section itself.
    let mut open = vec![reader.read_var_u32()?];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if open.len() > 1 {
            if peek(&reader)? != TYPE {
                let _: ComponentTypeDeclaration<'_> = reader.read()?;
                continue;
            }
            reader.read_u8()?;
        }
        *deepest = (*deepest).max(open.len() as u64);
        if *deepest > max {
            return Ok(());
        }
        if matches!(peek(&reader)?, COMPONENT | INSTANCE) {
            reader.read_u8()?;
            open.push(reader.read_var_u32()?);
        } else {
            let _: ComponentType<'_> = reader.read()?;
        }
    }
    Ok(())
}

fn peek(reader: &BinaryReader<'_>) -> Result<u8> {
    reader.clone().read_u8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(section: &[u8], expected: u64) {
        assert_eq!(type_depth(section, 100), expected, "{section:x?}");
    }

    #[test]
    fn levels_are_counted_and_not_types() {
        check(&[0], 0);
        check(&[2, 0x7f, 0x40, 0, 1, 0], 1);
        // Two component types beside each other in an instance type, then a name for one of them.
        check(&[1, 0x42, 3, 1, 0x41, 0, 1, 0x41, 0, 4, 0, 1, b'x', 5, 0], 2);
        check(&[2, 0x41, 1, 1, 0x42, 1, 1, 0x7f, 0x7f], 3);
    }

    #[test]
    fn what_is_too_deep_or_broken_is_not_read_to_its_end() {
        let deep = [&[1][..], &[COMPONENT, 1, TYPE].repeat(100_000)].concat();
        check(&deep, 101);
        let broken = [&[1][..], &[INSTANCE, 1, TYPE].repeat(50), &[0xff]].concat();
        check(&broken, 51);
        check(&[], 0);
    }
}
