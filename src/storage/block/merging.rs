//! Making one block of several neighbours, so that there are few, and contents are stored once
//! over a longer time.

use std::sync::Arc;

use super::block::Block;
use super::catalog::Shelved;
use super::error::BlockError;
use super::restore::Restored;
use super::rows::RowColumns;
use super::schema::{log, span};
use super::seal::Seal;
use super::sealing::Workshop;
use super::write::{BlockWriter, Raw};
use crate::limits;
use crate::otlp::read;
use crate::storage::layout::{BlockName, BlockPart};
use crate::storage::query::{Fields, origin_of};

/// The next blocks that are worth merging: enough neighbours of one day and about one size,
/// which together are not too large.
pub(super) fn next_to_merge(shelved: &Shelved) -> Option<Vec<Arc<Block>>> {
    let blocks = &shelved.blocks;
    (0..blocks.len()).find_map(|from| {
        let level = level_of(&blocks[from]);
        let day = blocks[from].seal.name.day;
        let (mut rows, mut bytes) = (0, 0);
        let run = blocks[from..].iter().take(limits::BLOCK_MERGE_FAN_IN).take_while(|block| {
            rows += block.seal.span_rows() + block.seal.log_rows();
            bytes += block.seal.bytes();
            level_of(block) == level
                && block.seal.name.day == day
                && rows <= limits::BLOCK_MERGED_ROWS
                && bytes <= limits::BLOCK_MERGED_BYTES
        });
        let run: Vec<Arc<Block>> = run.cloned().collect();
        (run.len() >= limits::BLOCK_MERGE_FAN_IN).then_some(run)
    })
}

/// How often a block was merged, by how many segments it has.
fn level_of(block: &Block) -> u32 {
    let BlockName { first, last, .. } = block.seal.name;
    (last - first + 1).ilog(limits::BLOCK_MERGE_FAN_IN as u64)
}

impl Workshop {
    /// One block of neighbouring ones, the oldest first. `stopped` is asked now and then.
    pub(super) fn merge(
        &self,
        blocks: &[Arc<Block>],
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Seal>, BlockError> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(None) };
        let (first, last) = (first.seal.name, last.seal.name);
        let name = BlockName { day: first.day, first: first.first, last: last.last };
        self.make(name, |writer| {
            for block in blocks {
                let seal = &block.seal;
                writer.note_arrival(seal.first_arrival_ns, seal.last_arrival_ns, seal.log_bytes);
                for group in 0..seal.spans.len() {
                    if stopped() {
                        return Ok(false);
                    }
                    copy_spans(block, group, writer)?;
                }
                for group in 0..seal.logs.len() {
                    if stopped() {
                        return Ok(false);
                    }
                    copy_logs(block, group, writer)?;
                }
            }
            Ok(true)
        })
    }
}

fn copy_spans(block: &Block, group: usize, writer: &mut BlockWriter) -> Result<(), BlockError> {
    let columns = RowColumns::of(block, group, Fields::ALL)?;
    let rows: Vec<usize> = (0..block.seal.spans[group].rows as usize).collect();
    let positions = block.longs(BlockPart::Spans, group, span::POSITION)?;
    let mut result = Ok(());
    block.restore_spans(group, &rows, &mut |Restored { row, record, origin }| {
        let raw = Raw { record, origin, position: positions[row] };
        let copied = match (columns.row(row), read::span(record)) {
            (Some(row), Ok(span)) => writer.push_span(&row, &span, raw),
            _ => Err(BlockError::Inconsistent),
        };
        let failed = copied.is_err();
        if failed {
            result = copied;
        }
        failed
    })?;
    result
}

fn copy_logs(block: &Block, group: usize, writer: &mut BlockWriter) -> Result<(), BlockError> {
    let rows: Vec<usize> = (0..block.seal.logs[group].rows as usize).collect();
    let positions = block.longs(BlockPart::Logs, group, log::POSITION)?;
    let mut result = Ok(());
    block.restore_logs(group, &rows, &mut |Restored { row, record, origin }| {
        let raw = Raw { record, origin, position: positions[row] };
        let copied = match read::log_record(record) {
            Ok(log) => writer.push_log(origin_of(origin).service(), &log, raw),
            Err(_) => Err(BlockError::Inconsistent),
        };
        let failed = copied.is_err();
        if failed {
            result = copied;
        }
        failed
    })?;
    result
}
