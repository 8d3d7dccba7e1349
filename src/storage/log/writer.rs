//! The one writer of the log: decides what is written where, and when it counts as kept.
//!
//! It has no thread and no clock of its own, so that tests drive it step by step.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::error::AppendError;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::header::{SEGMENT_HEADER_BYTES, SegmentHeader};
use super::options::Durability;
use super::status::{SegmentInfo, Writable};
use super::table::{Segment, Shared};
use crate::clock;
use crate::storage::fs::{File, write_all_at};
use crate::storage::{Batch, Position};

/// The one writer of the log.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    active: Option<Active>,
    /// No segment has had this number, nor a higher one.
    next_number: u64,
    salts: fastrand::Rng,
}

/// The segment that is written to.
#[derive(Debug)]
struct Active {
    number: u64,
    salt: u64,
    file: Arc<dyn File>,
    /// Where the committed frames end and the next group begins.
    end: u64,
}

impl Writer {
    /// A writer that begins a new segment with its first group.
    pub(super) fn new(shared: Arc<Shared>, next_number: u64, salts: fastrand::Rng) -> Self {
        Self { shared, active: None, next_number, salts }
    }

    /// Appends the batches as one group: either all of them are durable and readable when this
    /// returns, or none is acknowledged. `now_ns` is the time on the retention clock.
    pub(super) fn commit(
        &mut self,
        group: &[&Batch],
        now_ns: u64,
    ) -> Result<Vec<Position>, AppendError> {
        let bytes = group.iter().map(|batch| frame_bytes(batch)).sum();
        let result = self.try_commit(group, bytes, now_ns);
        let writable = match &result {
            Ok(_) => Writable::Yes,
            Err(AppendError::DiskFull) => Writable::DiskFull,
            Err(error) => Writable::ReadOnly(error.to_string()),
        };
        if self.shared.table().writable != writable {
            self.shared.table_mut().writable = writable;
        }
        result
    }

    fn try_commit(
        &mut self,
        group: &[&Batch],
        bytes: u64,
        now_ns: u64,
    ) -> Result<Vec<Position>, AppendError> {
        self.check_space(bytes)?;
        let limit = self.shared.options.segment_bytes;
        let full =
            |active: &Active| active.end > SEGMENT_HEADER_BYTES && active.end + bytes > limit;
        if self.active.as_ref().is_some_and(full) {
            self.active = None;
        }
        if self.active.is_none() {
            self.begin(now_ns).map_err(|error| refused(&error))?;
        }
        let Some(active) = &mut self.active else { return Err(AppendError::Stopping) };
        let started = clock::monotonic();
        match active.write(group, self.shared.options.durability) {
            Ok(positions) => {
                self.shared.observer.synced(
                    started.elapsed().as_secs_f64(),
                    bytes,
                    u32::try_from(group.len()).unwrap_or(u32::MAX),
                );
                self.publish(group, bytes, now_ns);
                Ok(positions)
            }
            Err(error) => {
                self.suspect();
                Err(refused(&error))
            }
        }
    }

    fn check_space(&self, bytes: u64) -> Result<(), AppendError> {
        let free = self.shared.fs.free_space(self.shared.layout.root());
        let needed = self.shared.options.disk_reserve_bytes.saturating_add(bytes);
        match free {
            Ok(free) if free < needed => Err(AppendError::DiskFull),
            // A file system that does not tell is found out by writing to it.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Makes the next segment, durably.
    fn begin(&mut self, now_ns: u64) -> io::Result<()> {
        let previous = self.shared.table().end();
        let header = SegmentHeader {
            number: self.next_number,
            created_ns: now_ns,
            salt: self.salts.u64(..),
            previous,
        };
        // The number is spent even if this fails: what is left of the file is never reused.
        self.next_number += 1;
        let file = self.shared.fs.create(&self.shared.layout.segment(header.number))?;
        write_all_at(file.as_ref(), 0, &mut [IoSlice::new(&header.encode())])?;
        if self.shared.options.durability == Durability::Fsync {
            file.sync_data()?;
            self.shared.fs.sync_dir(&self.shared.layout.segments())?;
        }
        let info = SegmentInfo {
            number: header.number,
            end: SEGMENT_HEADER_BYTES,
            bytes: SEGMENT_HEADER_BYTES,
            newest_ns: now_ns,
            ..SegmentInfo::default()
        };
        let mut table = self.shared.table_mut();
        if let Some(previous) = table.segments.get_mut(&previous.segment) {
            previous.info.sealed = true;
        }
        table.segments.insert(header.number, Segment { info, salt: header.salt });
        drop(table);
        self.shared.announce();
        let (number, salt) = (header.number, header.salt);
        self.active = Some(Active { number, salt, file, end: SEGMENT_HEADER_BYTES });
        Ok(())
    }

    /// Lets readers see the group.
    fn publish(&mut self, group: &[&Batch], bytes: u64, now_ns: u64) {
        let Some(active) = &mut self.active else { return };
        active.end += bytes;
        let mut table = self.shared.table_mut();
        table.counts.syncs += 1;
        if let Some(segment) = table.segments.get_mut(&active.number) {
            segment.info.end = active.end;
            segment.info.bytes = active.end;
            segment.info.newest_ns = segment.info.newest_ns.max(now_ns);
            for batch in group {
                segment.info.count(batch.signal, batch.items);
            }
        }
        drop(table);
        self.shared.announce();
    }

    /// Closes the segment whose write or sync has failed. Nothing is written to it again: the
    /// operating system may have dropped the pages that it could not write, so that a second
    /// sync would succeed without them.
    fn suspect(&mut self) {
        self.shared.observer.sync_failed();
        self.shared.table_mut().counts.sync_failures += 1;
        if let Some(active) = self.active.take() {
            // What lies beyond was never acknowledged. If this fails as well, the header of the
            // next segment says where this one ends.
            let _ = active.file.set_len(active.end);
        }
    }
}

impl Active {
    /// Writes and syncs a group behind what is committed.
    fn write(&self, group: &[&Batch], durability: Durability) -> io::Result<Vec<Position>> {
        let mut at = self.end;
        let mut positions = Vec::with_capacity(group.len());
        let mut headers = Vec::with_capacity(group.len());
        for batch in group {
            headers.push(FrameHeader::of(batch, at - self.end).encode(self.salt, at));
            positions.push(Position { segment: self.number, offset: at });
            at += frame_bytes(batch);
        }
        let frames = headers.iter().zip(group);
        let mut parts: Vec<IoSlice<'_>> = frames
            .flat_map(|(header, batch)| [IoSlice::new(header), IoSlice::new(&batch.body)])
            .collect();
        write_all_at(self.file.as_ref(), self.end, &mut parts)?;
        if durability == Durability::Fsync {
            self.file.sync_data()?;
        }
        Ok(positions)
    }
}

/// Bytes that a batch takes in a segment.
fn frame_bytes(batch: &Batch) -> u64 {
    FRAME_HEADER_BYTES as u64 + batch.body.len() as u64
}

/// The answer to a group that the operating system did not take.
fn refused(error: &io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::DiskFull,
        _ => AppendError::ReadOnly { reason: error.to_string() },
    }
}
