//! Getting the index back: from its files at the start, from the log where a file is missing.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::group::Survey;
use super::segment::Growing;
use super::sidecar::{Sealed, Traces};
use super::{Index, State};
use crate::limits;
use crate::storage::Position;
use crate::storage::layout::index_number;
use crate::storage::log::{ReadError, SegmentInfo};

impl Index {
    /// Reads the files of all segments. Of segments without one, the newest are left to be
    /// applied again, in which they become searchable in order; older ones to be rebuilt.
    pub(super) fn load(&mut self) {
        if let Err(error) = self.fs.create_dir_all(&self.layout.index()) {
            tracing::warn!(%error, "The folder of the index cannot be made.");
        }
        let segments = self.frames.segments();
        self.remove_strays(&segments);
        let mut state = State::default();
        let (mut replayed, mut held) = (0, 0);
        let mut trailing = true;
        let end = segments.last().map(|info| (info.number, info.end));
        self.wanted_from =
            end.map_or(Position::OLDEST, |(segment, offset)| Position { segment, offset });
        for info in segments.iter().rev() {
            let hold = held <= limits::INDEX_TRACES_BYTES;
            if let Some(sealed) = self.load_segment(info, hold) {
                held += sealed.trace_bytes();
                state.sealed.insert(info.number, Arc::new(sealed));
                trailing = false;
                continue;
            }
            replayed += info.bytes;
            let first = self.wanted_from.segment == info.number;
            if trailing && (first || replayed <= limits::INDEX_REPLAY_BYTES) {
                self.wanted_from = Position { segment: info.number, offset: 0 };
            } else {
                trailing = false;
                state.missing.insert(info.number);
            }
        }
        *self.state_mut() = state;
    }

    fn load_segment(&self, info: &SegmentInfo, hold: bool) -> Option<Sealed> {
        if !info.sealed {
            return None;
        }
        let path = self.layout.index_file(info.number);
        match Sealed::load(&*self.fs, &path, hold) {
            Ok(sealed) => {
                // Another end means another segment under the same number, or a cut one.
                (sealed.segment == info.number && sealed.end == info.end).then_some(sealed)
            }
            Err(error) => {
                let segment = info.number;
                tracing::info!(%error, segment, "An index file is missing and will be rebuilt.");
                None
            }
        }
    }

    /// Removes the files of segments that are no longer there, and half-written ones.
    fn remove_strays(&self, segments: &[SegmentInfo]) {
        let dir = self.layout.index();
        for name in self.fs.list(&dir).unwrap_or_default() {
            let number = index_number(&name);
            let kept = segments.iter().any(|info| Some(info.number) == number);
            if !kept && (number.is_some() || name.ends_with(".idx.tmp")) {
                // A stray that stays does no harm.
                let _ = self.fs.remove(&dir.join(name));
            }
        }
    }

    /// Rebuilds the index of the segments whose file was missing or damaged at the start, newest
    /// first, until all are there or `stop` is set. Blocks: call it on a thread of its own.
    pub fn rebuild_missing(&self, stop: &AtomicBool) {
        loop {
            let newest = self.state().missing.last().copied();
            let Some(segment) = newest.filter(|_| !stop.load(Ordering::Relaxed)) else { return };
            match self.survey_segment(segment, stop) {
                Ok(Some(sealed)) => {
                    self.keep(sealed);
                    self.file_traces();
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, segment, "A segment cannot be indexed.");
                    self.state_mut().missing.remove(&segment);
                }
            }
        }
    }

    /// The index of a closed segment from the log; `None` if stopped meanwhile.
    fn survey_segment(&self, segment: u64, stop: &AtomicBool) -> Result<Option<Sealed>, ReadError> {
        let segments = self.frames.segments();
        let info = segments.iter().find(|info| info.number == segment);
        let end = info.ok_or(ReadError::Gone { segment })?.end;
        let mut growing = Growing::new(segment, self.group_bytes);
        let mut stopped = false;
        self.frames.read(Position { segment, offset: 0 }, end, &mut |at, batch| {
            growing.add(at.offset, &Survey::of(batch));
            stopped = stop.load(Ordering::Relaxed);
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let (groups, pairs) = growing.seal(end);
        let traces = Traces::Held(pairs);
        Ok((!stopped).then_some(Sealed { segment, end, groups, traces }))
    }
}
