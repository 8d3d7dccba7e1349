//! The seal of a block: the file that says that its other files are whole, and what is in them.
//!
//! It is written last and as a whole; a block is there when its seal is. `docs/STORAGE.md` draws
//! its bytes.

use super::file::Sums;
use crate::storage::index::{Group, ServiceSet};
use crate::storage::layout::{BlockName, BlockPart};

const MAGIC: [u8; 8] = *b"PHBLK\xb6\x0a\0";
/// The version written into every seal. A higher one is refused before anything is touched.
pub(super) const BLOCK_VERSION: u32 = 1;

/// What a seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct Seal {
    /// The segments it was made of.
    pub(in crate::storage) name: BlockName,
    /// When the oldest batch arrived, in nanoseconds since the Unix epoch.
    pub(in crate::storage) first_arrival_ns: u64,
    /// When the newest batch arrived.
    pub(in crate::storage) last_arrival_ns: u64,
    /// Bytes of the batches it was made of.
    pub(in crate::storage) log_bytes: u64,
    /// Its row groups of spans.
    pub(in crate::storage) spans: Vec<SpanGroup>,
    /// Its row groups of log records.
    pub(in crate::storage) logs: Vec<LogGroup>,
    /// Spans, logs, content: what is known of the files; no bytes where there is none.
    pub(in crate::storage) files: [Sums; 3],
}

/// What is known of a row group of spans without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct SpanGroup {
    /// Spans in it.
    pub(in crate::storage) rows: u32,
    /// Bytes of the spans it was made of.
    pub(in crate::storage) bytes: u64,
    /// The earliest start.
    pub(in crate::storage) min_start_ns: u64,
    /// The latest start.
    pub(in crate::storage) max_start_ns: u64,
    /// The longest duration.
    pub(in crate::storage) max_duration_ns: u64,
    /// The services its spans are from, and perhaps others.
    pub(in crate::storage) services: ServiceSet,
    /// Whether one of its spans says that it failed.
    pub(in crate::storage) failed: bool,
}

/// What is known of a row group of log records without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct LogGroup {
    /// Records in it.
    pub(in crate::storage) rows: u32,
    /// Bytes of the records it was made of.
    pub(in crate::storage) bytes: u64,
    /// The earliest time; of a record without one, when it was observed.
    pub(in crate::storage) min_time_ns: u64,
    /// The latest time.
    pub(in crate::storage) max_time_ns: u64,
    /// The highest severity.
    pub(in crate::storage) max_severity: u32,
    /// The services its records are from, and perhaps others.
    pub(in crate::storage) services: ServiceSet,
}

/// A seal cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is not what was written.
    #[error("the seal is damaged")]
    Damaged,
    /// It was written by a later release.
    #[error("the block has format version {0}, which this release does not know")]
    Version(u32),
}

impl SpanGroup {
    pub(super) const EMPTY: Self = Self {
        rows: 0,
        bytes: 0,
        min_start_ns: u64::MAX,
        max_start_ns: 0,
        max_duration_ns: 0,
        services: ServiceSet(0),
        failed: false,
    };

    /// The same as what is known of a stretch of the log.
    pub(in crate::storage) fn facts(&self) -> Group {
        Group {
            bytes: self.bytes,
            min_start_ns: self.min_start_ns,
            max_start_ns: self.max_start_ns,
            max_duration_ns: self.max_duration_ns,
            services: self.services,
            failed: self.failed,
            ..Group::empty()
        }
    }
}

impl LogGroup {
    /// The same as what is known of a stretch of the log.
    pub(in crate::storage) fn facts(&self) -> Group {
        Group {
            bytes: self.bytes,
            min_log_ns: self.min_time_ns,
            max_log_ns: self.max_time_ns,
            max_severity: self.max_severity,
            log_services: self.services,
            ..Group::empty()
        }
    }

    pub(super) const EMPTY: Self = Self {
        rows: 0,
        bytes: 0,
        min_time_ns: u64::MAX,
        max_time_ns: 0,
        max_severity: 0,
        services: ServiceSet(0),
    };
}

impl Seal {
    /// Spans in the block.
    pub(in crate::storage) fn span_rows(&self) -> u64 {
        self.spans.iter().map(|group| u64::from(group.rows)).sum()
    }

    /// Log records in the block.
    pub(in crate::storage) fn log_rows(&self) -> u64 {
        self.logs.iter().map(|group| u64::from(group.rows)).sum()
    }

    /// Bytes of its files, the seal's own aside.
    pub(in crate::storage) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What is known of one of its files; `None` if it has none of these.
    pub(super) fn file(&self, part: BlockPart) -> Option<&Sums> {
        let [spans, logs, content] = &self.files;
        let file = match part {
            BlockPart::Spans => spans,
            BlockPart::Logs => logs,
            BlockPart::Content => content,
            BlockPart::Seal => return None,
        };
        (file.bytes > 0).then_some(file)
    }

    /// The bytes of the seal's file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        for number in [
            u64::from(self.name.day),
            self.name.first,
            self.name.last,
            self.first_arrival_ns,
            self.last_arrival_ns,
            self.log_bytes,
        ] {
            out.long(number);
        }
        out.count(self.spans.len());
        for group in &self.spans {
            out.int(group.rows);
            out.int(u32::from(group.failed));
            for number in [
                group.bytes,
                group.min_start_ns,
                group.max_start_ns,
                group.max_duration_ns,
                group.services.0,
            ] {
                out.long(number);
            }
        }
        out.count(self.logs.len());
        for group in &self.logs {
            out.int(group.rows);
            out.int(group.max_severity);
            for number in [group.bytes, group.min_time_ns, group.max_time_ns, group.services.0] {
                out.long(number);
            }
        }
        for file in &self.files {
            out.long(file.bytes);
            out.count(file.sums.len());
            file.sums.iter().for_each(|sum| out.int(*sum));
        }
        let body = out.0;
        let version = BLOCK_VERSION.to_le_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&version);
        bytes.extend_from_slice(&sum(&version, &body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a seal's file. Magic, version and sum stand where they stand in every version, and
    /// the sum is over all else: a later version is told from a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let body = bytes.strip_prefix(&MAGIC).ok_or(SealError::Damaged)?;
        let (version, body) = body.split_first_chunk().ok_or(SealError::Damaged)?;
        let (wanted, body) = body.split_first_chunk().ok_or(SealError::Damaged)?;
        if sum(version, body) != u32::from_le_bytes(*wanted) {
            return Err(SealError::Damaged);
        }
        let version = u32::from_le_bytes(*version);
        if version != BLOCK_VERSION {
            return Err(SealError::Version(version));
        }
        Reader(body).seal().ok_or(SealError::Damaged)
    }
}

fn sum(version: &[u8; 4], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(version);
    hasher.update(body);
    hasher.finalize()
}

struct Writer(Vec<u8>);

impl Writer {
    fn int(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn long(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.int(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn int(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn long(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.int()?;
        (0..count).map(|_| item(self)).collect()
    }

    fn seal(&mut self) -> Option<Seal> {
        let name = BlockName {
            day: u32::try_from(self.long()?).ok()?,
            first: self.long()?,
            last: self.long()?,
        };
        let (first_arrival_ns, last_arrival_ns) = (self.long()?, self.long()?);
        let log_bytes = self.long()?;
        let spans = self.list(|from| {
            Some(SpanGroup {
                rows: from.int()?,
                failed: from.int()? != 0,
                bytes: from.long()?,
                min_start_ns: from.long()?,
                max_start_ns: from.long()?,
                max_duration_ns: from.long()?,
                services: ServiceSet(from.long()?),
            })
        })?;
        let logs = self.list(|from| {
            Some(LogGroup {
                rows: from.int()?,
                max_severity: from.int()?,
                bytes: from.long()?,
                min_time_ns: from.long()?,
                max_time_ns: from.long()?,
                services: ServiceSet(from.long()?),
            })
        })?;
        let mut file = || Some(Sums { bytes: self.long()?, sums: self.list(Reader::int)? });
        let files = [file()?, file()?, file()?];
        Some(Seal { name, first_arrival_ns, last_arrival_ns, log_bytes, spans, logs, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        let sums = |bytes| Sums { bytes, sums: vec![1, 2, 3] };
        Seal {
            name: BlockName { day: 7, first: 2, last: 5 },
            first_arrival_ns: 1,
            last_arrival_ns: u64::MAX,
            log_bytes: 9,
            spans: vec![SpanGroup { rows: 3, failed: true, bytes: 4, ..SpanGroup::EMPTY }],
            logs: vec![LogGroup { rows: 8, max_severity: 17, ..LogGroup::EMPTY }; 2],
            files: [sums(1), Sums::default(), sums(40_000)],
        }
    }

    #[test]
    fn a_seal_comes_back_and_no_other_bytes_are_one() {
        let bytes = seal().encode();
        assert_eq!(Seal::decode(&bytes), Ok(seal()));
        for cut in 0..bytes.len() {
            assert!(Seal::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Seal::decode(&flipped), Err(SealError::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_later_version_is_told_apart() {
        let mut bytes = seal().encode();
        bytes[8] = 2;
        let sum = sum(&[2, 0, 0, 0], &bytes[16..]);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Seal::decode(&bytes), Err(SealError::Version(2)));
    }
}
