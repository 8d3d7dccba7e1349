//! What the index needs of the log: its segments, and stretches of their batches.
//!
//! The seam for another form of closed segments: whatever can lend their batches in order can
//! be searched.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use super::Place;
use crate::storage::log::{Log, ReadError, SegmentInfo};
use crate::storage::{Batch, Position};

/// A log as the index sees it.
pub(in crate::storage) trait Frames: Send + Sync {
    /// The segments kept, oldest first.
    fn segments(&self) -> Vec<SegmentInfo>;

    /// Calls `visit` with the batches that begin at `from` or behind it and before the offset
    /// `until` of the same segment, in order, until it breaks off.
    fn read(
        &self,
        from: Position,
        until: u64,
        visit: &mut dyn FnMut(Position, &Batch) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;
}

impl Frames for Log {
    fn segments(&self) -> Vec<SegmentInfo> {
        Log::segments(self)
    }

    fn read(
        &self,
        from: Position,
        until: u64,
        visit: &mut dyn FnMut(Position, &Batch) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut reader = self.reader_within(from, until);
        while let Some((at, batch)) = reader.next()? {
            if visit(at, &batch).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Calls `visit` with the batches of a group that begin before `until`; none if its
/// segment is gone.
pub(in crate::storage) fn read_group(
    frames: &dyn Frames,
    place: &Place,
    until: Position,
    visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let Place { segment, group } = *place;
    let from = Position { segment, offset: group.first };
    let read = frames.read(from, group.end, &mut |at, batch| {
        if at.offset > group.last || at >= until {
            return ControlFlow::Break(());
        }
        visit(batch)
    });
    match read {
        // Retention may remove a segment at any time; what was in it is no longer kept.
        Err(ReadError::Gone { .. }) => Ok(()),
        Err(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
        read => read,
    }
}
