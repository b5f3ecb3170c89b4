//! Values in parts, each of which fills a page, and the ends that are left, which share pages.

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
    /// The length, and how many parts it is without its end.
    fn parts(self) -> Result<(usize, u32), StoreFailure> {
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        if bytes > MAX_VALUE_BYTES {
            // Nobody wrote that, and room for it must not be asked for.
            return Err(StoreFailure::damaged("a value that is longer than values are"));
        }
        Ok((bytes, u32::try_from(bytes / PART_BYTES).unwrap_or(u32::MAX)))
    }
}

/// The tables of values, of a transaction that reads (`P` and `E`) or writes.
#[derive(Debug)]
pub(crate) struct Values<P, E> {
    pub(crate) parts: P,
    pub(crate) ends: E,
}

/// The tables of values, while they are changed.
pub(crate) type WritableValues<'a> =
    Values<Table<'a, (u64, u32), &'static [u8]>, Table<'a, u64, &'static [u8]>>;

impl WritableValues<'_> {
    /// Writes a value in place of what is there under its number.
    pub(crate) fn write(&mut self, old: Place, bytes: &[u8]) -> Result<(), StoreFailure> {
        let (_, old_parts) = old.parts()?;
        let whole = bytes.chunks_exact(PART_BYTES);
        let end = whole.remainder();
        let mut parts = 0;
        for part in whole {
            self.parts.insert((old.value, parts), part)?;
            parts += 1;
        }
        for part in parts..old_parts {
            self.parts.remove((old.value, part))?;
        }
        if end.is_empty() {
            self.ends.remove(old.value)?;
        } else {
            self.ends.insert(old.value, end)?;
        }
        Ok(())
    }

    /// Removes all of a value.
    pub(crate) fn remove(&mut self, place: Place) -> Result<(), StoreFailure> {
        self.write(place, &[])
    }
}

impl<P, E> Values<P, E>
where
    P: ReadableTable<(u64, u32), &'static [u8]>,
    E: ReadableTable<u64, &'static [u8]>,
{
    /// Reads a value.
    pub(crate) fn read(&self, place: Place) -> Result<Vec<u8>, StoreFailure> {
        let (length, parts) = place.parts()?;
        let mut bytes = Vec::with_capacity(length);
        for entry in self.parts.range((place.value, 0)..(place.value, parts))? {
            let (_, part) = entry?;
            take(&mut bytes, part.value(), length)?;
        }
        if let Some(end) = self.ends.get(place.value)? {
            take(&mut bytes, end.value(), length)?;
        }
        if bytes.len() < length {
            return Err(StoreFailure::damaged("a value with a part missing"));
        }
        Ok(bytes)
    }
}

fn take(bytes: &mut Vec<u8>, part: &[u8], length: usize) -> Result<(), StoreFailure> {
    if bytes.len().saturating_add(part.len()) > length {
        return Err(StoreFailure::damaged("a value with more parts than it is long"));
    }
    bytes.extend_from_slice(part);
    Ok(())
}
