//! What is sent next: neighbouring batches of the log, joined by signal.
//!
//! Two encoded export requests behind one another are one request that holds both (protobuf's
//! repeated fields concatenate), so small batches are joined without being decoded.

use bytes::{Bytes, BytesMut};

use crate::limits;
use crate::model::Signal;
use crate::storage::{Batch, LogReader, Position, ReadError};

/// Batches that are sent together and leave the cursor together.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The batches, oldest first.
    pub(super) batches: Vec<Batch>,
    /// Where the cursor stands once all of them are done.
    pub(super) end: Position,
}

impl Window {
    /// Reads the next batches that this target wants; an empty window with a moved `end` means
    /// that everything up to there was not for it.
    pub(super) fn read(reader: &mut LogReader, signals: &[Signal]) -> Result<Self, ReadError> {
        let mut window = Self { batches: Vec::new(), end: reader.position() };
        let (mut bytes, mut items) = (0, 0);
        while bytes < limits::TARGET_REQUEST_BYTES && items < limits::TARGET_REQUEST_ITEMS {
            let Some((_, batch)) = reader.next()? else { break };
            window.end = reader.position();
            if signals.contains(&batch.signal) && batch.items > 0 {
                bytes += batch.body.len();
                items += batch.items as usize;
                window.batches.push(batch);
            }
        }
        Ok(window)
    }

    /// One request for each signal that the window holds, with the number of its items.
    pub(super) fn requests(&self) -> Vec<(Signal, Bytes, u64)> {
        let of = |signal| self.batches.iter().filter(move |batch| batch.signal == signal);
        let join = |signal| {
            let items = of(signal).map(|batch| u64::from(batch.items)).sum();
            let mut body = BytesMut::with_capacity(of(signal).map(|batch| batch.body.len()).sum());
            of(signal).for_each(|batch| body.extend_from_slice(&batch.body));
            (signal, body.freeze(), items)
        };
        let present = Signal::ALL.into_iter().filter(|signal| of(*signal).next().is_some());
        present.map(join).collect()
    }
}
