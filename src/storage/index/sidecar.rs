//! The file that keeps the index of a closed segment.
//!
//! ```text
//! head    magic "PhIndex\x02", u64 segment, u64 end of the segment's frames,
//!         u32 groups, u32 pairs, then the groups (93 bytes each) and the first digest of
//!         every block, then a CRC-32 of all this
//! blocks  up to 511 pairs (u32 digest, u32 group), sorted, then a CRC-32 of block number and
//!         pairs: 4 KiB, so that finding a trace reads one page
//! ```
//!
//! All numbers are little-endian. The last byte of the magic counts the layouts: a file of
//! another one is rebuilt like a damaged file. The file can be rebuilt from its segment, so it is
//! not synced: waiting for the disk here would make the log's own syncs wait. What a power loss
//! leaves of it fails its checksums and is rebuilt.

use std::io::{self, IoSlice};
use std::path::Path;

use super::group::{Group, ServiceSet};
use super::segment::{Pair, pairs_of};
use crate::storage::fs::{File, Fs, read_full_at, write_all_at};

const MAGIC: [u8; 8] = *b"PhIndex\x02";
const FIXED_BYTES: usize = 8 + 8 + 8 + 4 + 4;
const GROUP_BYTES: usize = 11 * 8 + 4 + 1;
const PAIRS_PER_BLOCK: usize = 511;
const CRC_BYTES: usize = 4;

/// The index of a segment as its file holds it.
#[derive(Debug)]
pub(super) struct Sealed {
    /// The segment's number.
    pub(super) segment: u64,
    /// Where the segment's frames end.
    pub(super) end: u64,
    /// Its groups, in order.
    pub(super) groups: Vec<Group>,
    /// Which groups hold which trace.
    pub(super) traces: Traces,
}

/// Which groups of a segment hold which trace.
#[derive(Debug)]
pub(super) enum Traces {
    /// In memory, sorted.
    Held(Vec<Pair>),
    /// In the file only.
    Filed {
        /// The first digest of every block.
        fences: Vec<u32>,
        /// How many pairs there are.
        pairs: usize,
        /// Where in the file the blocks begin.
        from: u64,
    },
}

/// The file is not the whole index of its segment.
#[derive(Debug, thiserror::Error)]
pub(super) enum SidecarError {
    /// It was cut or changed, or another release has written it.
    #[error("it is damaged or of another version")]
    Damaged,
    /// It does not exist or cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Sealed {
    /// The groups that may hold a trace, in order. Where the file cannot tell any more, that is
    /// all of them.
    pub(super) fn find(&self, digest: u32, fs: &dyn Fs, path: &Path) -> Vec<Group> {
        let found = match &self.traces {
            Traces::Held(pairs) => Ok(pairs_of(pairs, digest).to_vec()),
            Traces::Filed { fences, pairs, from } => {
                find_filed(fs, path, *from, fences, *pairs, digest)
            }
        };
        match found {
            Ok(pairs) => {
                pairs.iter().filter_map(|pair| self.groups.get(pair.1 as usize).copied()).collect()
            }
            Err(error) => {
                tracing::warn!(%error, segment = self.segment, "An index file cannot be read.");
                self.groups.clone()
            }
        }
    }

    /// Bytes of memory that its trace index takes.
    pub(super) fn trace_bytes(&self) -> usize {
        match &self.traces {
            Traces::Held(pairs) => pairs.len() * size_of::<Pair>(),
            Traces::Filed { fences, .. } => fences.len() * size_of::<u32>(),
        }
    }

    /// The same index with its traces in the file only, which must have been written.
    pub(super) fn filed(&self) -> Option<Self> {
        let Traces::Held(pairs) = &self.traces else { return None };
        let fences: Vec<u32> = pairs.chunks(PAIRS_PER_BLOCK).map(|block| block[0].0).collect();
        let from = head_bytes(self.groups.len(), fences.len()) as u64;
        let traces = Traces::Filed { fences, pairs: pairs.len(), from };
        Some(Self { segment: self.segment, end: self.end, groups: self.groups.clone(), traces })
    }

    /// Reads the file at `path`; with `hold`, its traces as well.
    pub(super) fn load(fs: &dyn Fs, path: &Path, hold: bool) -> Result<Self, SidecarError> {
        let file = fs.open(path)?;
        let fixed = read_exactly(&*file, 0, FIXED_BYTES)?;
        let mut take = Take(&fixed);
        if take.bytes(8) != MAGIC {
            return Err(SidecarError::Damaged);
        }
        let (segment, end) = (take.u64(), take.u64());
        let (group_count, pairs) = (take.u32() as usize, take.u32() as usize);
        let blocks = pairs.div_ceil(PAIRS_PER_BLOCK);
        let head_length = head_bytes(group_count, blocks);
        let expected = head_length + pairs * size_of::<Pair>() + blocks * CRC_BYTES;
        // Checked before anything of that size is read: the counts may be damaged.
        if file.len()? != expected as u64 {
            return Err(SidecarError::Damaged);
        }
        let head = read_exactly(&*file, 0, head_length)?;
        let head = checked(&head, 0)?;
        let mut take = Take(&head[FIXED_BYTES..]);
        let groups = (0..group_count).map(|_| take.group()).collect();
        let fences: Vec<u32> = (0..blocks).map(|_| take.u32()).collect();
        let from = head_length as u64;
        let traces = if hold {
            let bytes = read_exactly(&*file, from, expected - head_length)?;
            Traces::Held(read_pairs(&bytes, 0)?)
        } else {
            Traces::Filed { fences, pairs, from }
        };
        Ok(Self { segment, end, groups, traces })
    }

    /// Writes the file at `path` in place of what is there. Traces must be in memory.
    pub(super) fn save(&self, fs: &dyn Fs, path: &Path) -> io::Result<()> {
        let Traces::Held(pairs) = &self.traces else { return Ok(()) };
        let bytes = self.encode(pairs);
        let temporary = path.with_extension("idx.tmp");
        match fs.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = fs.create(&temporary)?;
        write_all_at(&*file, 0, &mut [IoSlice::new(&bytes)])?;
        fs.rename(&temporary, path)
    }

    fn encode(&self, pairs: &[Pair]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.end.to_le_bytes());
        out.extend_from_slice(&(self.groups.len() as u32).to_le_bytes());
        out.extend_from_slice(&(pairs.len() as u32).to_le_bytes());
        for group in &self.groups {
            put_group(&mut out, group);
        }
        for block in pairs.chunks(PAIRS_PER_BLOCK) {
            out.extend_from_slice(&block[0].0.to_le_bytes());
        }
        let crc = checksum(0, &out);
        out.extend_from_slice(&crc.to_le_bytes());
        for (number, block) in pairs.chunks(PAIRS_PER_BLOCK).enumerate() {
            let from = out.len();
            for (digest, group) in block {
                out.extend_from_slice(&digest.to_le_bytes());
                out.extend_from_slice(&group.to_le_bytes());
            }
            let crc = checksum(number, &out[from..]);
            out.extend_from_slice(&crc.to_le_bytes());
        }
        out
    }
}

/// Checks the file of a segment's index: all checksums and, where `end` is known, that it is the
/// index of all frames.
pub(in crate::storage) fn check(
    fs: &dyn Fs,
    path: &Path,
    segment: u64,
    end: Option<u64>,
) -> io::Result<()> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    match Sealed::load(fs, path, true) {
        Ok(sealed) if sealed.segment != segment => Err(damaged("it is of another segment")),
        Ok(sealed) if end.is_some_and(|end| end != sealed.end) => {
            Err(damaged("its segment ends elsewhere"))
        }
        Ok(_) => Ok(()),
        Err(SidecarError::Io(error)) => Err(error),
        Err(SidecarError::Damaged) => Err(damaged("it is damaged or of another version")),
    }
}

fn head_bytes(groups: usize, blocks: usize) -> usize {
    FIXED_BYTES + groups * GROUP_BYTES + blocks * size_of::<u32>() + CRC_BYTES
}

/// The pairs of one digest, read from the blocks that can hold them.
fn find_filed(
    fs: &dyn Fs,
    path: &Path,
    from: u64,
    fences: &[u32],
    pairs: usize,
    digest: u32,
) -> Result<Vec<Pair>, SidecarError> {
    // A digest may begin in the block before the first that begins with it.
    let first = fences.partition_point(|fence| *fence < digest).saturating_sub(1);
    let until = fences.partition_point(|fence| *fence <= digest);
    if first >= until {
        return Ok(Vec::new());
    }
    let block_bytes = PAIRS_PER_BLOCK * size_of::<Pair>() + CRC_BYTES;
    let all = pairs * size_of::<Pair>() + fences.len() * CRC_BYTES;
    let (begin, end) = (first * block_bytes, (until * block_bytes).min(all));
    let file = fs.open(path)?;
    let bytes = read_exactly(&*file, from + begin as u64, end - begin)?;
    let pairs = read_pairs(&bytes, first)?;
    Ok(pairs_of(&pairs, digest).to_vec())
}

/// The pairs of whole blocks, of which `first` is the first one's number.
fn read_pairs(bytes: &[u8], first: usize) -> Result<Vec<Pair>, SidecarError> {
    let block_bytes = PAIRS_PER_BLOCK * size_of::<Pair>() + CRC_BYTES;
    let mut pairs = Vec::with_capacity(bytes.len() / size_of::<Pair>());
    for (number, block) in bytes.chunks(block_bytes).enumerate() {
        let mut take = Take(checked(block, first + number)?);
        while !take.0.is_empty() {
            pairs.push((take.u32(), take.u32()));
        }
    }
    Ok(pairs)
}

fn put_group(out: &mut Vec<u8>, group: &Group) {
    let Group { first, last, end, bytes, services, .. } = *group;
    let times = [group.min_start_ns, group.max_start_ns, group.max_duration_ns];
    let logs = [group.min_log_ns, group.max_log_ns, group.log_services.0];
    let numbers = [first, last, end, bytes, services.0].into_iter().chain(times).chain(logs);
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&group.max_severity.to_le_bytes());
    out.push(u8::from(group.failed));
}

fn checksum(salt: usize, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(salt as u64).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The bytes without the checksum at their end, if it is right.
fn checked(bytes: &[u8], salt: usize) -> Result<&[u8], SidecarError> {
    let (body, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or(SidecarError::Damaged)?;
    let right = checksum(salt, body) == u32::from_le_bytes(*crc);
    if right { Ok(body) } else { Err(SidecarError::Damaged) }
}

fn read_exactly(file: &dyn File, from: u64, length: usize) -> Result<Vec<u8>, SidecarError> {
    let mut bytes = vec![0; length];
    let read = read_full_at(file, from, &mut bytes)?;
    if read == length { Ok(bytes) } else { Err(SidecarError::Damaged) }
}

/// Takes numbers from the front of bytes whose length has been checked.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        self.bytes(4).try_into().map_or(0, u32::from_le_bytes)
    }

    fn u64(&mut self) -> u64 {
        self.bytes(8).try_into().map_or(0, u64::from_le_bytes)
    }

    fn group(&mut self) -> Group {
        Group {
            first: self.u64(),
            last: self.u64(),
            end: self.u64(),
            bytes: self.u64(),
            services: ServiceSet(self.u64()),
            min_start_ns: self.u64(),
            max_start_ns: self.u64(),
            max_duration_ns: self.u64(),
            min_log_ns: self.u64(),
            max_log_ns: self.u64(),
            log_services: ServiceSet(self.u64()),
            max_severity: self.u32(),
            failed: self.bytes(1) == [1],
        }
    }
}
