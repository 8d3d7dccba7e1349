//! Building protobuf messages.

/// Appends `varint`.
pub fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a varint field (integers, booleans, enums).
pub fn varint_field(out: &mut Vec<u8>, field: u32, number: u64) {
    varint(out, u64::from(field) << 3);
    varint(out, number);
}

/// Appends a `fixed64`, `sfixed64` or `double` field.
pub fn fixed64_field(out: &mut Vec<u8>, field: u32, bits: u64) {
    varint(out, u64::from(field) << 3 | 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a `fixed32` field.
pub fn fixed32_field(out: &mut Vec<u8>, field: u32, bits: u32) {
    varint(out, u64::from(field) << 3 | 5);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a text, bytes or already encoded message field.
pub fn bytes_field(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    varint(out, u64::from(field) << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a message field whose content `fill` writes straight into `out`; the length is put
/// in front afterwards. Returns what `fill` returns.
pub fn message_field<T>(out: &mut Vec<u8>, field: u32, fill: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let at = begin_message(out, field);
    let result = fill(out);
    end_message(out, at);
    result
}

/// Begins a message field; what is appended until [`end_message`] gets the returned place is its
/// content.
pub fn begin_message(out: &mut Vec<u8>, field: u32) -> usize {
    varint(out, u64::from(field) << 3 | 2);
    let at = out.len();
    // One byte is kept for the length, which fits most messages; longer ones are moved once.
    out.push(0);
    at
}

/// Ends the message field that was begun at `at`.
pub fn end_message(out: &mut Vec<u8>, at: usize) {
    let length = out.len() - at - 1;
    if length < 0x80 {
        out[at] = length as u8;
    } else {
        let mut prefix = Vec::with_capacity(10);
        varint(&mut prefix, length as u64);
        out.splice(at..=at, prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::wire::Fields;

    #[test]
    fn lengths_of_every_size_read_back() {
        for size in [0, 1, 127, 128, 300, 20_000] {
            let mut out = Vec::new();
            message_field(&mut out, 3, |out| out.extend(std::iter::repeat_n(7, size)));
            let field = Fields::of(&out).next().unwrap().unwrap();
            assert_eq!((field.number, field.content.bytes().unwrap().len()), (3, size));
            assert_eq!(field.raw.len(), out.len());
        }
    }
}
