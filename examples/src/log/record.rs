//! A record on the device: its length, a checksum, its bytes.

/// Bytes before a record's own.
pub const PREFIX: usize = 8;
/// The longest record, in bytes.
pub const RECORD_MAX: usize = 1 << 20;

/// What a look at some bytes of the log has found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    Record(&'a [u8]),
    /// It may be one, if more bytes follow.
    Part,
    /// Not a record: what a crash has left of one.
    Torn,
}

/// A record as it lies at `position`.
///
/// The position is a part of the checksum, so that old bytes behind the end are never taken for records.
pub fn write(position: u64, bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(PREFIX + bytes.len());
    let length = u32::try_from(bytes.len()).expect("no record is longer than RECORD_MAX");
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&checksum(position, bytes).to_le_bytes());
    record.extend_from_slice(bytes);
    record
}

/// Looks for a record at the front of `bytes`, which lie at `position`.
pub fn read(position: u64, bytes: &[u8]) -> Found<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Found::Part };
    let [a, b, c, d, e, f, g, h] = *prefix;
    let (length, sum) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]));
    if length > RECORD_MAX {
        return Found::Torn;
    }
    match rest.get(..length) {
        None => Found::Part,
        Some(record) if checksum(position, record) == sum => Found::Record(record),
        Some(_) => Found::Torn,
    }
}

fn checksum(position: u64, bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&position.to_le_bytes());
    sum.update(&(bytes.len() as u32).to_le_bytes());
    sum.update(bytes);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_where_it_was_written_and_nowhere_else() {
        for bytes in [&b""[..], b"x", &[7; 5000]] {
            let record = write(40, bytes);
            assert_eq!(read(40, &record), Found::Record(bytes));
            assert_eq!(read(41, &record), Found::Torn);
            for cut in 0..record.len() {
                assert_eq!(read(40, &record[..cut]), Found::Part);
            }
            for at in PREFIX..record.len() {
                let mut wrong = record.clone();
                wrong[at] ^= 1;
                assert_eq!(read(40, &wrong), Found::Torn);
            }
        }
        assert_eq!(read(0, &[0xff; 100]), Found::Torn, "longer than any record");
    }
}
