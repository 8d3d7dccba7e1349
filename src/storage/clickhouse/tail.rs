//! What the log holds and ClickHouse does not have yet.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use super::ClickHouse;
use crate::model::TraceId;
use crate::storage::log::ReadError;
use crate::storage::query::Budget;
use crate::storage::{Batch, Position};

impl ClickHouse {
    /// Calls `visit` with the batches of the log from a position on, or those of them that may
    /// hold something of a trace, in order, until it breaks off. Says whether all could be read.
    pub(super) fn tail(
        &self,
        of: Option<&TraceId>,
        from: Position,
        budget: &mut Budget<'_>,
        visit: &mut dyn FnMut(Position, &Batch) -> ControlFlow<()>,
    ) -> bool {
        let mut whole = true;
        let places = match of {
            Some(id) => self.index.places_of(id, 0),
            None => {
                let directory = self.index.directory(0);
                whole &= directory.whole;
                directory.places().map(|(_, place)| place).collect()
            }
        };
        for place in places {
            let (segment, group) = (place.segment, place.group);
            if (Position { segment, offset: group.last }) < from {
                continue;
            }
            if budget.is_spent() {
                return false;
            }
            budget.spend(group.bytes);
            let offset =
                if segment == from.segment { group.first.max(from.offset) } else { group.first };
            let mut ended = false;
            let read = self.index.frames().read(
                Position { segment, offset },
                group.end,
                &mut |at, batch| {
                    if at.offset > group.last {
                        return ControlFlow::Break(());
                    }
                    let flow = visit(at, batch);
                    ended = flow.is_break();
                    flow
                },
            );
            match read {
                Ok(()) | Err(ReadError::Gone { .. }) => {}
                Err(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                Err(_) => whole = false,
            }
            if ended {
                break;
            }
        }
        whole
    }
}
