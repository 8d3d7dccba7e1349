//! Finding the log records of a block's row group that a search asks for.

use super::block_scan::{Said, free_text_in};
use super::log_scan::LogScanner;
use super::newest_logs::NewestLogs;
use super::records::origin_of;
use crate::limits;
use crate::storage::block::{Block, BlockError, Restored, log};
use crate::storage::index::LogHead;
use crate::storage::layout::BlockPart;

const LOGS: BlockPart = BlockPart::Logs;

impl LogScanner<'_> {
    /// Offers every record of a row group that fulfils the conditions, the newest first; says
    /// how many bytes were looked at.
    pub(super) fn scan_block(
        &self,
        block: &Block,
        group: usize,
        said: &mut Said,
        newest: &mut NewestLogs,
    ) -> Result<u64, BlockError> {
        let times = self.times(block, group)?;
        let mut rows = self.select_heads(block, group, &times)?;
        let mut bytes = times.len() as u64 * 24;
        rows.retain(|row| newest.wants(times[*row]));
        if self.has_text() && !rows.is_empty() {
            rows = self.select_text(block, group, &rows, said)?;
            bytes += block.seal.logs[group].bytes;
        }
        // Rows stand by their time; what no page has room for is not put together.
        for chunk in rows.rchunks(limits::BLOCK_RESTORE_ROWS) {
            let wanted: Vec<usize> =
                chunk.iter().copied().filter(|row| newest.wants(times[*row])).collect();
            if wanted.is_empty() {
                break;
            }
            block.restore_logs(group, &wanted, &mut |Restored { record, origin, .. }| {
                bytes += record.len() as u64;
                if let Ok(head) = LogHead::read(record)
                    && self.admits_head(&head)
                    && self.admits(&origin_of(origin), record)
                {
                    newest.offer(&head, origin, record);
                }
                false
            })?;
        }
        Ok(bytes)
    }

    /// The time of every record; of one without a time, when it was observed.
    fn times(&self, block: &Block, group: usize) -> Result<Vec<u64>, BlockError> {
        let times = block.longs(LOGS, group, log::TIME)?;
        let observed = block.longs(LOGS, group, log::OBSERVED)?;
        let times = times.iter().zip(observed.iter());
        let times = times.map(|(time, observed)| if *time != 0 { *time } else { *observed });
        Ok(times.map(i64::cast_unsigned).collect())
    }

    /// The rows whose bare fields can match.
    fn select_heads(
        &self,
        block: &Block,
        group: usize,
        times: &[u64],
    ) -> Result<Vec<usize>, BlockError> {
        let severities = block.longs(LOGS, group, log::SEVERITY)?;
        let traces = block.trace_ids(LOGS, group, log::TRACE_ID)?;
        let spans = block.span_ids(LOGS, group, log::SPAN_ID)?;
        let services = block.texts(LOGS, group, log::SERVICE)?;
        let from_there = services.codes_of(|service| self.admits_service(service));
        let rows = (0..times.len()).filter(|row| {
            let head = LogHead {
                time_ns: times[*row],
                trace_id: &traces[*row],
                span_id: &spans[*row],
                severity: u32::try_from(severities[*row]).unwrap_or(u32::MAX),
            };
            from_there.get(services.codes[*row] as usize) == Some(&true) && self.admits_head(&head)
        });
        Ok(rows.collect())
    }

    /// The rows that may say the text asked for.
    fn select_text(
        &self,
        block: &Block,
        group: usize,
        rows: &[usize],
        said: &mut Said,
    ) -> Result<Vec<usize>, BlockError> {
        let said = free_text_in(block, said, |text| self.may_say(text))?;
        let names = block.texts(LOGS, group, log::EVENT_NAME)?;
        let named = names.codes_of(|name| self.may_say(name.as_bytes()));
        let wide = block.said_items(LOGS, group, rows)?;
        let may_say = |(at, row): &(usize, &usize)| {
            named.get(names.codes[**row] as usize) == Some(&true)
                || wide.may_say(*at, &said, |text| self.may_say(text))
        };
        Ok(rows.iter().enumerate().filter(may_say).map(|(_, row)| *row).collect())
    }
}
