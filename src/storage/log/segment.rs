//! A segment opened for reading: the one rule by which its bytes are told from damage.
//!
//! Recovery and every reader use it, so that no two of them can come to different conclusions.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};
use crate::limits;
use crate::storage::fs::{File, read_full_at};

/// What a failed read is narrowed down to.
const SECTOR_BYTES: usize = 4096;

/// A segment opened for reading.
#[derive(Debug)]
pub(super) struct SegmentFile {
    pub(super) number: u64,
    pub(super) file: Arc<dyn File>,
    salt: u64,
    /// Nothing is read from here on.
    pub(super) end: u64,
    ahead: Bytes,
    ahead_from: u64,
    read_ahead: usize,
}

/// What is found at an offset.
#[derive(Debug)]
pub(super) enum Look {
    /// A whole frame.
    Frame(FrameHeader, Bytes),
    /// Bytes that are none, up to the next frame that can be made out, or the end.
    Damaged {
        /// Where to go on.
        until: u64,
    },
}

impl SegmentFile {
    pub(super) fn new(number: u64, salt: u64, file: Arc<dyn File>, end: u64) -> Self {
        let (ahead, ahead_from, read_ahead) = (Bytes::new(), 0, limits::READ_AHEAD_BYTES);
        Self { number, file, salt, end, ahead, ahead_from, read_ahead }
    }

    /// The same, reading this many bytes at a time.
    pub(super) fn reading_ahead(self, read_ahead: usize) -> Self {
        Self { read_ahead, ..self }
    }

    /// What is at `offset`, which is before the end.
    pub(super) fn look(&mut self, offset: u64) -> io::Result<Look> {
        let Some(header) = self.header(offset)? else {
            return Ok(Look::Damaged { until: self.next_header(offset + 1)? });
        };
        let length = header.length as usize;
        let body = self.bytes(offset + FRAME_HEADER_BYTES as u64, length)?;
        if body.len() == length && crc32fast::hash(&body) == header.payload_crc {
            return Ok(Look::Frame(header, body));
        }
        Ok(Look::Damaged { until: offset + header.frame_bytes() })
    }

    /// The header at `offset`, if there is one whose frame fits into the segment.
    fn header(&mut self, offset: u64) -> io::Result<Option<FrameHeader>> {
        let bytes = self.bytes(offset, FRAME_HEADER_BYTES)?;
        let header = FrameHeader::decode(self.salt, offset, &bytes);
        Ok(header.filter(|header| header.frame_bytes() <= self.end - offset))
    }

    /// The next offset from `from` on at which a frame's header stands, or the end. Checksums of
    /// headers are salted, so no payload can pretend to hold one.
    fn next_header(&mut self, mut from: u64) -> io::Result<u64> {
        while from < self.end {
            let window = self.bytes(from, limits::READ_AHEAD_BYTES)?;
            for hit in memmem::find_iter(&window, &FRAME_MAGIC) {
                let offset = from + hit as u64;
                if self.header(offset)?.is_some() {
                    return Ok(offset);
                }
            }
            // A magic may lie across the border of two windows.
            let step = window.len().saturating_sub(FRAME_MAGIC.len() - 1).max(1);
            from += step as u64;
        }
        Ok(self.end)
    }

    /// These bytes of the segment; fewer at its end.
    fn bytes(&mut self, from: u64, length: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let held = from.checked_sub(self.ahead_from).and_then(|skip| usize::try_from(skip).ok());
        if let Some(skip) = held
            && let Some(until) = skip.checked_add(length)
            && until <= self.ahead.len()
        {
            return Ok(self.ahead.slice(skip..until));
        }
        // The buffer is used again if no batch that was read from it is still alive.
        let old = std::mem::take(&mut self.ahead);
        let mut buffer = old.try_into_mut().unwrap_or_else(|_| BytesMut::new());
        buffer.resize(length.max(self.read_ahead).min(left), 0);
        let read = read_around(self.file.as_ref(), from, &mut buffer)?;
        buffer.truncate(read);
        self.ahead = buffer.freeze();
        self.ahead_from = from;
        Ok(self.ahead.slice(..length.min(read)))
    }
}

/// Reads like [`read_full_at`], but around sectors that the disk cannot read: they are taken for
/// zeros, which no checksum will accept.
fn read_around(file: &dyn File, from: u64, buffer: &mut [u8]) -> io::Result<usize> {
    match read_full_at(file, from, buffer) {
        Err(error) if is_bad_medium(&error) => {}
        done => return done,
    }
    let mut filled = 0;
    for sector in buffer.chunks_mut(SECTOR_BYTES) {
        match read_full_at(file, from + filled as u64, sector) {
            Ok(read) => {
                filled += read;
                if read < sector.len() {
                    break;
                }
            }
            Err(error) if is_bad_medium(&error) => {
                sector.fill(0);
                filled += sector.len();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn is_bad_medium(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
