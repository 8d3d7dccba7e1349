//! Which span is whose child: a table of fixed size that every span is entered in.
//!
//! It is on the way of every span that comes in, so an entry costs one line of memory: four spans
//! share 64 bytes, and a new one takes the place of the oldest of the four.

use super::bytes::Kept;
use crate::limits;
use crate::model::{SpanId, TraceId};

/// A span within its trace, as a digest: even and never 0.
pub(super) type Key = u64;

/// No span: the parent of a root.
pub(super) const NOBODY: Key = 0;

/// Words of one line: four keys with their parents.
const LINE: usize = 8;
const LINES: usize = limits::WATCH_SPANS / 4;

/// The spans that arrived lately.
#[derive(Debug)]
pub(super) struct Spans {
    /// Keys, odd where the span is a run, each with its parent's behind it.
    words: Vec<u64>,
}

/// What is known of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its parent, or [`NOBODY`].
    pub(super) parent: Key,
    /// Whether it is a run of a workflow or an agent.
    pub(super) run: bool,
}

/// The key of a span.
#[inline]
pub(super) fn key(trace: TraceId, span: SpanId) -> Key {
    let (trace, span) = (trace.digest(), span.digest());
    let mixed = (trace ^ span.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ span;
    (mixed ^ mixed >> 32) & !1 | u64::from(mixed == 0) << 1
}

impl Spans {
    pub(super) fn new() -> Self {
        // Zeros that nobody has written to take no memory.
        Self { words: vec![0; LINES * LINE] }
    }

    /// Enters a span. Says what was known of it, if it is not new.
    #[inline]
    pub(super) fn insert(&mut self, key: Key, place: Place) -> Option<Place> {
        let line = self.line(key);
        let line = &mut self.words[line..line + LINE];
        for at in (0..LINE).step_by(2) {
            if line[at] & !1 == key {
                let known = Place { parent: line[at + 1], run: line[at] & 1 == 1 };
                line[at] |= u64::from(place.run);
                return Some(known);
            }
        }
        line.copy_within(0..LINE - 2, 2);
        line[0] = key | u64::from(place.run);
        line[1] = place.parent;
        None
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<Place> {
        let line = self.line(key);
        let pairs = self.words[line..line + LINE].chunks_exact(2);
        let mut found = pairs.filter(|pair| pair[0] & !1 == key);
        found.next().map(|pair| Place { parent: pair[1], run: pair[0] & 1 == 1 })
    }

    fn line(&self, key: Key) -> usize {
        (key.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 33) as usize % LINES * LINE
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let used = || self.words.chunks_exact(LINE).enumerate().filter(|(_, line)| line[0] != 0);
        (used().count() as u32).write(out);
        for (at, line) in used() {
            (at as u32).write(out);
            line.iter().for_each(|word| word.write(out));
        }
    }

    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        let mut read = Self::new();
        for _ in 0..u32::read(from)? {
            let at = u32::read(from)? as usize * LINE;
            for word in read.words.get_mut(at..at + LINE)? {
                *word = u64::read(from)?;
            }
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_again_and_the_oldest_make_room() {
        let mut spans = Spans::new();
        let place = |parent| Place { parent, run: parent % 4 == 0 };
        let keys: Vec<Key> = (1..=1_000).map(|it| it * 2).collect();
        for key in &keys {
            assert_eq!(spans.insert(*key, place(key + 2)), None);
        }
        assert!(keys.iter().all(|key| spans.get(*key) == Some(place(key + 2))));
        assert_eq!(spans.insert(2, place(8)), Some(place(4)), "the first parent stays");
        assert_eq!(spans.get(2), Some(Place { parent: 4, run: true }));
        let mut bytes = Vec::new();
        spans.write(&mut bytes);
        assert_eq!(Spans::read(&mut &bytes[..]).unwrap().words, spans.words);
        for key in 1_000_000..4_000_000 {
            spans.insert(key * 2, place(2));
        }
        assert_eq!(spans.get(2_000), None);
        assert!(spans.get(2 * 3_999_999).is_some());
    }
}
