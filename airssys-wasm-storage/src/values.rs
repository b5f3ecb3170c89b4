//! Values in parts, each of which fills a page.

use redb::{ReadableTable, Table};

use crate::bounds::{MAX_VALUE_BYTES, PART_BYTES};
use crate::error::StoreFailure;

/// Where a value lies: its number, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) value: u64,
    pub(crate) bytes: u64,
}

impl From<(u64, u64)> for Place {
    fn from((value, bytes): (u64, u64)) -> Self {
        Self { value, bytes }
    }
}

impl Place {
    /// The numbers that its parts would have one after the other, the first of them that is not there included.
    fn end(self) -> Result<(usize, u32), StoreFailure> {
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if bytes > MAX_VALUE_BYTES {
            // Nobody wrote that, and room for it must not be asked for.
            return Err(StoreFailure::damaged("a value that is longer than values are"));
        }
        let parts = bytes.div_ceil(PART_BYTES);
        Ok((bytes, u32::try_from(parts).unwrap_or(u32::MAX)))
    }
}

/// Writes a value in place of what is there under its number.
pub(crate) fn write(
    parts: &mut Table<'_, (u64, u32), &'static [u8]>,
    old: Place,
    bytes: &[u8],
) -> Result<(), StoreFailure> {
    let (_, old_end) = old.end()?;
    let mut end = 0;
    for part in bytes.chunks(PART_BYTES) {
        parts.insert((old.value, end), part)?;
        end += 1;
    }
    for part in end..old_end {
        parts.remove((old.value, part))?;
    }
    Ok(())
}

/// Removes all parts of a value.
pub(crate) fn remove(
    parts: &mut Table<'_, (u64, u32), &'static [u8]>,
    place: Place,
) -> Result<(), StoreFailure> {
    write(parts, place, &[])
}

/// Reads a value.
pub(crate) fn read(
    parts: &impl ReadableTable<(u64, u32), &'static [u8]>,
    place: Place,
) -> Result<Vec<u8>, StoreFailure> {
    let (length, end) = place.end()?;
    let mut bytes = Vec::with_capacity(length);
    for entry in parts.range((place.value, 0)..(place.value, end))? {
        let (_, part) = entry?;
        if bytes.len() + part.value().len() > length {
            return Err(StoreFailure::damaged("a value with more parts than it is long"));
        }
        bytes.extend_from_slice(part.value());
    }
    if bytes.len() < length {
        return Err(StoreFailure::damaged("a value with a part missing"));
    }
    Ok(bytes)
}
