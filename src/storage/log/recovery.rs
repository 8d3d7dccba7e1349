//! Finds out, when the log is opened, which segments there are and what they hold.
//!
//! Nothing found here keeps the log from opening, but a format of a later release, which is
//! refused before anything is touched.

use std::io::{self, IoSlice};
use std::sync::Arc;

use tracing::{info, warn};

use super::error::OpenError;
use super::footer::{FOOTER_BYTES, Footer};
use super::header::{HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::scan::{Scanned, scan};
use super::segment::SegmentFile;
use super::status::SegmentInfo;
use super::table::{Segment, Shared};
use crate::limits;
use crate::storage::Position;
use crate::storage::fs::{File, read_full_at, write_all_at};
use crate::storage::layout::segment_number;

/// A file among the segments, and the little that was read of it first. It is not kept open:
/// there may be more segments than a process may open files.
#[derive(Debug)]
struct Candidate {
    number: u64,
    file_bytes: u64,
    header: Option<SegmentHeader>,
    footer: Option<Footer>,
}

/// Fills the table with what the segments hold. Returns a number that no segment has had.
pub(super) fn recover(shared: &Shared) -> Result<u64, OpenError> {
    let dir = shared.layout.segments();
    let names = shared.fs.list(&dir).map_err(|source| OpenError::Io { path: dir, source })?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    let aside = shared.fs.list(&shared.layout.quarantine()).unwrap_or_default();
    let used = numbers.iter().copied().chain(aside.iter().filter_map(|name| segment_number(name)));
    let next_number = used.max().map_or(1, |last| last.saturating_add(1));
    let mut candidates = Vec::new();
    for number in numbers {
        candidates.extend(candidate(shared, number)?);
    }
    shared.recall_damage();
    let mut newest_ns = 0;
    for at in 0..candidates.len() {
        let (each, later) = (&candidates[at], &candidates[at + 1..]);
        // Where the segment's committed frames end, if the one that followed it says so.
        let mut previous = later.iter().filter_map(|later| later.header.map(|h| h.previous));
        let known_end = previous.find(|previous| previous.segment == each.number);
        let mut recovered = match examine(shared, each, known_end) {
            Ok(Some(recovered)) => recovered,
            Ok(None) => continue,
            Err(error) => {
                warn!(%error, segment = each.number, "A segment cannot be read; it is left out.");
                count_unreadable(shared, each.file_bytes);
                continue;
            }
        };
        newest_ns = recovered.info.newest_ns.max(newest_ns);
        recovered.info.newest_ns = newest_ns;
        shared.table_mut().segments.insert(each.number, recovered);
    }
    Ok(next_number)
}

/// Opens a segment and reads its header and footer; `None` if it cannot be read at all.
fn candidate(shared: &Shared, number: u64) -> Result<Option<Candidate>, OpenError> {
    let path = shared.layout.segment(number);
    let read = || {
        let file = shared.fs.open(&path)?;
        let file_bytes = file.len()?;
        let mut start = [0; SEGMENT_HEADER_BYTES as usize];
        let read = read_full_at(file.as_ref(), 0, &mut start)?;
        let header = SegmentHeader::decode(&start[..read]);
        let mut end = [0; FOOTER_BYTES as usize];
        let footer_at = file_bytes.checked_sub(FOOTER_BYTES);
        if let Some(at) = footer_at.filter(|at| *at >= SEGMENT_HEADER_BYTES) {
            read_full_at(file.as_ref(), at, &mut end)?;
        }
        Ok((file_bytes, header, Footer::decode(&end, number, file_bytes)))
    };
    match read() {
        Ok((_, Err(HeaderFault::Newer(version)), _)) => Err(OpenError::Newer { path, version }),
        Ok((file_bytes, header, footer)) => {
            // A header with another number belongs to a file that was renamed by hand.
            let header = header.ok().filter(|header| header.number == number);
            Ok(Some(Candidate { number, file_bytes, header, footer }))
        }
        Err(error) => {
            let error: io::Error = error;
            warn!(%error, segment = number, "A segment cannot be opened; it is left out.");
            count_unreadable(shared, 0);
            Ok(None)
        }
    }
}

fn count_unreadable(shared: &Shared, bytes: u64) {
    let mut table = shared.table_mut();
    table.counts.quarantined += 1;
    table.counts.quarantined_bytes += bytes;
    drop(table);
    shared.observer.quarantined(bytes);
}

/// What one segment holds; `None` if it was moved aside.
fn examine(
    shared: &Shared,
    candidate: &Candidate,
    known_end: Option<Position>,
) -> io::Result<Option<Segment>> {
    if let Some(footer) = candidate.footer {
        return Ok(Some(Segment { info: footer.info(), salt: footer.salt }));
    }
    let Candidate { number, file_bytes, .. } = *candidate;
    let file = shared.fs.open(&shared.layout.segment(number))?;
    let Some(SegmentHeader { salt, .. }) = candidate.header else {
        // Frames come only after a header that was synced: a file that ends with its header was
        // being begun when the process ended.
        let blank = file_bytes <= SEGMENT_HEADER_BYTES || is_blank(file.as_ref(), 0, file_bytes);
        shared.move_aside(number, file_bytes, blank);
        let lost = known_end.filter(|end| blank && end.offset > SEGMENT_HEADER_BYTES);
        if let Some(end) = lost {
            warn!(segment = number, bytes = end.offset, "The content of a segment is missing.");
            count_unreadable(shared, end.offset);
        }
        return Ok(None);
    };
    let end = known_end.map_or(file_bytes, |end| end.offset.min(file_bytes));
    let mut segment =
        SegmentFile::new(number, salt, Arc::clone(&file), end.max(SEGMENT_HEADER_BYTES));
    // Of a segment that has a successor, all was acknowledged up to where that says it ended.
    let Scanned { mut info, holes, synced_until } = scan(&mut segment, known_end.is_some())?;
    for hole in holes {
        shared.set_aside(number, hole, file.as_ref());
    }
    if let Some(missing) = known_end.and_then(|end| end.offset.checked_sub(file_bytes))
        && missing > 0
    {
        warn!(segment = number, bytes = missing, "The end of a segment is missing.");
        count_unreadable(shared, missing);
    }
    // Zeros are no loss: nothing was written there.
    if !is_blank(file.as_ref(), info.end, file_bytes) {
        let bytes = file_bytes - info.end;
        info!(segment = number, bytes, "The unacknowledged end of a segment is cut.");
        shared.table_mut().counts.torn_bytes += bytes;
        shared.observer.torn(bytes);
    }
    let sealed = seal(shared, &info, salt, synced_until.min(info.end));
    info.sealed = true;
    info.bytes = match sealed {
        Ok(()) => info.end + FOOTER_BYTES,
        Err(error) => {
            warn!(%error, segment = number, "A segment could not be sealed; it is read as it is.");
            file_bytes
        }
    };
    Ok(Some(Segment { info, salt }))
}

/// Cuts the file to its committed frames and writes the footer behind them. From here on all of
/// them count as committed, so those of the last group, which a killed process may have written
/// but not synced, are written once more: after a failed sync the operating system shows bytes
/// that it will never bring to the disk. The footer follows only when they are safe.
fn seal(shared: &Shared, info: &SegmentInfo, salt: u64, synced_until: u64) -> io::Result<()> {
    let file = shared.fs.open_writable(&shared.layout.segment(info.number))?;
    file.set_len(info.end)?;
    let last_group = usize::try_from(info.end - synced_until).unwrap_or(usize::MAX);
    if last_group > 0 {
        let mut bytes = vec![0; last_group];
        read_full_at(file.as_ref(), synced_until, &mut bytes)?;
        write_all_at(file.as_ref(), synced_until, &mut [IoSlice::new(&bytes)])?;
        file.sync_data()?;
    }
    let footer = Footer::of(info, salt).encode();
    write_all_at(file.as_ref(), info.end, &mut [IoSlice::new(&footer)])?;
    file.sync_data()
}

/// Whether the file holds nothing but zeros from `from` to `until`.
fn is_blank(file: &dyn File, mut from: u64, until: u64) -> bool {
    let mut buffer = vec![0; limits::READ_AHEAD_BYTES];
    while from < until {
        match read_full_at(file, from, &mut buffer) {
            Ok(0) => return true,
            Ok(read) if buffer[..read].iter().all(|byte| *byte == 0) => from += read as u64,
            // What cannot be read is not taken for nothing.
            Ok(_) | Err(_) => return false,
        }
    }
    true
}
