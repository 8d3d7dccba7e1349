//! Edits of a protobuf message: fields that are left out or replaced, applied in one copy.
//!
//! The walk that decides only notes which fields change. Most requests change nowhere and are
//! copied in one piece; otherwise the copy descends only where an edit lies and mends the lengths
//! on the way, without knowing what the messages mean.

use std::ops::Range;

use crate::otlp::wire::{Fields, WireError};
use crate::otlp::write;

/// Noted edits, in the order in which they were decided.
#[derive(Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
    /// The replacing bytes of all edits, one after the other.
    arena: Vec<u8>,
}

/// Whole fields `start..end` of one message give way to `length` bytes of the arena.
#[derive(Debug, Clone, Copy)]
struct Edit {
    start: u32,
    end: u32,
    at: u32,
    length: u32,
    /// Set on edits of sibling fields only, so that neighbours may be joined.
    level: u8,
}

/// A place to return to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    edits: usize,
    arena: usize,
}

impl Edits {
    /// The present state.
    pub(super) fn mark(&self) -> Mark {
        Mark { edits: self.list.len(), arena: self.arena.len() }
    }

    /// Forgets the edits since `mark`.
    pub(super) fn forget(&mut self, mark: Mark) {
        self.list.truncate(mark.edits);
        self.arena.truncate(mark.arena);
    }

    /// Leaves out the field at `range`. Neighbouring fields of one `level` (its depth below the
    /// request) are left out in one edit, so that a million of them cost one.
    pub(super) fn leave_out(&mut self, range: Range<usize>, level: u8) {
        if let Some(last) = self.list.last_mut()
            && last.length == 0
            && last.level == level
            && last.end as usize == range.start
        {
            last.end = range.end as u32;
            return;
        }
        self.push(range, self.arena.len(), level);
    }

    /// Puts what `fill` writes in the place of the field at `range`.
    pub(super) fn replace(&mut self, range: Range<usize>, fill: impl FnOnce(&mut Vec<u8>)) {
        let at = self.arena.len();
        fill(&mut self.arena);
        self.push(range, at, u8::MAX);
    }

    fn push(&mut self, range: Range<usize>, at: usize, level: u8) {
        self.list.push(Edit {
            start: range.start as u32,
            end: range.end as u32,
            at: at as u32,
            length: (self.arena.len() - at) as u32,
            level,
        });
    }

    /// A copy of `body` with all edits applied.
    pub(super) fn apply(mut self, body: &[u8]) -> Result<Vec<u8>, WireError> {
        if self.list.is_empty() {
            return Ok(body.to_vec());
        }
        // A resource is looked at before the records that may stand in front of it.
        if !self.list.is_sorted_by_key(|edit| edit.start) {
            self.list.sort_by_key(|edit| edit.start);
        }
        let mut out = Vec::with_capacity(body.len() + self.arena.len());
        let copy = Copy { body, arena: &self.arena };
        copy.message(0..body.len(), &self.list, &mut out)?;
        Ok(out)
    }
}

struct Copy<'a> {
    body: &'a [u8],
    arena: &'a [u8],
}

impl Copy<'_> {
    /// Copies the message at `range`, inside which all of `edits` lie.
    fn message(
        &self,
        range: Range<usize>,
        mut edits: &[Edit],
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        let mut copied = range.start;
        let mut start = range.start;
        for field in Fields::of(&self.body[range.clone()]) {
            let field = field?;
            let end = start + field.raw.len();
            let Some(&first) = edits.first() else { break };
            if start >= copied && (first.start as usize) < end {
                out.extend_from_slice(&self.body[copied..start]);
                if first.start as usize == start {
                    let at = first.at as usize;
                    out.extend_from_slice(&self.arena[at..at + first.length as usize]);
                    copied = first.end as usize;
                    edits = &edits[1..];
                } else {
                    let inside = edits.partition_point(|edit| (edit.start as usize) < end);
                    let content = end - field.content.bytes()?.len()..end;
                    write::message_field(out, field.number, |out| {
                        self.message(content, &edits[..inside], out)
                    })?;
                    copied = end;
                    edits = &edits[inside..];
                }
            }
            start = end;
        }
        out.extend_from_slice(&self.body[copied..range.end]);
        Ok(())
    }
}
