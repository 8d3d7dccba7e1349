//! The walk over an export request: groups, then records, then what is in them.
//!
//! The three requests share one layout: resources (field 1) hold scopes (field 2) hold records
//! (field 2). A record that is wrong is rejected alone; one whose resource or scope is wrong
//! cannot be understood without it and is rejected with it. Only a request whose records cannot
//! be told apart fails as a whole.

use std::ops::Range;

use super::Redactor;
use super::gate::{Copied, Gate, ItemHead, Reason, Verdict};
use super::hits::Hits;
use super::keys::{KeyCache, Secrecy};
use super::splice::Edits;
use crate::model::Signal;
use crate::otlp::read::messages;
use crate::otlp::schema;
use crate::otlp::wire::{Field, Fields, WireError};

/// One request on its way through.
pub(super) struct Walk<'a, 'g> {
    pub(super) redactor: &'a Redactor,
    body: &'a [u8],
    signal: Signal,
    gate: &'g mut dyn Gate,
    pub(super) edits: Edits,
    /// Hits of the part under way; they count once it is kept.
    pub(super) hits: Hits,
    pub(super) keys: KeyCache<'a>,
    /// The secret that the last name of a name and value pair named, and the pair's own name.
    pub(super) named: Option<(&'a str, Secrecy)>,
    copied: Copied,
}

/// Depths below the request at which fields are left out.
pub(super) mod level {
    pub(in crate::redaction) const RESOURCE_GROUP: u8 = 0;
    pub(in crate::redaction) const SCOPE_GROUP: u8 = 1;
    pub(in crate::redaction) const RECORD: u8 = 2;
    pub(in crate::redaction) const METRIC_DATA: u8 = 3;
    pub(in crate::redaction) const POINT: u8 = 4;
    /// Plus the field number of the count of dropped attributes, which is below 16.
    pub(in crate::redaction) const SURPLUS: u8 = 100;
}

/// What a record says of itself, as far as admission must know.
pub(super) type Head<'a> = ItemHead<'a>;

impl<'a, 'g> Walk<'a, 'g> {
    pub(super) fn new(
        redactor: &'a Redactor,
        signal: Signal,
        body: &'a [u8],
        gate: &'g mut dyn Gate,
    ) -> Self {
        Self {
            redactor,
            body,
            signal,
            gate,
            edits: Edits::default(),
            hits: Hits::default(),
            keys: KeyCache::default(),
            named: None,
            copied: Copied::default(),
        }
    }

    /// Goes through the whole request.
    pub(super) fn run(mut self) -> Result<Copied, WireError> {
        if u32::try_from(self.body.len()).is_err() {
            return Err(WireError::Truncated);
        }
        for field in Fields::of(self.body) {
            let field = field?;
            if field.number == 1 {
                self.resource_group(&field)?;
            }
        }
        let mut copied = self.copied;
        if copied.kept > 0 {
            copied.body = self.edits.apply(self.body)?;
        }
        Ok(copied)
    }

    fn resource_group(&mut self, group: &Field<'a>) -> Result<(), WireError> {
        let content = group.content.bytes()?;
        let mark = self.edits.mark();
        let before = self.copied.kept;
        let outer = match self.part(|walk| walk.group_head(content, &schema::RESOURCE)) {
            Ok(hits) => hits,
            Err(reason) => {
                for scope_group in messages(content, 2) {
                    self.reject_all(scope_group?, reason)?;
                }
                self.edits.forget(mark);
                self.edits.leave_out(self.range(group.raw), level::RESOURCE_GROUP);
                return Ok(());
            }
        };
        for field in Fields::of(content) {
            let field = field?;
            if field.number == 2 {
                self.scope_group(&field)?;
            }
        }
        if self.copied.kept == before {
            self.edits.forget(mark);
            self.edits.leave_out(self.range(group.raw), level::RESOURCE_GROUP);
        } else {
            self.copied.hits.add(&outer);
        }
        Ok(())
    }

    fn scope_group(&mut self, group: &Field<'a>) -> Result<(), WireError> {
        let content = group.content.bytes()?;
        let mark = self.edits.mark();
        let before = self.copied.kept;
        let outer = match self.part(|walk| walk.group_head(content, &schema::SCOPE)) {
            Ok(hits) => hits,
            Err(reason) => {
                self.reject_all(content, reason)?;
                self.edits.forget(mark);
                self.edits.leave_out(self.range(group.raw), level::SCOPE_GROUP);
                return Ok(());
            }
        };
        for field in Fields::of(content) {
            let field = field?;
            if field.number == 2 {
                match self.signal {
                    Signal::Traces => self.record(&field, Self::span)?,
                    Signal::Logs => self.record(&field, Self::log_record)?,
                    Signal::Metrics => self.metric(&field)?,
                }
            }
        }
        if self.copied.kept == before {
            self.edits.forget(mark);
            self.edits.leave_out(self.range(group.raw), level::SCOPE_GROUP);
        } else {
            self.copied.hits.add(&outer);
        }
        Ok(())
    }

    /// What a group says before its records: the resource or scope (field 1) and the schema URL.
    fn group_head(
        &mut self,
        content: &'a [u8],
        first: &'static schema::Message,
    ) -> Result<(), Reason> {
        for field in Fields::of(content) {
            let field = field?;
            match field.number {
                1 => self.message(first, field.content.bytes()?)?,
                3 => self.text(&field)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks at one part and gives its hits to whoever decides whether it is kept.
    fn part(&mut self, look: impl FnOnce(&mut Self) -> Result<(), Reason>) -> Result<Hits, Reason> {
        let result = look(self);
        let hits = if self.hits.any() { self.hits.take() } else { Hits::default() };
        result.map(|()| hits)
    }

    fn record(
        &mut self,
        field: &Field<'a>,
        look: impl FnOnce(&mut Self, &'a [u8]) -> Result<Head<'a>, Reason>,
    ) -> Result<(), WireError> {
        let content = field.content.bytes()?;
        self.item(field, level::RECORD, |walk| look(walk, content));
        Ok(())
    }

    /// Validates one item and asks the gate about it; leaves it out unless it is to be kept.
    fn item(
        &mut self,
        field: &Field<'a>,
        level: u8,
        look: impl FnOnce(&mut Self) -> Result<Head<'a>, Reason>,
    ) {
        let mark = self.edits.mark();
        self.named = None;
        let head = look(self);
        let hits = self.hits.any().then(|| self.hits.take());
        match head.map_or_else(Verdict::Reject, |head| self.gate.item(&head)) {
            Verdict::Keep => {
                self.copied.kept += 1;
                if let Some(hits) = hits {
                    self.copied.hits.add(&hits);
                }
                return;
            }
            Verdict::Duplicate => self.copied.duplicates += 1,
            Verdict::Reject(reason) => self.copied.rejected.count(reason, 1),
        }
        self.edits.forget(mark);
        self.edits.leave_out(self.range(field.raw), level);
    }

    /// A metric: its data points are the items.
    fn metric(&mut self, metric: &Field<'a>) -> Result<(), WireError> {
        let content = metric.content.bytes()?;
        let mark = self.edits.mark();
        let before = self.copied.kept;
        match self.part(|walk| walk.metric_head(content)) {
            Ok(outer) => {
                for data in Fields::of(content) {
                    let data = data?;
                    if let Some(points) = point_schema(data.number) {
                        self.metric_data(&data, points)?;
                    }
                }
                if self.copied.kept > before {
                    self.copied.hits.add(&outer);
                    return Ok(());
                }
            }
            Err(reason) => self.copied.rejected.count(reason, count_points(content)?),
        }
        self.edits.forget(mark);
        self.edits.leave_out(self.range(metric.raw), level::RECORD);
        Ok(())
    }

    fn metric_data(
        &mut self,
        data: &Field<'a>,
        points: &'static schema::Message,
    ) -> Result<(), WireError> {
        let mark = self.edits.mark();
        let before = self.copied.kept;
        for point in Fields::of(data.content.bytes()?) {
            let point = point?;
            if point.number == 1 {
                let content = point.content.bytes()?;
                self.item(&point, level::POINT, |walk| walk.point(points, content));
            }
        }
        if self.copied.kept == before {
            self.edits.forget(mark);
            self.edits.leave_out(self.range(data.raw), level::METRIC_DATA);
        }
        Ok(())
    }

    fn reject_all(&mut self, scope_group: &[u8], reason: Reason) -> Result<(), WireError> {
        for record in messages(scope_group, 2) {
            let items = match self.signal {
                Signal::Metrics => count_points(record?)?,
                Signal::Traces | Signal::Logs => record.map(|_| 1)?,
            };
            self.copied.rejected.count(reason, items);
        }
        Ok(())
    }

    /// Where a slice of the body stands in it.
    pub(super) fn range(&self, part: &[u8]) -> Range<usize> {
        let start = part.as_ptr() as usize - self.body.as_ptr() as usize;
        start..start + part.len()
    }
}

fn count_points(metric: &[u8]) -> Result<u64, WireError> {
    let mut points = 0;
    for data in Fields::of(metric) {
        let data = data?;
        if point_schema(data.number).is_some() {
            for point in messages(data.content.bytes()?, 1) {
                point?;
                points += 1;
            }
        }
    }
    Ok(points)
}

/// The message of the data points in this field of a metric.
pub(super) fn point_schema(number: u32) -> Option<&'static schema::Message> {
    match number {
        5 | 7 => Some(&schema::NUMBER_POINT),
        9 => Some(&schema::HISTOGRAM_POINT),
        10 => Some(&schema::EXPONENTIAL_POINT),
        11 => Some(&schema::SUMMARY_POINT),
        _ => None,
    }
}
