//! Reads the log in order, up to its committed end and again when that has moved.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::error::ReadError;
use super::header::SEGMENT_HEADER_BYTES;
use super::scan::Hole;
use super::segment::{Look, SegmentFile};
use super::status::{Expired, add_items};
use super::table::{Segment, Shared, first_frame};
use crate::limits;
use crate::storage::{Batch, Position};

/// Reads the log in order. At the committed end it says `None`, and goes on once more has been
/// committed. Damaged batches are stepped over; they are counted by the log. Reading blocks on
/// the disk: use it on a thread of its own.
#[derive(Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
    at: Position,
    /// Where it ends, if not with the log.
    until: Option<Position>,
    open: Option<SegmentFile>,
    expired: Expired,
    /// The segment that was read from its beginning, and the items read of it so far.
    read: Option<(u64, [u64; 3])>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>, from: Position) -> Self {
        // A cursor beyond the end is of a log that was lost; what is there now was read before.
        let at = from.min(shared.table().end());
        Self { shared, at, until: None, open: None, expired: Expired::default(), read: None }
    }

    /// A reader that ends at the offset `until` of the segment in which it starts, which must
    /// be where a frame ends, or beyond the last one.
    pub(super) fn within(shared: Arc<Shared>, from: Position, until: u64) -> Self {
        let until = Some(Position { segment: from.segment, offset: until });
        Self { until, ..Self::new(shared, from) }
    }

    /// The next batch and its position, or `None` at the committed end. An error leaves the
    /// reader where it is: the next call tries again.
    #[expect(clippy::should_implement_trait, reason = "unlike an iterator's, its end can move")]
    pub fn next(&mut self) -> Result<Option<(Position, Batch)>, ReadError> {
        loop {
            if !self.enter()? {
                return Ok(None);
            }
            let at = self.at;
            let Some(segment) = self.open.as_mut() else { return Ok(None) };
            let look = segment.look(at.offset);
            match look.map_err(|source| ReadError::Io { segment: at.segment, source })? {
                Look::Frame(header, body) => {
                    self.at.offset += header.frame_bytes();
                    let batch = header.batch(body);
                    self.note_read(at, &batch);
                    return Ok(Some((at, batch)));
                }
                Look::Damaged { until } => {
                    let hole = Hole { from: at.offset, until };
                    self.shared.set_aside(at.segment, hole, segment.file.as_ref());
                    self.at.offset = until;
                }
            }
        }
    }

    /// The cursor to save: where the next batch is looked for.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Waits until there may be something to read, at most this long; says whether there is.
    pub fn wait(&self, longest: Duration) -> bool {
        self.shared.wait_beyond(self.at, longest)
    }

    /// What retention has removed ahead of this reader since the last call, if anything.
    pub fn take_expired(&mut self) -> Option<Expired> {
        let expired = std::mem::take(&mut self.expired);
        (expired != Expired::default()).then_some(expired)
    }

    fn note_read(&mut self, at: Position, batch: &Batch) {
        if at == first_frame(at.segment) {
            self.read = Some((at.segment, [0; 3]));
        }
        if let Some((segment, items)) = &mut self.read
            && *segment == at.segment
        {
            add_items(items, batch.signal, batch.items.into());
        }
    }

    /// The items read of a segment, if they are known.
    fn read_of(&self, number: u64) -> Option<[u64; 3]> {
        self.read.filter(|(segment, _)| *segment == number).map(|(_, items)| items)
    }

    /// Opens the segment that holds the next batch; false at the committed end.
    fn enter(&mut self) -> Result<bool, ReadError> {
        loop {
            let inside =
                |open: &SegmentFile| open.number == self.at.segment && self.at.offset < open.end;
            if self.open.as_ref().is_some_and(inside) {
                return Ok(true);
            }
            let Some(segment) = self.locate() else { return Ok(false) };
            let info = segment.info;
            match &mut self.open {
                Some(open) if open.number == info.number => open.end = info.end,
                open => match open_segment(&self.shared, &segment, limits::READ_AHEAD_BYTES) {
                    Ok(opened) => *open = Some(opened),
                    // Removed by retention just now, or by hand: either way it is gone.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        self.expired.count(&info, self.at.offset, self.read_of(info.number));
                        self.at.offset = info.end;
                    }
                    Err(source) => return Err(ReadError::Io { segment: info.number, source }),
                },
            }
        }
    }

    /// The segment that holds the next batch, with `self.at` moved into it.
    fn locate(&mut self) -> Option<Segment> {
        let table = self.shared.table();
        let start = table.start();
        if self.at.segment < start.segment {
            self.expired.add(table.expired_since(self.at, self.read_of(self.at.segment)));
            self.at = start;
        }
        let mut onward = table.segments.range(self.at.segment..).map(|(_, segment)| *segment);
        let is_ahead = |each: &Segment| {
            let number = each.info.number;
            let from = if number == self.at.segment { self.at.offset } else { 0 };
            each.info.end > from.max(SEGMENT_HEADER_BYTES)
        };
        let Some(mut segment) = onward.find(is_ahead) else {
            // Over segments that are still empty, so that `wait` does not take them for news.
            self.at = self.at.max(table.end());
            return None;
        };
        if let Some(until) = self.until {
            segment.info.end = segment.info.end.min(until.offset);
            if segment.info.number != until.segment || self.at >= until {
                return None;
            }
        }
        if segment.info.number != self.at.segment || self.at.offset < SEGMENT_HEADER_BYTES {
            self.at = first_frame(segment.info.number);
        }
        Some(segment)
    }
}

fn open_segment(shared: &Shared, segment: &Segment, ahead: usize) -> io::Result<SegmentFile> {
    let Segment { info, salt } = *segment;
    let file = shared.fs.open(&shared.layout.segment(info.number))?;
    Ok(SegmentFile::new(info.number, salt, file, info.end).reading_ahead(ahead))
}

/// The batch at exactly this position.
pub(super) fn read_at(shared: &Shared, at: Position) -> Result<Batch, ReadError> {
    let gone = ReadError::Gone { segment: at.segment };
    let segment = *shared.table().segments.get(&at.segment).ok_or(gone)?;
    if at.offset < SEGMENT_HEADER_BYTES || at.offset >= segment.info.end {
        return Err(ReadError::Damaged { at });
    }
    let failed = |source| ReadError::Io { segment: at.segment, source };
    let mut open = match open_segment(shared, &segment, limits::READ_ONE_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::Gone { segment: at.segment });
        }
        opened => opened.map_err(failed)?,
    };
    match open.look(at.offset).map_err(failed)? {
        Look::Frame(header, body) => Ok(header.batch(body)),
        Look::Damaged { .. } => Err(ReadError::Damaged { at }),
    }
}
