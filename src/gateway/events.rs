//! Server-sent events in a stream that comes in pieces.
//!
//! Two things at once: the events for the reader on the side, and the bytes for the caller, from
//! which whole events can be left out. Where nothing is left out, the caller's bytes do not pass
//! through here at all.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use crate::limits;

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The caller gets it.
    Pass,
    /// It is taken out of the stream.
    Strip,
}

/// Splits a stream into events.
#[derive(Default)]
pub(super) struct Events {
    /// The unfinished event, from its first byte.
    held: BytesMut,
    /// How much of it has no end in it.
    looked: usize,
    /// Bytes of the unfinished event that the caller already has.
    passed: usize,
    /// Whether the unfinished event is longer than any that is read.
    skipping: bool,
    /// Events that were not read.
    pub(super) skipped: u64,
}

impl Events {
    /// Takes a piece; `read` sees the bytes of every event that it completes. With `out`, what
    /// the caller is to get is put there; unfinished events wait up to a bound.
    pub(super) fn push(
        &mut self,
        piece: &Bytes,
        mut out: Option<&mut VecDeque<Bytes>>,
        mut read: impl FnMut(&[u8]) -> Verdict,
    ) {
        let mut rest = piece.clone();
        while !rest.is_empty() {
            rest = if self.held.is_empty() && !self.skipping {
                self.whole(rest, &mut out, &mut read)
            } else {
                self.continued(rest, &mut out, &mut read)
            };
        }
    }

    /// What is still held back at the stream's end.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        let passed = std::mem::take(&mut self.passed);
        let mut held = std::mem::take(&mut self.held);
        held.advance(passed.min(held.len()));
        (!held.is_empty()).then(|| held.freeze())
    }

    /// Events that lie whole in a piece are read where they are; the rest of it is held.
    fn whole(
        &mut self,
        mut rest: Bytes,
        out: &mut Option<&mut VecDeque<Bytes>>,
        read: &mut impl FnMut(&[u8]) -> Verdict,
    ) -> Bytes {
        // From here to `at` everything goes to the caller in one slice.
        let (mut from, mut at) = (0, 0);
        while let Some(length) = end_of_event(&rest[at..], 0) {
            let verdict = read(&rest[at..at + length]);
            if verdict == Verdict::Strip {
                pass(out, rest.slice(from..at));
                from = at + length;
            }
            at += length;
        }
        pass(out, rest.slice(from..at));
        rest.advance(at);
        self.hold(&rest, out);
        Bytes::new()
    }

    /// Goes on with an event that began in an earlier piece.
    fn continued(
        &mut self,
        mut rest: Bytes,
        out: &mut Option<&mut VecDeque<Bytes>>,
        read: &mut impl FnMut(&[u8]) -> Verdict,
    ) -> Bytes {
        let before = self.held.len();
        // An end may lie across the border: a few bytes of what is held are looked at again.
        self.held.extend_from_slice(&rest);
        let Some(length) = end_of_event(&self.held, self.looked.saturating_sub(3)) else {
            rest.clear();
            self.settle_long(out);
            return rest;
        };
        let mut event = std::mem::take(&mut self.held);
        event.truncate(length);
        rest.advance(length - before);
        let verdict = if std::mem::take(&mut self.skipping) {
            self.skipped += 1;
            Verdict::Pass
        } else {
            read(&event)
        };
        let passed = std::mem::take(&mut self.passed);
        self.looked = 0;
        // What the caller has begun to get, it gets whole.
        if verdict == Verdict::Pass || passed > 0 {
            event.advance(passed);
            pass(out, event.freeze());
        }
        rest
    }

    fn hold(&mut self, rest: &[u8], out: &mut Option<&mut VecDeque<Bytes>>) {
        if !rest.is_empty() {
            self.held.extend_from_slice(rest);
            self.passed = 0;
            self.settle_long(out);
        }
    }

    /// An unfinished event that is too long to be the one that is taken out goes on to the
    /// caller; one that is too long to be read is forgotten but for its end.
    fn settle_long(&mut self, out: &mut Option<&mut VecDeque<Bytes>>) {
        if out.is_some() && self.held.len() > limits::GATEWAY_HELD_BACK_BYTES {
            pass(out, Bytes::copy_from_slice(&self.held[self.passed..]));
            self.passed = self.held.len();
        }
        self.looked = self.held.len();
        if self.held.len() > limits::GATEWAY_EVENT_BYTES {
            self.skipping = true;
            let forgotten = self.held.len() - 4;
            self.held.advance(forgotten);
            self.passed = self.passed.saturating_sub(forgotten);
            self.looked = self.held.len();
        }
    }
}

fn pass(out: &mut Option<&mut VecDeque<Bytes>>, bytes: Bytes) {
    if let Some(out) = out
        && !bytes.is_empty()
    {
        out.push_back(bytes);
    }
}

/// The length of the event at the beginning, blank line included; its end is looked for from
/// `from` on. Lines end with `\n`, `\r\n` or `\r`.
fn end_of_event(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr2(b'\n', b'\r', bytes.get(at..)?) {
        let first = line_end(bytes, at + found)?;
        // Lines that are blank before anything else belong to the event that follows them.
        match bytes.get(first) {
            Some(b'\n' | b'\r') => match line_end(bytes, first) {
                Some(second) => return Some(second),
                None => return None,
            },
            Some(_) => at = first,
            None => return None,
        }
    }
    None
}

/// The place behind the line end that begins at `at`; `None` where its second byte may still
/// come.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes[at], bytes.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        // Streams that use `\r` alone do so throughout.
        (b'\r', None) if bytes[..at].contains(&b'\n') => None,
        _ => Some(at + 1),
    }
}

/// The data of an event: of its `data` lines what follows the colon, joined by line ends.
pub(super) fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Some(value) = line.strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut found {
            None => found = Some(Cow::Borrowed(value)),
            Some(data) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "data: {\"a\":1}\n\ndata: strip\n\n: comment\r\nevent: x\r\ndata: two\r\n\
                          data: lines\r\n\r\ndata:strip\r\n\r\ndata: [DONE]\n\nid: 7";

    fn run(pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>) {
        let (mut events, mut out, mut seen) = (Events::default(), VecDeque::new(), Vec::new());
        for piece in pieces {
            events.push(&Bytes::copy_from_slice(piece), Some(&mut out), |event| {
                let data = data(event).unwrap_or_default();
                seen.push(String::from_utf8_lossy(&data).into_owned());
                if *data == *b"strip" { Verdict::Strip } else { Verdict::Pass }
            });
        }
        out.extend(events.finish());
        (seen, out.iter().flatten().copied().collect())
    }

    #[test]
    fn however_a_stream_is_cut_the_same_comes_out() {
        let expected = STREAM.replace("data: strip\n\n", "").replace("data:strip\r\n\r\n", "");
        let seen = ["{\"a\":1}", "strip", "two\nlines", "strip", "[DONE]"];
        for size in 1..=STREAM.len() {
            let pieces: Vec<&[u8]> = STREAM.as_bytes().chunks(size).collect();
            let (events, out) = run(&pieces);
            assert_eq!(events, seen, "pieces of {size}");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn streams_of_bare_carriage_returns_are_not_held_up() {
        let (events, _) = run(&[b"data: a\r\r", b"data: b\r\r"]);
        assert_eq!(events, ["a", "b"]);
    }

    #[test]
    fn an_event_beyond_the_bounds_passes_unread() {
        let long = [&b"data: "[..], &vec![b'x'; limits::GATEWAY_EVENT_BYTES + 9], b"\n\n"].concat();
        let stream = [&long[..], b"data: strip\n\ndata: b\n\n"].concat();
        for size in [1 << 10, 4099, 1 << 20, stream.len()] {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            let (events, out) = run(&pieces);
            assert_eq!(&events[events.len() - 2..], ["strip", "b"], "pieces of {size}");
            assert_eq!(out.len(), stream.len() - b"data: strip\n\n".len(), "pieces of {size}");
            assert!(out == [&long[..], b"data: b\n\n"].concat(), "pieces of {size}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_what_is_stripped_is_changed(
            text in "(data: (strip|[a-z]{0,9})|:|id: 1|[a-z]{0,3}|\n|\r\n|\n\n){0,40}",
            cuts in prop::collection::vec(1..20_usize, 1..40),
        ) {
            let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let mut events = Events::default();
            let (mut out, mut stripped) = (VecDeque::new(), 0);
            for piece in &pieces {
                events.push(&Bytes::copy_from_slice(piece), Some(&mut out), |event| {
                    if data(event).is_some_and(|data| *data == *b"strip") {
                        stripped += event.len();
                        return Verdict::Strip;
                    }
                    Verdict::Pass
                });
            }
            out.extend(events.finish());
            let out: Vec<u8> = out.iter().flatten().copied().collect();
            prop_assert_eq!(out.len() + stripped, text.len());
            let whole = run(&[text.as_bytes()]);
            prop_assert_eq!(whole.1, out);
        }
    }
}
