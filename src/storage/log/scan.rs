//! Reads a segment that was not sealed and finds where its committed frames end.
//!
//! A group is written only after the one before it was synced, and each frame says where its
//! group began. So a whole frame proves that everything before its group had been committed:
//! damage there is damage, and is put aside. Damage with nothing proven behind it is the torn
//! tail of a group that was never acknowledged, and is cut.

use std::io;

use super::header::SEGMENT_HEADER_BYTES;
use super::segment::{Look, SegmentFile};
use super::status::SegmentInfo;

/// Damaged bytes from here to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: u64,
    pub(super) until: u64,
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Its frames; `info.end` is where the committed ones end.
    pub(super) info: SegmentInfo,
    /// Damage among them.
    pub(super) holes: Vec<Hole>,
    /// All before this was synced when the frames behind it were written.
    pub(super) synced_until: u64,
}

/// Reads the whole segment up to the end of `segment`. With `all_committed` no tail is cut:
/// it is known that everything up to that end was acknowledged.
pub(super) fn scan(segment: &mut SegmentFile, all_committed: bool) -> io::Result<Scanned> {
    let end = segment.end;
    let number = segment.number;
    let start = SegmentInfo { number, end: SEGMENT_HEADER_BYTES, ..SegmentInfo::default() };
    let synced_until = if all_committed { end } else { start.end };
    let mut found = Scanned { info: start, holes: Vec::new(), synced_until };
    // Damage not yet proven to be more than a torn tail, each with what was found before it.
    let mut unproven: Vec<(Hole, SegmentInfo)> = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES;
    while at < end {
        match segment.look(at)? {
            Look::Frame(header, _) => {
                let proven_until = at.saturating_sub(u64::from(header.group_back));
                let proven = unproven.partition_point(|(hole, _)| hole.from < proven_until);
                found.synced_until = found.synced_until.max(proven_until);
                found.holes.extend(unproven.drain(..proven).map(|(hole, _)| hole));
                at += header.frame_bytes();
                found.info.end = at;
                found.info.count(header.signal, header.items);
                found.info.newest_ns = found.info.newest_ns.max(header.arrived_ns);
            }
            Look::Damaged { until } => {
                unproven.push((Hole { from: at, until }, found.info));
                at = until;
            }
        }
    }
    if all_committed {
        found.holes.extend(unproven.iter().map(|(hole, _)| *hole));
        found.info.end = end.max(SEGMENT_HEADER_BYTES);
    } else if let Some((_, before)) = unproven.first() {
        found.info = *before;
    }
    Ok(found)
}
