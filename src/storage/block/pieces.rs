//! Cutting a text into pieces, so that what two texts share is stored once.
//!
//! Agents send the whole conversation with every call: the same JSON list of messages, each time
//! with a few more at its end. So a JSON text is cut in front of the items of its outer lists; a
//! cut depends on what stands before it only, and texts that begin alike share their pieces.

use std::ops::Range;

use crate::limits;

/// The pieces of a text, in order, without gaps. A text that is no JSON is one piece.
pub(super) fn pieces(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut from = 0;
    if bytes.len() > limits::PIECE_MIN_BYTES && matches!(bytes[0], b'[' | b'{') {
        let mut cut = |at: usize| {
            if at - from >= limits::PIECE_MIN_BYTES {
                pieces.push(from..at);
                from = at;
            }
        };
        boundaries(bytes, &mut cut);
    }
    pieces.push(from..bytes.len());
    pieces
}

/// Calls `at` with every place in front of an item of an outer list, its comma included, and in
/// front of the end of such a list. It need not be valid JSON: the pieces are the text in any case.
fn boundaries(bytes: &[u8], at: &mut impl FnMut(usize)) {
    let mut open: Vec<u8> = Vec::new();
    let mut place = 0;
    loop {
        let found = memchr::memchr3(b'"', b',', b'[', &bytes[place..]);
        let until = found.map_or(bytes.len(), |found| place + found);
        // Braces and closing brackets in between matter too.
        for (offset, byte) in bytes[place..until].iter().enumerate() {
            match byte {
                b'{' => open.push(b'{'),
                b'}' => drop(open.pop()),
                b']' => {
                    if is_outer(&open) {
                        at(place + offset);
                    }
                    open.pop();
                }
                _ => {}
            }
        }
        if open.len() > limits::VALUE_DEPTH {
            return;
        }
        place = until + 1;
        match bytes.get(until) {
            None => return,
            Some(b'"') => place = end_of_string(bytes, until + 1),
            Some(b'[') => open.push(b'['),
            Some(_) if is_outer(&open) => at(until),
            Some(_) => {}
        }
    }
}

/// Whether the innermost open thing is a list, and one of the outer two levels.
fn is_outer(open: &[u8]) -> bool {
    open.len() <= 2 && open.last() == Some(&b'[')
}

/// Behind the closing quote of a string whose text begins at `from`.
fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut place = from;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[place..]) {
        if bytes[place + found] == b'"' {
            return place + found + 1;
        }
        place = (place + found + 2).min(bytes.len());
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|piece| &text[piece]).collect()
    }

    fn message(role: &str, letter: char) -> String {
        let text = String::from(letter).repeat(80);
        format!(r#"{{"role":"{role}","parts":[{{"content":"{text} [, \" ] {{"}}]}}"#)
    }

    #[test]
    fn a_longer_conversation_begins_with_the_pieces_of_the_shorter_one() {
        let (a, b, c) = (message("system", 'a'), message("user", 'b'), message("tool", 'c'));
        let shorter = format!("[{a},{b}]");
        let longer = format!("[{a},{b},{c}]");
        assert_eq!(cut(&shorter), [&format!("[{a}"), &format!(",{b}"), "]"]);
        assert_eq!(cut(&longer), [&format!("[{a}"), &format!(",{b}"), &format!(",{c}"), "]"]);
        let wrapped = format!(r#"{{"messages":[{a},{b}],"model":"x"}}"#);
        assert_eq!(cut(&wrapped).len(), 3, "{:?}", cut(&wrapped));
    }

    #[test]
    fn small_items_stay_together_and_plain_text_whole() {
        assert_eq!(cut("[1,2,3]"), ["[1,2,3]"]);
        assert_eq!(cut(""), [""]);
        let plain = "no list, though it has commas ".repeat(20);
        assert_eq!(cut(&plain), [plain.as_str()]);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_whatever_it_is(
            parts in prop::collection::vec("[\\[\\]{},\"\\\\aé]{0,90}", 0..20)
        ) {
            let text = parts.concat();
            let mut end = 0;
            for piece in pieces(&text) {
                prop_assert_eq!(piece.start, end);
                prop_assert!(text.is_char_boundary(piece.end));
                end = piece.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
