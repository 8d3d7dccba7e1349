//! Finds out, when the log is opened, which segments there are and what they hold.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::error::OpenError;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::header::{HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::status::SegmentInfo;
use super::table::{Segment, Table};
use crate::storage::fs::{Fs, read_full_at};
use crate::storage::layout::{Layout, segment_number};

/// What was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) table: Table,
    pub(super) next_number: u64,
}

/// Reads every segment's header and frames.
pub(super) fn recover(fs: &Arc<dyn Fs>, layout: &Layout) -> Result<Recovered, OpenError> {
    let dir = layout.segments();
    let names = fs.list(&dir).map_err(|source| io_error(&dir, source))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    let mut table = Table::default();
    for number in &numbers {
        let path = layout.segment(*number);
        if let Some(segment) = examine(fs, &path, *number)? {
            table.segments.insert(*number, segment);
        }
    }
    Ok(Recovered { table, next_number: numbers.last().map_or(1, |last| last + 1) })
}

fn examine(fs: &Arc<dyn Fs>, path: &Path, number: u64) -> Result<Option<Segment>, OpenError> {
    let failed = |source| io_error(path, source);
    let file = fs.open(path).map_err(failed)?;
    let mut bytes = vec![0; usize::try_from(file.len().map_err(failed)?).unwrap_or(usize::MAX)];
    let read = read_full_at(file.as_ref(), 0, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    let header = match SegmentHeader::decode(&bytes) {
        Ok(header) => header,
        Err(HeaderFault::Newer(version)) => {
            return Err(OpenError::Newer { path: path.to_owned(), version });
        }
        Err(HeaderFault::Damaged) => return Ok(None),
    };
    let mut info = SegmentInfo { number, sealed: true, bytes: read as u64, ..Default::default() };
    let mut at = SEGMENT_HEADER_BYTES as usize;
    while let Some(frame) =
        bytes.get(at..).and_then(|rest| FrameHeader::decode(header.salt, at as u64, rest))
    {
        let body = at + FRAME_HEADER_BYTES..at + FRAME_HEADER_BYTES + frame.length as usize;
        if bytes.get(body.clone()).is_none_or(|body| crc32fast::hash(body) != frame.payload_crc) {
            break;
        }
        info.count(frame.signal, frame.items);
        info.newest_ns = info.newest_ns.max(frame.arrived_ns);
        at = body.end;
    }
    info.end = at as u64;
    Ok(Some(Segment { info, salt: header.salt }))
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
