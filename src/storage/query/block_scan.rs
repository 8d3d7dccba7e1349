//! Finding the spans of a block's row group that a search asks for, cheapest question first.

use std::collections::HashMap;
use std::sync::Arc;

use memchr::memmem;

use super::records::origin_of;
use super::scan::{Scanner, Starts};
use crate::limits;
use crate::model::{Status, TraceId};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::block::{Block, BlockError, Restored, packed, span};
use crate::storage::layout::{BlockName, BlockPart};

/// Which pieces of content say what a search asks for, by block and by which of its texts; found
/// once for a search.
pub(super) type Said = HashMap<(BlockName, usize), Arc<Vec<bool>>, foldhash::fast::RandomState>;

/// The free text among the texts of a search; attributes are counted from 0 on.
const FREE_TEXT: usize = usize::MAX;

/// Rows of a row group that fulfil the conditions, and what finding them has cost.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// In order.
    pub(super) rows: Vec<usize>,
    /// Bytes that were looked at.
    pub(super) bytes: u64,
}

/// Which spans are wanted beyond the conditions of a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    /// When they began.
    pub(super) starts: &'w Starts,
    /// Only those of this trace.
    pub(super) only: Option<&'w TraceId>,
    /// Only those whose batch was before this one in the log.
    pub(super) until: Position,
}

/// A row group that is being searched.
struct Selection<'s> {
    block: &'s Block,
    group: usize,
    selected: Selected,
}

impl Scanner<'_> {
    /// The spans of a row group that fulfil the conditions and `wanted`.
    pub(super) fn select(
        &self,
        block: &Block,
        group: usize,
        wanted: &Wanted<'_>,
        said: &mut Said,
    ) -> Result<Selected, BlockError> {
        let Wanted { starts, only, until } = *wanted;
        let facts = &block.seal.spans[group];
        let mut selection = Selection { block, group, selected: Selected::default() };
        selection.selected.rows = match only {
            Some(id) => {
                selection.charge(16);
                block.rows_of(BlockPart::Spans, group, span::TRACE_ID, id)?
            }
            None => (0..facts.rows as usize).collect(),
        };
        if *starts.start() > facts.min_start_ns || *starts.end() < facts.max_start_ns {
            selection.keep_longs(span::START, |start| starts.contains(&start.cast_unsigned()))?;
        }
        if until.segment <= block.seal.name.last {
            let until = packed(until);
            selection.keep_longs(span::POSITION, |position| position < until)?;
        }
        self.select_narrow(&mut selection)?;
        if !self.filters().attributes.is_empty() {
            self.select_attributes(&mut selection, said)?;
        }
        if self.filters().text.is_some() {
            self.select_text(&mut selection, said)?;
        }
        Ok(selection.selected)
    }

    fn select_narrow(&self, selection: &mut Selection<'_>) -> Result<(), BlockError> {
        let filters = self.filters();
        match filters.status {
            None => {}
            Some(Status::Error) => selection.keep_texts(&[span::STATUS], |is| is == "error")?,
            Some(Status::Ok) => selection.keep_texts(&[span::STATUS], |is| is != "error")?,
            Some(Status::Unset) => selection.keep_texts(&[span::STATUS], |is| is == "unset")?,
        }
        if filters.min_duration_ns.is_some() || filters.max_duration_ns.is_some() {
            let least = filters.min_duration_ns.unwrap_or(0);
            let most = filters.max_duration_ns.unwrap_or(u64::MAX);
            selection.keep_durations(|duration| (least..=most).contains(&duration))?;
        }
        let equal: [(&Option<String>, &[usize]); 7] = [
            (&filters.model, &[span::MODEL, span::RESPONSE_MODEL]),
            (&filters.conversation, &[span::CONVERSATION]),
            (&filters.tool, &[span::TOOL]),
            (&filters.agent, &[span::AGENT]),
            (&filters.tenant, &[span::TENANT]),
            (&filters.service, &[span::SERVICE]),
            (&filters.name, &[span::NAME]),
        ];
        for (wanted, leaves) in equal {
            if let Some(wanted) = wanted {
                selection.keep_texts(leaves, |is| is == wanted)?;
            }
        }
        match filters.operation.as_deref() {
            None => Ok(()),
            // Every call of a model has a provider, and nothing else has one.
            Some("llm") => selection.keep_texts(&[span::PROVIDER], |_| true),
            Some(wanted) => selection.keep_texts(&[span::OPERATION], |is| is == wanted),
        }
    }

    /// Keeps the spans with the attributes asked for. Texts are compared in their column; what may
    /// be equal there or in another form is put together and looked at as in the log.
    fn select_attributes(
        &self,
        selection: &mut Selection<'_>,
        said: &mut Said,
    ) -> Result<(), BlockError> {
        for (place, (key, wanted)) in self.filters().attributes.iter().enumerate() {
            let Selection { block, group, ref selected } = *selection;
            let rows = &selected.rows;
            let in_origin: Vec<bool> = block
                .origins_where(group, rows, |origin| origin_has(&origin_of(origin), key, wanted))?;
            let long = |text: &[u8]| memmem::find(text, wanted.as_bytes()).is_some();
            let in_contents = contents_that_say(block, place, said, long)?.contains(&true);
            let form = Form::of(wanted);
            let near = match form.is_plain() && !in_contents {
                true => block.rows_that_may_say(BlockPart::Spans, group, rows, &[], long)?,
                false => rows.clone(),
            };
            let likely = block.rows_with_value(group, &near, |text| {
                form.may_equal(text) || in_contents && text.iter().all(u8::is_ascii_digit)
            })?;
            let wide = block.attribute_items(group, &likely)?;
            let keyed = likely.iter().enumerate();
            let keyed = keyed
                .filter(|(at, _)| wide.may_equal(*at, key.as_bytes(), wanted.as_bytes()))
                .map(|(_, row)| *row);
            let of_origin = rows.iter().zip(in_origin).filter(|(_, has)| *has);
            let mut kept: Vec<usize> = of_origin.map(|(row, _)| *row).chain(keyed).collect();
            kept.sort_unstable();
            kept.dedup();
            selection.charge_wide();
            selection.selected.rows = kept;
        }
        let Selection { block, group, ref selected } = *selection;
        let mut rows = Vec::new();
        block.restore_spans(group, &selected.rows, &mut |Restored { row, origin, record }| {
            if self.filters().admits_attributes(&origin_of(origin), record) {
                rows.push(row);
            }
            false
        })?;
        selection.selected.rows = rows;
        Ok(())
    }

    /// Keeps the spans that say the text asked for.
    fn select_text(
        &self,
        selection: &mut Selection<'_>,
        said: &mut Said,
    ) -> Result<(), BlockError> {
        let Selection { block, group, ref selected } = *selection;
        let said = contents_that_say(block, FREE_TEXT, said, |text| self.may_say(text))?;
        let names = block.texts(BlockPart::Spans, group, span::NAME)?;
        let messages = block.texts(BlockPart::Spans, group, span::STATUS_MESSAGE)?;
        let text_says = |text: &str| self.may_say(text.as_bytes());
        let (named, failed) = (names.codes_of(text_says), messages.codes_of(text_says));
        let mut certain = Vec::new();
        let mut open = Vec::new();
        for row in &selected.rows {
            let is = |codes: &[u32], found: &[bool]| found.get(codes[*row] as usize) == Some(&true);
            match is(&names.codes, &named) || is(&messages.codes, &failed) {
                true => certain.push(*row),
                false => open.push(*row),
            }
        }
        let says = |text: &[u8]| self.may_say(text);
        let open = block.rows_that_may_say(BlockPart::Spans, group, &open, &said, says)?;
        let wide = block.said_items(BlockPart::Spans, group, &open)?;
        let mut likely = Vec::new();
        for (at, row) in open.iter().enumerate() {
            if wide.may_say(at, &said, |text| self.may_say(text)) {
                likely.push(*row);
            }
        }
        selection.charge_wide();
        block.restore_spans(group, &likely, &mut |Restored { row, record, .. }| {
            if read::span(record).is_ok_and(|span| self.says(&span)) {
                certain.push(row);
            }
            false
        })?;
        certain.sort_unstable();
        selection.selected.rows = certain;
        Ok(())
    }
}

/// Which pieces of a block's contents `says` holds for; asked once for each text of a search.
fn contents_that_say(
    block: &Block,
    text: usize,
    known: &mut Said,
    says: impl Fn(&[u8]) -> bool,
) -> Result<Arc<Vec<bool>>, BlockError> {
    let key = (block.seal.name, text);
    if let Some(found) = known.get(&key) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(block.contents_where(says)?);
    known.insert(key, Arc::clone(&found));
    Ok(found)
}

/// The same of the free text.
pub(super) fn free_text_in(
    block: &Block,
    known: &mut Said,
    says: impl Fn(&[u8]) -> bool,
) -> Result<Arc<Vec<bool>>, BlockError> {
    contents_that_say(block, FREE_TEXT, known, says)
}

/// The forms in which a value that equals a wanted text may stand in its column.
struct Form<'f> {
    text: &'f [u8],
    number: Option<f64>,
    /// Bytes are asked for in hexadecimal and stand in base64.
    maybe_bytes: bool,
}

impl<'f> Form<'f> {
    fn of(wanted: &'f str) -> Self {
        let maybe_bytes = wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
        Self { text: wanted.as_bytes(), number: wanted.parse().ok(), maybe_bytes }
    }

    fn may_equal(&self, stored: &[u8]) -> bool {
        stored == self.text
            || stored.first() == Some(&b'[') && self.may_be_item(stored)
            || self.number.is_some_and(|number| number_in(stored) == Some(number))
            // Base64 of bytes, and of what is no decimal number, begins with its field's tag.
            || self.maybe_bytes && (stored.is_empty() || stored.starts_with(b"O"))
            || self.maybe_bytes && self.text.len() >= limits::CONTENT_MIN_BYTES
            || self.number.is_some_and(|number| !number.is_finite()) && stored.starts_with(b"I")
    }

    /// Whether the text itself stands wherever something equals it.
    fn is_plain(&self) -> bool {
        let escaped = self.json().len() < self.text.len();
        !self.text.is_empty() && self.number.is_none() && !self.maybe_bytes && !escaped
    }

    fn may_be_item(&self, list: &[u8]) -> bool {
        self.number.is_some() || memmem::find(list, self.json()).is_some()
    }

    /// What of the text stands the same in a list: up to where JSON may escape something.
    fn json(&self) -> &[u8] {
        let plain = |byte: &u8| (b' '..=b'~').contains(byte) && !matches!(byte, b'"' | b'\\');
        let end = self.text.iter().take_while(|byte| plain(byte)).count();
        &self.text[..end]
    }
}

fn number_in(stored: &[u8]) -> Option<f64> {
    std::str::from_utf8(stored).ok()?.parse().ok()
}

fn origin_has(origin: &crate::model::Origin<'_>, key: &str, wanted: &str) -> bool {
    let mut sent = origin.resource.iter().chain(&origin.scope.attributes);
    sent.any(|attribute| {
        attribute.key == key && super::attribute::text_equals(&attribute.value, wanted)
    })
}

impl Selection<'_> {
    /// Notes that a column with this many bytes a row was looked at.
    fn charge(&mut self, bytes: u64) {
        let rows = u64::from(self.block.seal.spans[self.group].rows);
        self.selected.bytes += rows * bytes;
    }

    /// Notes that attributes were looked at.
    fn charge_wide(&mut self) {
        self.selected.bytes += self.block.seal.spans[self.group].bytes;
    }

    /// Keeps the rows of which one of these columns has a text that is wanted.
    fn keep_texts(
        &mut self,
        leaves: &[usize],
        wanted: impl Fn(&str) -> bool + Copy,
    ) -> Result<(), BlockError> {
        if self.selected.rows.is_empty() {
            return Ok(());
        }
        let mut columns = Vec::new();
        for leaf in leaves {
            let column = self.block.texts(BlockPart::Spans, self.group, *leaf)?;
            let codes = column.codes_of(wanted);
            columns.push((column, codes));
            self.charge(4);
        }
        self.selected.rows.retain(|row| {
            columns.iter().any(|(column, wanted)| {
                column.codes.get(*row).is_some_and(|code| wanted.get(*code as usize) == Some(&true))
            })
        });
        Ok(())
    }

    fn keep_longs(&mut self, leaf: usize, wanted: impl Fn(i64) -> bool) -> Result<(), BlockError> {
        let column = self.block.longs(BlockPart::Spans, self.group, leaf)?;
        self.charge(8);
        self.selected.rows.retain(|row| column.get(*row).is_some_and(|value| wanted(*value)));
        Ok(())
    }

    fn keep_durations(&mut self, wanted: impl Fn(u64) -> bool) -> Result<(), BlockError> {
        let starts = self.block.longs(BlockPart::Spans, self.group, span::START)?;
        self.keep_longs(span::DURATION, |_| true)?;
        let durations = self.block.longs(BlockPart::Spans, self.group, span::DURATION)?;
        self.selected.rows.retain(|row| {
            let (Some(start), Some(duration)) = (starts.get(*row), durations.get(*row)) else {
                return false;
            };
            let start = start.cast_unsigned();
            wanted(start.wrapping_add(duration.cast_unsigned()).saturating_sub(start))
        });
        Ok(())
    }
}
