//! The bytes of records from their columns.

use std::collections::HashMap;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};

use super::attributes;
use super::block::Block;
use super::error::BlockError;
use super::part::{Levelled, Part};
use super::records::NarrowLog;
use super::schema::{log, span};
use super::spans::Narrow;
use super::texts::restore_rest;
use crate::limits;
use crate::otlp::write;
use crate::storage::layout::BlockPart;

/// A record that was put together again, and the request that holds where it is from.
pub(in crate::storage) struct Restored<'a> {
    pub(in crate::storage) row: usize,
    pub(in crate::storage) origin: &'a [u8],
    pub(in crate::storage) record: &'a [u8],
}

/// The wide columns of some rows.
struct Wide {
    keys: Items,
    values: Items,
    types: Vec<ByteArray>,
    rest: Vec<ByteArray>,
    numbers: Vec<Vec<i64>>,
    contents: HashMap<i64, ByteArray, foldhash::fast::RandomState>,
}

/// A column of lists: the items of each row.
type Items = Vec<Vec<ByteArray>>;

/// Where the wide columns are among a file's leaves.
struct Leaves {
    key: usize,
    value: usize,
    types: usize,
    content: usize,
    rest: usize,
}

const SPAN_LEAVES: Leaves = Leaves {
    key: span::KEY,
    value: span::VALUE,
    types: span::TYPES,
    content: span::CONTENT,
    rest: span::REST,
};

const LOG_LEAVES: Leaves = Leaves {
    key: log::KEY,
    value: log::VALUE,
    types: log::TYPES,
    content: log::CONTENT,
    rest: log::REST,
};

impl Block {
    /// Calls `visit` with these rows of a row group of spans, which are in order, until it says
    /// that it has enough.
    pub(in crate::storage) fn restore_spans(
        &self,
        group: usize,
        rows: &[usize],
        visit: &mut dyn FnMut(Restored<'_>) -> bool,
    ) -> Result<(), BlockError> {
        let part = self.part(BlockPart::Spans)?;
        for rows in rows.chunks(limits::BLOCK_RESTORE_ROWS) {
            let wide = self.wide(&part, group, rows, &SPAN_LEAVES)?;
            let some = Some(rows);
            let ids = [span::TRACE_ID, span::SPAN_ID, span::PARENT_SPAN_ID]
                .map(|leaf| part.ids(group, leaf, some));
            let [traces, ids, parents] = ids;
            let (traces, ids, parents) = (traces?, ids?, parents?);
            let starts = part.longs(group, span::START, some, 0)?;
            let durations = part.longs(group, span::DURATION, some, 0)?;
            let names = part.texts(group, span::NAME, some)?;
            let kinds = part.texts(group, span::KIND, some)?;
            let statuses = part.texts(group, span::STATUS, some)?;
            let messages = part.texts(group, span::STATUS_MESSAGE, some)?;
            let origins = part.texts(group, span::ORIGIN, some)?;
            let mut record = Vec::new();
            for (at, row) in rows.iter().enumerate() {
                record.clear();
                let narrow = Narrow {
                    trace_id: traces[at].data(),
                    span_id: ids[at].data(),
                    parent_span_id: parents[at].data(),
                    start_ns: starts[at].cast_unsigned(),
                    duration_ns: durations[at].cast_unsigned(),
                    name: names[at].data(),
                    kind: kinds[at].data(),
                    status: statuses[at].data(),
                    status_message: messages[at].data(),
                };
                narrow.put(&mut record);
                wide.put(at, 9, None, &mut record).ok_or(BlockError::Inconsistent)?;
                let origin = origins[at].data();
                if visit(Restored { row: *row, origin, record: &record }) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The same for log records.
    pub(in crate::storage) fn restore_logs(
        &self,
        group: usize,
        rows: &[usize],
        visit: &mut dyn FnMut(Restored<'_>) -> bool,
    ) -> Result<(), BlockError> {
        let part = self.part(BlockPart::Logs)?;
        for rows in rows.chunks(limits::BLOCK_RESTORE_ROWS) {
            let wide = self.wide(&part, group, rows, &LOG_LEAVES)?;
            let some = Some(rows);
            let times = part.longs(group, log::TIME, some, 0)?;
            let observed = part.longs(group, log::OBSERVED, some, 0)?;
            let traces = part.ids(group, log::TRACE_ID, some)?;
            let spans = part.ids(group, log::SPAN_ID, some)?;
            let severities = part.longs(group, log::SEVERITY, some, 0)?;
            let severity_texts = part.texts(group, log::SEVERITY_TEXT, some)?;
            let event_names = part.texts(group, log::EVENT_NAME, some)?;
            let bodies = part.texts(group, log::BODY, some)?;
            let origins = part.texts(group, log::ORIGIN, some)?;
            let mut record = Vec::new();
            for (at, row) in rows.iter().enumerate() {
                record.clear();
                let narrow = NarrowLog {
                    time_ns: times[at].cast_unsigned(),
                    observed_ns: observed[at].cast_unsigned(),
                    trace_id: traces[at].data(),
                    span_id: spans[at].data(),
                    severity: severities[at].cast_unsigned(),
                    severity_text: severity_texts[at].data(),
                    event_name: event_names[at].data(),
                };
                narrow.put(&mut record);
                let body = bodies[at].data();
                wide.put(at, 6, Some(body), &mut record).ok_or(BlockError::Inconsistent)?;
                let origin = origins[at].data();
                if visit(Restored { row: *row, origin, record: &record }) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn wide(
        &self,
        part: &Part,
        group: usize,
        rows: &[usize],
        leaves: &Leaves,
    ) -> Result<Wide, BlockError> {
        let some = Some(rows);
        let keys = lists(part.column::<ByteArrayType>(group, leaves.key, some)?);
        let values = lists(part.column::<ByteArrayType>(group, leaves.value, some)?);
        let types = part.texts(group, leaves.types, some)?;
        let rest = part.texts(group, leaves.rest, some)?;
        let numbers = lists(part.column::<Int64Type>(group, leaves.content, some)?);
        let rows = rows.len();
        let fits = [keys.len(), values.len(), types.len(), rest.len(), numbers.len()];
        if fits.iter().any(|found| *found != rows) {
            return Err(BlockError::Inconsistent);
        }
        let contents = self.contents(numbers.iter().flatten().copied().collect())?;
        Ok(Wide { keys, values, types, rest, numbers, contents })
    }

    /// The pieces of content with these numbers.
    pub(super) fn contents(
        &self,
        mut numbers: Vec<i64>,
    ) -> Result<HashMap<i64, ByteArray, foldhash::fast::RandomState>, BlockError> {
        let mut found = HashMap::default();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            return Ok(found);
        }
        let part = self.part(BlockPart::Content)?;
        let (mut first, mut next) = (0_i64, 0);
        for group in 0..part.groups() {
            let rows = part.rows(group);
            let end = first + i64::try_from(rows).unwrap_or(0);
            let here = numbers[next..].iter().take_while(|number| **number < end).count();
            let wanted = &numbers[next..next + here];
            if !wanted.is_empty() {
                let row = |number: &i64| usize::try_from(number - first).unwrap_or(usize::MAX);
                let rows: Vec<usize> = wanted.iter().map(row).collect();
                let texts = part.texts(group, 0, Some(&rows))?;
                found.extend(wanted.iter().copied().zip(texts));
            }
            next += here;
            first = end;
        }
        Ok(found)
    }
}

impl Wide {
    /// Appends the attributes of a row in fields of this number, the body of a log record, and
    /// the rest of its bytes.
    fn put(&self, at: usize, field: u32, body: Option<&[u8]>, out: &mut Vec<u8>) -> Option<()> {
        let mut letters = self.types[at].data().iter();
        let mut numbers = self.numbers[at].iter();
        let mut scratch = Vec::new();
        let mut value = |text: &[u8], out: &mut Vec<u8>| -> Option<()> {
            let letter = *letters.next()?;
            if letter.is_ascii_lowercase() {
                return attributes::decode(letter, std::str::from_utf8(text).ok()?, out);
            }
            scratch.clear();
            let pieces = std::str::from_utf8(text).ok()?.parse().ok()?;
            self.pieces(&mut numbers, pieces, &mut scratch)?;
            let text = std::str::from_utf8(&scratch).ok()?;
            attributes::decode(letter.to_ascii_lowercase(), text, out)
        };
        if let Some(body) = body {
            let message = write::begin_message(out, 5);
            value(body, out)?;
            write::end_message(out, message);
        }
        for (key, text) in self.keys[at].iter().zip(&self.values[at]) {
            let entry = write::begin_message(out, field);
            write::bytes_field(out, 1, key.data());
            let message = write::begin_message(out, 2);
            value(text.data(), out)?;
            write::end_message(out, message);
            write::end_message(out, entry);
        }
        restore_rest(self.rest[at].data(), out, |count, out| self.pieces(&mut numbers, count, out))
    }

    fn pieces<'n>(
        &self,
        numbers: &mut impl Iterator<Item = &'n i64>,
        count: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        for _ in 0..count {
            out.extend_from_slice(self.contents.get(numbers.next()?)?.data());
        }
        Some(())
    }
}

/// The items of each row of a column of lists. A row without items has a level of its own.
pub(super) fn lists<T>(column: Levelled<T>) -> Vec<Vec<T>> {
    let Levelled { values, definitions, repetitions } = column;
    let deepest = definitions.iter().copied().max().unwrap_or(0);
    let mut values = values.into_iter();
    let mut rows: Vec<Vec<T>> = Vec::new();
    for (defined, repeated) in definitions.into_iter().zip(repetitions) {
        if repeated == 0 {
            rows.push(Vec::new());
        }
        if defined > 0
            && defined == deepest
            && let (Some(row), Some(value)) = (rows.last_mut(), values.next())
        {
            row.push(value);
        }
    }
    rows
}
