//! Exporting a block: its spans trace by trace, then its log records by their time.

use super::{ExportError, Exporter};
use crate::limits;
use crate::model::Signal;
use crate::storage::block::{Block, BlockError, Restored, log, span};
use crate::storage::layout::BlockPart;

impl Exporter<'_, '_> {
    pub(super) fn block(&mut self, block: &Block) -> Result<(), ExportError> {
        if self.wants(Signal::Traces) {
            for group in 0..block.seal.spans.len() {
                self.group(block, Signal::Traces, group)?;
            }
        }
        if self.wants(Signal::Logs) {
            for group in 0..block.seal.logs.len() {
                self.group(block, Signal::Logs, group)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, block: &Block, signal: Signal, group: usize) -> Result<(), ExportError> {
        let rows = match self.rows(block, signal, group) {
            Ok(rows) => rows,
            Err(error) => {
                self.unreadable(block, signal, &error);
                return Ok(());
            }
        };
        // Damage harms the rows of its pages; those of others are read.
        for rows in rows.chunks(limits::BLOCK_RESTORE_ROWS) {
            let mut outcome = Ok(());
            let visit = &mut |restored: Restored<'_>| {
                outcome = self.push(signal, restored.origin, restored.record);
                outcome.is_err()
            };
            let restored = match signal {
                Signal::Logs => block.restore_logs(group, rows, visit),
                _ => block.restore_spans(group, rows, visit),
            };
            outcome?;
            if let Err(error) = restored {
                self.unreadable(block, signal, &error);
            }
        }
        Ok(())
    }

    /// The rows of a row group that are asked for.
    fn rows(&self, block: &Block, signal: Signal, group: usize) -> Result<Vec<usize>, BlockError> {
        let (part, trace_leaf, facts, count) = match signal {
            Signal::Logs => {
                let found = &block.seal.logs[group];
                let times = (found.min_time_ns, found.max_time_ns);
                (BlockPart::Logs, log::TRACE_ID, times, found.rows)
            }
            _ => {
                let found = &block.seal.spans[group];
                let times = (found.min_start_ns, found.max_start_ns);
                (BlockPart::Spans, span::TRACE_ID, times, found.rows)
            }
        };
        let times = &self.query.times;
        let (first, last) = facts;
        if first > *times.end() || last < *times.start() {
            return Ok(Vec::new());
        }
        let mut rows: Vec<usize> = match &self.query.trace_id {
            None => (0..count as usize).collect(),
            Some(id) if block.groups_of(part, trace_leaf, id)?.contains(&group) => {
                block.rows_of(part, group, trace_leaf, id)?
            }
            Some(_) => Vec::new(),
        };
        if rows.is_empty() || (times.contains(&first) && times.contains(&last)) {
            return Ok(rows);
        }
        match signal {
            Signal::Logs => {
                let happened = block.longs(part, group, log::TIME)?;
                let observed = block.longs(part, group, log::OBSERVED)?;
                rows.retain(|row| {
                    let time = if happened[*row] == 0 { observed[*row] } else { happened[*row] };
                    times.contains(&time.cast_unsigned())
                });
            }
            _ => {
                let starts = block.longs(part, group, span::START)?;
                rows.retain(|row| times.contains(&starts[*row].cast_unsigned()));
            }
        }
        Ok(rows)
    }

    fn unreadable(&mut self, block: &Block, signal: Signal, error: &BlockError) {
        let told = format!("{} ({}): {error}", block.seal.name, signal.name());
        // The pages of one stretch fail again and again.
        if self.exported.damage.last() != Some(&told) {
            self.exported.damage.push(told);
        }
    }
}
