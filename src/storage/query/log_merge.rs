//! One page of log records out of the pages of several stores that were asked the same question.

use super::log_cursor::{LogCursor, LogPlace};
use super::logs::{LogPage, LogQuery};
use super::newest_logs::NewestLogs;
use super::{QueryError, Records};
use crate::storage::index::LogHead;

impl LogPage {
    /// The newest of what the stores found. A record that several of them hold is answered once.
    ///
    /// A store that has another page has told nothing of what is older than where that begins, so
    /// neither can this page: what others have found below waits for the next one.
    ///
    /// # Errors
    ///
    /// A page that belongs to another question.
    pub(in crate::storage) fn merged(pages: &[Self], query: &LogQuery) -> Result<Self, QueryError> {
        let next = |page: &Self| {
            let cursor = page.next.as_deref();
            cursor.map(|text| LogCursor::decode(text, &query.filters)).transpose()
        };
        let mut told_down_to: Option<LogPlace> = None;
        for page in pages {
            told_down_to = told_down_to.max(next(page)?.map(|cursor| cursor.after));
        }
        let mut newest = NewestLogs::new(query.page_records(), None);
        for page in pages {
            offer(&page.records, told_down_to, &mut newest);
        }
        let (records, left_out) = newest.finish(None);
        let next = left_out.or(told_down_to);
        Ok(Self {
            records,
            next: next.map(|after| LogCursor::new(after, &query.filters).encode()),
            incomplete: pages.iter().any(|page| page.incomplete),
            scanned_bytes: pages.iter().map(|page| page.scanned_bytes).sum(),
        })
    }
}

/// Offers the records at this place or above it.
fn offer(records: &Records, down_to: Option<LogPlace>, newest: &mut NewestLogs) {
    for (origin, record) in records.raw() {
        // What cannot be read is on no page.
        let Ok(head) = LogHead::read(record) else { continue };
        if down_to.is_none_or(|down_to| LogPlace::of(&head, origin, record) >= down_to) {
            newest.offer(&head, origin, record);
        }
    }
}
