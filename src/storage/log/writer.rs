//! The one writer of the log: decides what is written where, and when it counts as kept.
//!
//! It has no thread and reads no wall clock, so that tests drive it step by step.

use std::io::{self, IoSlice};
use std::sync::Arc;

use tracing::{error, info};

use super::error::AppendError;
use super::footer::{FOOTER_BYTES, Footer};
use super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::header::{SEGMENT_HEADER_BYTES, SegmentHeader};
use super::options::Durability;
use super::status::{SegmentInfo, Writable};
use super::table::{Segment, Shared};
use crate::storage::fs::{File, write_all_at};
use crate::storage::{Batch, Position};
use crate::{clock, limits};

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
        if self.active.is_none() {
            // A disk that refused is tried again by `tick`, not by every sender.
            refusal(&self.shared.table().writable)?;
        }
        let bytes = group.iter().map(|batch| frame_bytes(batch)).sum();
        let prepared = self.check_space(bytes).and_then(|()| self.make_room(bytes, now_ns));
        if let Err(refused) = prepared {
            self.set_writable(Err(refused.clone()));
            return Err(refused);
        }
        let Some(active) = &self.active else { return Err(AppendError::Stopping) };
        let started = clock::monotonic();
        match active.write(group, self.shared.options.durability) {
            Ok(positions) => {
                let seconds = started.elapsed().as_secs_f64();
                let batches = u32::try_from(group.len()).unwrap_or(u32::MAX);
                self.shared.observer.synced(seconds, bytes, batches);
                self.publish(group, bytes, now_ns);
                self.set_writable(Ok(()));
                Ok(positions)
            }
            Err(error) => {
                self.suspect(&error, now_ns);
                Err(refused(&error))
            }
        }
    }

    /// Tries a disk that has refused again, and removes what has expired. To be called about
    /// every second.
    pub(super) fn tick(&mut self, now_ns: u64) {
        let taken = if self.shared.table().writable == Writable::Yes {
            self.check_space(0)
        } else {
            // Room for a whole group, so that the log does not close again at once.
            let space = self.check_space(limits::COMMIT_BYTES as u64);
            space.and_then(|()| self.make_room(0, now_ns))
        };
        self.set_writable(taken);
        self.expire(now_ns);
    }

    /// Whether so many bytes can be written without touching the reserve.
    fn check_space(&self, bytes: u64) -> Result<(), AppendError> {
        let needed = self.shared.options.disk_reserve_bytes.saturating_add(bytes);
        // A file system that does not tell is found out by writing to it.
        let free = self.shared.fs.free_space(self.shared.layout.root()).unwrap_or(u64::MAX);
        if free < needed { Err(AppendError::DiskFull) } else { Ok(()) }
    }

    /// Sees to it that there is a segment with room for so many bytes of frames.
    fn make_room(&mut self, bytes: u64, now_ns: u64) -> Result<(), AppendError> {
        let limit = self.shared.options.segment_bytes;
        let is_full = |active: &Active| {
            active.end > SEGMENT_HEADER_BYTES && active.end.saturating_add(bytes) > limit
        };
        if self.active.as_ref().is_some_and(is_full) {
            self.seal();
        }
        if self.active.is_none() {
            self.begin(now_ns).map_err(|error| refused(&error))?;
            self.expire(now_ns);
        }
        Ok(())
    }

    /// Makes the next segment, durably, and writes to it from here on.
    pub(super) fn begin(&mut self, now_ns: u64) -> io::Result<()> {
        let previous = self.shared.table().end();
        let number = self.next_number;
        // The number is spent even if this fails: what may be left of the file is not reused.
        self.next_number += 1;
        let salt = self.salts.u64(..);
        let header = SegmentHeader { number, created_ns: now_ns, salt, previous };
        let path = self.shared.layout.segment(number);
        let file = self.shared.fs.create(&path)?;
        let begun = self.write_header(file.as_ref(), &header);
        if let Err(error) = begun {
            // If this fails too, an empty segment is left behind, which expires.
            let _ = self.shared.fs.remove(&path);
            return Err(error);
        }
        let (end, bytes) = (SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES);
        let newest_ns = now_ns;
        let info = SegmentInfo { number, end, bytes, newest_ns, ..SegmentInfo::default() };
        self.shared.table_mut().segments.insert(number, Segment { info, salt });
        self.shared.announce();
        self.active = Some(Active { number, salt, file, end });
        Ok(())
    }

    fn write_header(&self, file: &dyn File, header: &SegmentHeader) -> io::Result<()> {
        write_all_at(file, 0, &mut [IoSlice::new(&header.encode())])?;
        if self.shared.options.durability == Durability::Fsync {
            file.sync_data()?;
            self.shared.fs.sync_dir(&self.shared.layout.segments())?;
        }
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

    /// Closes the segment that is written to, with a footer, if there is one.
    pub(super) fn seal(&mut self) {
        let Some(active) = self.active.take() else { return };
        let mut table = self.shared.table_mut();
        let Some(segment) = table.segments.get_mut(&active.number) else { return };
        segment.info.sealed = true;
        let footer = Footer::of(&segment.info, active.salt).encode();
        drop(table);
        let parts = &mut [IoSlice::new(&footer)];
        let written = write_all_at(active.file.as_ref(), active.end, parts);
        let sealed = match self.shared.options.durability {
            Durability::Fsync => written.and_then(|()| active.file.sync_data()),
            Durability::Os => written,
        };
        match sealed {
            Ok(()) => {
                let mut table = self.shared.table_mut();
                if let Some(segment) = table.segments.get_mut(&active.number) {
                    segment.info.bytes = active.end + FOOTER_BYTES;
                }
            }
            // The frames were synced before, and the header of the next segment says where they
            // end: only the next start takes longer.
            Err(error) => self.count_failure(&error),
        }
    }

    /// Closes the segment whose write or sync has failed. Nothing is written to it again: the
    /// operating system may have dropped the pages that it could not write, so that a second
    /// sync would succeed without them. A new segment is begun if the disk lets us.
    fn suspect(&mut self, error: &io::Error, now_ns: u64) {
        self.count_failure(error);
        if let Some(active) = self.active.take() {
            // What lies beyond was never acknowledged. If this fails as well, the header of the
            // next segment says where this one ends.
            let _ = active.file.set_len(active.end);
            if let Some(segment) = self.shared.table_mut().segments.get_mut(&active.number) {
                segment.info.sealed = true;
            }
        }
        let begun = self.begin(now_ns).map_err(|error| refused(&error));
        self.set_writable(begun);
    }

    fn count_failure(&self, error: &io::Error) {
        error!(%error, "A write to the log has failed; its segment is closed.");
        self.shared.table_mut().counts.sync_failures += 1;
        self.shared.observer.sync_failed();
    }

    fn set_writable(&self, taken: Result<(), AppendError>) {
        let writable = match taken {
            Ok(()) => Writable::Yes,
            Err(AppendError::DiskFull) => Writable::DiskFull,
            Err(AppendError::ReadOnly { reason }) => Writable::ReadOnly(reason),
            Err(other) => Writable::ReadOnly(other.to_string()),
        };
        if self.shared.table().writable == writable {
            return;
        }
        match &writable {
            Writable::Yes => info!("The log takes batches again."),
            Writable::DiskFull => error!("The disk is full; the log takes no batches."),
            Writable::ReadOnly(reason) => error!(reason, "The log takes no batches."),
        }
        self.shared.table_mut().writable = writable;
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

/// What the operating system's refusal means to a sender.
fn refused(error: &io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::DiskFull,
        _ => AppendError::ReadOnly { reason: error.to_string() },
    }
}

/// The answer while the log takes no batches.
fn refusal(writable: &Writable) -> Result<(), AppendError> {
    match writable {
        Writable::Yes => Ok(()),
        Writable::DiskFull => Err(AppendError::DiskFull),
        Writable::ReadOnly(reason) => Err(AppendError::ReadOnly { reason: reason.clone() }),
    }
}
