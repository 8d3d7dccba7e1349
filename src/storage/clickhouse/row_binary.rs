//! ClickHouse's RowBinary: values one behind the other, lengths as varints.

use crate::otlp::write::varint;

/// Keys and values of a `Map(String, String)` column.
pub(super) type Pairs = Vec<(String, String)>;

/// Appends a `String`.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a `Map(String, String)`.
pub(super) fn put_map<K: AsRef<str>, V: AsRef<str>>(out: &mut Vec<u8>, pairs: &[(K, V)]) {
    varint(out, pairs.len() as u64);
    for (key, value) in pairs {
        put_text(out, key.as_ref());
        put_text(out, value.as_ref());
    }
}

/// Appends an integer of this many bytes. One that is too large becomes the largest.
pub(super) fn put_integer(out: &mut Vec<u8>, number: u64, bytes: usize) {
    let largest = u64::MAX >> (64 - 8 * bytes.clamp(1, 8));
    out.extend_from_slice(&number.min(largest).to_le_bytes()[..bytes.clamp(1, 8)]);
}

/// Reads values; `None` where the bytes end within one.
#[derive(Debug, Clone)]
pub(super) struct Values<'b>(pub(super) &'b [u8]);

impl<'b> Values<'b> {
    pub(super) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    /// A time as nanoseconds since the Unix epoch; 0 for times before it.
    pub(super) fn time(&mut self) -> Option<u64> {
        self.u64().map(|bits| u64::try_from(bits.cast_signed()).unwrap_or(0))
    }

    /// A text. What is not UTF-8 is replaced, as it cannot stand in OTLP.
    pub(super) fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    pub(super) fn map(&mut self) -> Option<Pairs> {
        self.list(|values| Some((values.text()?, values.text()?)))
    }

    pub(super) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let length = self.length()?;
        // Not allocated in advance: the length may be anything.
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(one(self)?);
        }
        Some(items)
    }

    fn length(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(number).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_cut_is_noticed() {
        let mut out = Vec::new();
        put_text(&mut out, &"é".repeat(100));
        put_map(&mut out, &[("k", "v"), ("", "\0")]);
        put_integer(&mut out, 300, 1);
        put_integer(&mut out, 300, 8);
        let read = |bytes| {
            let mut values = Values(bytes);
            let read = (values.text()?, values.map()?, values.u8()?, values.u64()?);
            Some((read, values.0.len()))
        };
        let ((text, map, small, large), rest) = read(&out).unwrap();
        assert_eq!((text.chars().count(), small, large, rest), (100, 255, 300, 0));
        assert_eq!(map, [("k".to_owned(), "v".to_owned()), (String::new(), "\0".to_owned())]);
        for cut in 0..out.len() {
            assert!(read(&out[..cut]).is_none(), "{cut}");
        }
        assert!(Values(&[0xff; 12]).text().is_none());
    }
}
