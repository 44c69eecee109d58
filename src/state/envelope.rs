//! How one value lies in sled: as one row or as several, each under a checksum that covers its key.
//!
//! Pure. A row is
//!
//! ```text
//! magic u8 | format u16 | crc32 u32 | body
//! ```
//!
//! with numbers big endian. The checksum covers the row's key, magic, format and body, so that a row that
//! turns up under another key is found. The body of a short value is its JSON. A long value is cut: its
//! first row has the number of rows (u32) and the checksum of the whole value (u32) before the first part,
//! so that parts of two versions never pass for one value.
//!
//! Parts are small because of sled: it keeps up to 17 rows in a page, more for a moment, and writes a page
//! of more than 128 KiB to a file of its own, without any sync; when that file is lost, opening never ends.
//! 20 rows of 4 KiB with their keys stay well below.

/// The longest part of a value in one row, in bytes.
pub(super) const PART_BYTES: usize = 4096;

/// The longest key, in bytes. Every row of a page holds one.
pub const KEY_LIMIT: usize = 512;

/// The format this build writes, and the newest it reads.
pub(super) const FORMAT: u16 = 1;

const MAGIC_WHOLE: u8 = 0xD0;
const MAGIC_FIRST: u8 = 0xD1;
const MAGIC_PART: u8 = 0xD2;
const HEADER_BYTES: usize = 7;

/// One row as it lies in sled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) tree: &'a str,
    pub(super) key: &'a str,
    pub(super) part: u32,
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was written by a newer build.
    Newer(u16),
    /// It is not what was written.
    Damaged(String),
}

impl Place<'_> {
    /// Tree and key end with a NUL, which neither may hold: so no key is the beginning of another, and rows
    /// sort by tree, key and part.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = prefix(self.tree);
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&self.part.to_be_bytes());
        bytes
    }
}

/// What the keys of all rows of a tree begin with.
pub(super) fn prefix(tree: &str) -> Vec<u8> {
    let mut bytes = tree.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Reads a row's key.
pub(super) fn place(key: &[u8]) -> Option<Place<'_>> {
    let (named, part) = key.split_last_chunk::<4>()?;
    let (tree, key) = std::str::from_utf8(named.strip_suffix(&[0])?).ok()?.split_once('\0')?;
    Some(Place { tree, key, part: u32::from_be_bytes(*part) })
}

/// What the keys of all rows of a value begin with.
pub(super) fn without_part(key: &[u8]) -> &[u8] {
    key.split_last_chunk::<4>().map_or(key, |(value, _)| value)
}

/// The rows of a value.
pub(super) fn seal(tree: &str, key: &str, value: &[u8]) -> Vec<Row> {
    let row = |part: u32, magic: u8, body: &[u8]| {
        let key = Place { tree, key, part }.to_bytes();
        let crc = checksum(&key, magic, FORMAT, body);
        let mut value = vec![magic];
        value.extend_from_slice(&FORMAT.to_be_bytes());
        value.extend_from_slice(&crc.to_be_bytes());
        value.extend_from_slice(body);
        Row { key, value }
    };
    if value.len() <= PART_BYTES {
        return vec![row(0, MAGIC_WHOLE, value)];
    }
    let parts: Vec<&[u8]> = value.chunks(PART_BYTES).collect();
    let mut rows = Vec::with_capacity(parts.len());
    for (number, part) in (0_u32..).zip(&parts) {
        if number == 0 {
            let mut first = (parts.len() as u32).to_be_bytes().to_vec();
            first.extend_from_slice(&crc32fast::hash(value).to_be_bytes());
            first.extend_from_slice(part);
            rows.push(row(number, MAGIC_FIRST, &first));
        } else {
            rows.push(row(number, MAGIC_PART, part));
        }
    }
    rows
}

/// A value whose rows are being put together.
#[derive(Debug)]
pub(super) struct Opening {
    /// How many rows it has.
    pub(super) parts: u32,
    whole: Option<u32>,
    next: u32,
    bytes: Vec<u8>,
}

impl Opening {
    /// Begins with the row of part 0.
    pub(super) fn begin(key: &[u8], row: &[u8]) -> Result<Self, Fault> {
        let (magic, body) = check(key, row)?;
        match magic {
            MAGIC_WHOLE => Ok(Self { parts: 1, whole: None, next: 1, bytes: body.to_vec() }),
            MAGIC_FIRST => {
                let short = || Fault::Damaged("its first part is too short".to_owned());
                let (parts, body) = body.split_first_chunk::<4>().ok_or_else(short)?;
                let (whole, body) = body.split_first_chunk::<4>().ok_or_else(short)?;
                Ok(Self {
                    parts: u32::from_be_bytes(*parts),
                    whole: Some(u32::from_be_bytes(*whole)),
                    next: 1,
                    bytes: body.to_vec(),
                })
            }
            _ => Err(Fault::Damaged("its first part is missing".to_owned())),
        }
    }

    /// Adds the row of the next part.
    pub(super) fn add(&mut self, key: &[u8], row: &[u8]) -> Result<(), Fault> {
        let (magic, body) = check(key, row)?;
        let expected = self.next;
        let found = place(key).map(|place| place.part);
        if magic != MAGIC_PART || expected >= self.parts || found != Some(expected) {
            return Err(Fault::Damaged(format!(
                "part `{expected}` of `{}` is not where it belongs",
                self.parts
            )));
        }
        self.next += 1;
        self.bytes.extend_from_slice(body);
        Ok(())
    }

    /// The whole value.
    pub(super) fn finish(self) -> Result<Vec<u8>, Fault> {
        if self.next != self.parts {
            return Err(Fault::Damaged(format!("it has {} parts, expected {}", self.next, self.parts)));
        }
        if self.whole.is_some_and(|whole| whole != crc32fast::hash(&self.bytes)) {
            return Err(Fault::Damaged("its parts are of different versions".to_owned()));
        }
        Ok(self.bytes)
    }
}

/// The checksum that a row carries, as it is written in it.
pub(super) fn stored_checksum(row: &[u8]) -> u32 {
    row.get(3..HEADER_BYTES).and_then(|crc| crc.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn check<'a>(key: &[u8], row: &'a [u8]) -> Result<(u8, &'a [u8]), Fault> {
    let Some((&[magic, high, low, ..], body)) = row.split_first_chunk::<HEADER_BYTES>() else {
        return Err(Fault::Damaged(format!("it has {} bytes, expected at least {HEADER_BYTES}", row.len())));
    };
    let format = u16::from_be_bytes([high, low]);
    let (found, expected) = (stored_checksum(row), checksum(key, magic, format, body));
    if found != expected {
        return Err(Fault::Damaged(format!("its checksum is `{found:08x}`, expected `{expected:08x}`")));
    }
    if format > FORMAT {
        return Err(Fault::Newer(format));
    }
    Ok((magic, body))
}

fn checksum(key: &[u8], magic: u8, format: u16, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&[magic]);
    hasher.update(&format.to_be_bytes());
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(rows: &[Row]) -> Result<Vec<u8>, Fault> {
        let mut opening = Opening::begin(&rows[0].key, &rows[0].value)?;
        for row in &rows[1..] {
            opening.add(&row.key, &row.value)?;
        }
        opening.finish()
    }

    fn long_value() -> Vec<u8> {
        (0..PART_BYTES * 3 + 17).map(|index| (index % 251) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: proptest::test_runner::RngSeed::Fixed(0xD0),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn what_was_sealed_opens(size in 0..PART_BYTES * 3, fill in any::<u8>(), key in "[^\0]{1,40}") {
            let value: Vec<u8> = (0..size).map(|index| (index as u8).wrapping_mul(fill)).collect();
            let rows = seal("groups", &key, &value);
            prop_assert_eq!(rows.len(), size.div_ceil(PART_BYTES).max(1));
            for (number, row) in (0..).zip(&rows) {
                prop_assert_eq!(place(&row.key), Some(Place { tree: "groups", key: &key, part: number }));
            }
            prop_assert_eq!(open(&rows).unwrap(), value);
        }
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let rows = seal("groups", "g-1", b"{\"members\":12}");
        for index in 0..rows[0].value.len() {
            for flip in [0x01, 0x20, 0x80, 0xFF] {
                let mut damaged = rows.clone();
                damaged[0].value[index] ^= flip;
                assert!(open(&damaged).is_err(), "byte {index}");
            }
        }
    }

    #[test]
    fn a_row_under_another_key_is_found() {
        let mut rows = seal("groups", "g-1", b"{}");
        rows[0].key = seal("groups", "g-2", b"{}").remove(0).key;
        assert!(matches!(open(&rows), Err(Fault::Damaged(_))));
    }

    #[test]
    fn missing_swapped_and_mixed_parts_are_found() {
        let rows = seal("members", "g-1", &long_value());
        assert_eq!(rows.len(), 4);
        let mut without_last = rows.clone();
        without_last.pop();
        assert!(open(&without_last).is_err());
        let mut without_first = rows.clone();
        without_first.remove(0);
        assert!(open(&without_first).is_err());
        let mut swapped = rows.clone();
        swapped.swap(1, 2);
        assert!(open(&swapped).is_err());

        let mut other = long_value();
        other[PART_BYTES] ^= 1;
        let mut mixed = rows;
        mixed[1] = seal("members", "g-1", &other).swap_remove(1);
        assert_eq!(open(&mixed), Err(Fault::Damaged("its parts are of different versions".to_owned())));
    }

    #[test]
    fn a_row_of_a_newer_build_is_not_read() {
        let mut row = seal("groups", "g-1", b"{}").remove(0);
        let crc = checksum(&row.key, MAGIC_WHOLE, 2, b"{}");
        row.value[1..3].copy_from_slice(&2_u16.to_be_bytes());
        row.value[3..7].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(open(&[row]), Err(Fault::Newer(2)));
    }
}
