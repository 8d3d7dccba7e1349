//! Finding the spans of a block's row group that a search asks for, cheapest question first.

use std::collections::HashMap;
use std::sync::Arc;

use super::records::origin_of;
use super::scan::{Scanner, Starts};
use crate::model::{Status, TraceId};
use crate::otlp::read;
use crate::storage::Position;
use crate::storage::block::{Block, BlockError, Restored, packed, span};
use crate::storage::layout::{BlockName, BlockPart};

/// Which pieces of content say what a search asks for, by block; found once for a search.
pub(super) type Said = HashMap<BlockName, Arc<Vec<bool>>, foldhash::fast::RandomState>;

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
            self.select_attributes(&mut selection)?;
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

    /// Keeps the spans with the attributes asked for. Texts are compared in their columns; what
    /// may be equal in another form is put together and looked at as in the log.
    fn select_attributes(&self, selection: &mut Selection<'_>) -> Result<(), BlockError> {
        let Selection { block, group, ref selected } = *selection;
        let origins: Vec<Vec<bool>> = block.origins_where(group, &selected.rows, |origin| {
            let origin = origin_of(origin);
            self.filters().attributes.iter().map(|wanted| origin_has(&origin, wanted)).collect()
        })?;
        let wide = block.attribute_items(group, &selected.rows)?;
        let mut likely = Vec::new();
        for (at, row) in selected.rows.iter().enumerate() {
            let mut wanted = self.filters().attributes.iter().zip(&*origins[at]);
            let all = wanted.all(|((key, value), in_origin)| {
                *in_origin || wide.may_equal(at, key.as_bytes(), value.as_bytes())
            });
            if all {
                likely.push(*row);
            }
        }
        selection.charge_wide();
        let mut rows = Vec::new();
        block.restore_spans(group, &likely, &mut |Restored { row, origin, record }| {
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
        let said = contents_that_say(block, said, |text| self.may_say(text))?;
        let names = block.texts(BlockPart::Spans, group, span::NAME)?;
        let messages = block.texts(BlockPart::Spans, group, span::STATUS_MESSAGE)?;
        let says = |text: &str| self.may_say(text.as_bytes());
        let (named, failed) = (names.codes_of(says), messages.codes_of(says));
        let mut certain = Vec::new();
        let mut open = Vec::new();
        for row in &selected.rows {
            let is = |codes: &[u32], found: &[bool]| found.get(codes[*row] as usize) == Some(&true);
            match is(&names.codes, &named) || is(&messages.codes, &failed) {
                true => certain.push(*row),
                false => open.push(*row),
            }
        }
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

/// Which pieces of a block's contents `says` holds for; asked once for a search.
pub(super) fn contents_that_say(
    block: &Block,
    known: &mut Said,
    says: impl Fn(&[u8]) -> bool,
) -> Result<Arc<Vec<bool>>, BlockError> {
    if let Some(found) = known.get(&block.seal.name) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(block.contents_where(says)?);
    known.insert(block.seal.name, Arc::clone(&found));
    Ok(found)
}

fn origin_has(origin: &crate::model::Origin<'_>, (key, wanted): &(String, String)) -> bool {
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
