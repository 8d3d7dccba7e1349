//! Reads the log in order, up to its committed end and again when that has moved.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::ReadError;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::header::SEGMENT_HEADER_BYTES;
use super::status::Expired;
use super::table::{Segment, Shared, first_frame};
use crate::limits;
use crate::storage::fs::{File, read_full_at};
use crate::storage::{Batch, Position};

/// Reads the log in order. At the committed end it says `None`, and goes on once more has been
/// committed. Reading blocks on the disk: use it on a thread of its own.
#[derive(Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
    at: Position,
    open: Option<OpenSegment>,
    expired: Option<Expired>,
}

/// The segment that is being read.
#[derive(Debug)]
struct OpenSegment {
    number: u64,
    salt: u64,
    file: Arc<dyn File>,
    /// Where the committed frames ended when last looked.
    end: u64,
    /// Bytes read ahead and where in the file they begin.
    ahead: Bytes,
    ahead_from: u64,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>, from: Position) -> Self {
        Self { shared, at: from, open: None, expired: None }
    }

    /// The next batch and its position, or `None` at the committed end.
    #[expect(clippy::should_implement_trait, reason = "unlike an iterator's, its end can move")]
    pub fn next(&mut self) -> Result<Option<(Position, Batch)>, ReadError> {
        loop {
            self.enter()?;
            let Position { segment: number, offset } = self.at;
            let inside = |open: &&mut OpenSegment| open.number == number && offset < open.end;
            let Some(segment) = self.open.as_mut().filter(inside) else { return Ok(None) };
            let Some(frame) = segment.frame(offset)? else {
                // Damaged: what follows in this segment is looked for elsewhere.
                self.at.offset = segment.end;
                continue;
            };
            let at = Position { segment: number, offset };
            self.at = Position { segment: number, offset: offset + frame.bytes };
            return Ok(Some((at, frame.batch)));
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

    /// What retention had removed ahead of this reader since the last call, if anything.
    pub fn take_expired(&mut self) -> Option<Expired> {
        self.expired.take()
    }

    /// Opens the segment that holds the next batch, unless this is the committed end.
    fn enter(&mut self) -> Result<(), ReadError> {
        let inside =
            |open: &OpenSegment| open.number == self.at.segment && self.at.offset < open.end;
        if self.open.as_ref().is_some_and(inside) {
            return Ok(());
        }
        let Some(segment) = self.locate() else { return Ok(()) };
        match &mut self.open {
            Some(open) if open.number == segment.info.number => open.end = segment.info.end,
            _ => self.open = Some(self.open_segment(&segment)?),
        }
        Ok(())
    }

    /// The segment that holds the next batch, with `self.at` moved into it.
    fn locate(&mut self) -> Option<Segment> {
        let table = self.shared.table();
        let behind = table.segments.range(self.at.segment..);
        let segment = behind
            .map(|(_, segment)| *segment)
            .find(|each| each.info.number > self.at.segment || each.info.end > self.at.offset)?;
        if segment.info.number != self.at.segment || self.at.offset < SEGMENT_HEADER_BYTES {
            self.at = first_frame(segment.info.number);
        }
        (segment.info.end > self.at.offset).then_some(segment)
    }

    fn open_segment(&self, segment: &Segment) -> Result<OpenSegment, ReadError> {
        let number = segment.info.number;
        let file = self.shared.fs.open(&self.shared.layout.segment(number));
        let file = file.map_err(|source| ReadError::Io { segment: number, source })?;
        let (salt, end) = (segment.salt, segment.info.end);
        Ok(OpenSegment { number, salt, file, end, ahead: Bytes::new(), ahead_from: 0 })
    }
}

/// A frame as it was read.
struct Frame {
    batch: Batch,
    bytes: u64,
}

impl OpenSegment {
    /// The frame at `offset`, if it is whole.
    fn frame(&mut self, offset: u64) -> Result<Option<Frame>, ReadError> {
        let head = self.bytes(offset, FRAME_HEADER_BYTES)?;
        let Some(header) = FrameHeader::decode(self.salt, offset, &head) else { return Ok(None) };
        if header.frame_bytes() > self.end - offset {
            return Ok(None);
        }
        let body = self.bytes(offset + FRAME_HEADER_BYTES as u64, header.length as usize)?;
        if body.len() != header.length as usize || crc32fast::hash(&body) != header.payload_crc {
            return Ok(None);
        }
        let FrameHeader { signal, arrived_ns, items, .. } = header;
        let batch = Batch { signal, arrived_ns, items, body };
        Ok(Some(Frame { batch, bytes: header.frame_bytes() }))
    }

    /// These bytes of the segment, fewer at its end.
    fn bytes(&mut self, from: u64, length: usize) -> Result<Bytes, ReadError> {
        let held = from.checked_sub(self.ahead_from).and_then(|skip| usize::try_from(skip).ok());
        if let Some(skip) = held
            && let Some(until) = skip.checked_add(length)
            && until <= self.ahead.len()
        {
            return Ok(self.ahead.slice(skip..until));
        }
        let left = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; length.max(limits::READ_AHEAD_BYTES).min(left.max(length))];
        let read = read_full_at(self.file.as_ref(), from, &mut buffer)
            .map_err(|source| ReadError::Io { segment: self.number, source })?;
        buffer.truncate(read);
        self.ahead = Bytes::from(buffer);
        self.ahead_from = from;
        Ok(self.ahead.slice(..length.min(read)))
    }
}

/// The batch at exactly this position.
pub(super) fn read_at(shared: &Arc<Shared>, at: Position) -> Result<Batch, ReadError> {
    let gone = ReadError::Gone { segment: at.segment };
    let segment = *shared.table().segments.get(&at.segment).ok_or(gone)?;
    if at.offset < SEGMENT_HEADER_BYTES || at.offset >= segment.info.end {
        return Err(ReadError::Damaged { at });
    }
    let reader = LogReader::new(Arc::clone(shared), at);
    let mut open = reader.open_segment(&segment)?;
    let frame = open.frame(at.offset)?;
    Ok(frame.ok_or(ReadError::Damaged { at })?.batch)
}
