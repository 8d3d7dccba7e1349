//! Spans of a row group that is being gathered, and the bytes of a span from its columns.

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::column::{Gathered, Texts, Values};
use super::content::ContentWriter;
use super::file::SummingFile;
use super::texts::WideColumns;
use super::write::Raw;
use crate::model::{CostSource, CostState, ServiceTier, Span, SpanKind, Status, UsageSource};
use crate::otlp::wire::{Content, Fields};
use crate::otlp::write;
use crate::storage::query::SpanRow;

/// The columns in the order of the schema.
#[derive(Default)]
pub(super) struct SpanColumns {
    rows: usize,
    ids: [Texts; 3],
    start: Values<i64>,
    duration: Values<i64>,
    service: Texts,
    name: Texts,
    kind: Texts,
    status: Texts,
    status_message: Texts,
    operation: Texts,
    failed: Values<bool>,
    /// From the error type to the route.
    names: [Texts; 13],
    http_status: Values<i64>,
    llm_call: Values<bool>,
    /// From the prompt's to the reasoning tokens.
    tokens: [Values<i64>; 5],
    cost: Values<f64>,
    first_token: Values<f64>,
    position: Values<i64>,
    origin: Texts,
    wide: WideColumns,
    rest: Vec<u8>,
    /// State and source of the cost.
    told: [Texts; 2],
    cost_version: Values<i64>,
    /// How sure the tokens are, and the tier.
    used: [Texts; 2],
}

impl SpanColumns {
    /// Rows gathered.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes gathered in the wide columns.
    pub(super) fn bytes(&self) -> usize {
        self.wide.bytes()
    }

    /// Adds a span: as a row, as it was read, and raw.
    pub(super) fn push(
        &mut self,
        row: &SpanRow<'_>,
        span: &Span<'_>,
        raw: Raw<'_>,
        contents: &mut ContentWriter,
    ) -> Result<(), ParquetError> {
        self.rows += 1;
        let [trace, id, parent] = &mut self.ids;
        trace.push(row.trace_id.as_bytes());
        id.push(row.span_id.as_bytes());
        parent.push_some(row.parent_span_id.as_ref().map(|id| id.as_bytes().as_slice()));
        self.start.push(row.start_ns.cast_signed());
        self.duration.push(row.end_ns.wrapping_sub(row.start_ns).cast_signed());
        self.service.push(row.service.as_bytes());
        self.name.push(row.name.as_bytes());
        self.kind.push(row.kind.name().as_bytes());
        self.status.push(row.status.name().as_bytes());
        let message = span.status_message;
        self.status_message.push_text((!message.is_empty()).then_some(message));
        self.operation.push(row.operation.as_bytes());
        self.failed.push(row.failed);
        self.describe(row);
        self.position.push(raw.position);
        self.origin.push(raw.origin);
        self.wide.attributes(&span.attributes, contents)?;
        self.rest.clear();
        put_rest(raw.record, &mut self.rest);
        self.wide.end_row(&self.rest, contents)
    }

    fn describe(&mut self, row: &SpanRow<'_>) {
        let names = [
            row.error_type,
            row.provider,
            row.model,
            row.response_model,
            row.tool,
            row.agent,
            row.workflow,
            row.skill,
            row.tenant,
            row.user,
            row.conversation,
            row.http_method,
            row.http_route,
        ];
        for (column, name) in self.names.iter_mut().zip(names) {
            column.push_text(name);
        }
        self.http_status.push_some(row.http_status.map(i64::from));
        self.llm_call.push(row.counts);
        let usage = &row.usage;
        let tokens = [usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning];
        for (column, tokens) in self.tokens.iter_mut().zip(tokens) {
            column.push_some(tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX)));
        }
        self.cost.push_some(row.cost_usd);
        self.first_token.push_some(row.time_to_first_token_seconds);
        let [state, source] = &mut self.told;
        state.push_text(row.cost_state.map(CostState::name));
        let known = row.cost_source != CostSource::Nobody;
        source.push_text(known.then(|| row.cost_source.name()));
        let version = (row.cost_version > 0).then(|| row.cost_version.cast_signed());
        self.cost_version.push_some(version);
        let [usage, tier] = &mut self.used;
        let sure = row.usage_source == UsageSource::default();
        usage.push_text((!sure).then(|| row.usage_source.name()));
        let usual = row.service_tier == ServiceTier::default();
        tier.push_text((!usual).then(|| row.service_tier.name()));
    }

    /// Writes what was gathered as a row group.
    pub(super) fn write(
        &mut self,
        file: &mut SerializedFileWriter<SummingFile>,
    ) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for ids in &mut self.ids {
            ids.write_fixed(&mut group)?;
        }
        self.start.write(&mut group)?;
        self.duration.write(&mut group)?;
        for texts in [
            &mut self.service,
            &mut self.name,
            &mut self.kind,
            &mut self.status,
            &mut self.status_message,
            &mut self.operation,
        ] {
            texts.write(&mut group)?;
        }
        self.failed.write(&mut group)?;
        for names in &mut self.names {
            names.write(&mut group)?;
        }
        self.http_status.write(&mut group)?;
        self.llm_call.write(&mut group)?;
        for tokens in &mut self.tokens {
            tokens.write(&mut group)?;
        }
        self.cost.write(&mut group)?;
        self.first_token.write(&mut group)?;
        self.position.write(&mut group)?;
        self.origin.write(&mut group)?;
        let wide = &mut self.wide;
        wide.keys.write(&mut group)?;
        wide.values.write(&mut group)?;
        wide.types.write(&mut group)?;
        wide.content.write(&mut group)?;
        wide.rest.write(&mut group)?;
        for texts in &mut self.told {
            texts.write(&mut group)?;
        }
        self.cost_version.write(&mut group)?;
        for texts in &mut self.used {
            texts.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// The fields of a span that no column holds: events, links, state, flags, counts of what was
/// dropped, and what we do not know.
fn put_rest(record: &[u8], out: &mut Vec<u8>) {
    for field in Fields::of(record).map_while(Result::ok) {
        let has_column = match (field.number, field.content) {
            (6, Content::Varint(kind)) => kind <= 5,
            (15, Content::Bytes(status)) => !is_unknown_status(status),
            (number, _) => matches!(number, 1 | 2 | 4 | 5 | 7 | 8 | 9),
        };
        if !has_column {
            out.extend_from_slice(field.raw);
        }
    }
}

/// Whether a status has a code or a field of a later OTLP.
fn is_unknown_status(status: &[u8]) -> bool {
    Fields::of(status).map_while(Result::ok).any(|field| match (field.number, field.content) {
        (3, Content::Varint(code)) => code > 2,
        (2, _) => false,
        _ => true,
    })
}

/// The narrow columns that a span's bytes are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow<'a> {
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: &'a [u8],
    pub(super) parent_span_id: &'a [u8],
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) name: &'a [u8],
    pub(super) kind: &'a [u8],
    pub(super) status: &'a [u8],
    pub(super) status_message: &'a [u8],
}

impl Narrow<'_> {
    /// Appends their fields of a `Span`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        write::bytes_field(out, 1, self.trace_id);
        write::bytes_field(out, 2, self.span_id);
        if !self.parent_span_id.is_empty() {
            write::bytes_field(out, 4, self.parent_span_id);
        }
        write::bytes_field(out, 5, self.name);
        let kind = (0..=5).find(|kind| SpanKind::from_number(*kind).name().as_bytes() == self.kind);
        if let Some(kind) = kind.filter(|kind| *kind > 0) {
            write::varint_field(out, 6, kind);
        }
        write::fixed64_field(out, 7, self.start_ns);
        write::fixed64_field(out, 8, self.start_ns.wrapping_add(self.duration_ns));
        let code = (0..=2).find(|code| Status::from_number(*code).name().as_bytes() == self.status);
        let code = code.unwrap_or(0);
        if code > 0 || !self.status_message.is_empty() {
            write::message_field(out, 15, |out| {
                if !self.status_message.is_empty() {
                    write::bytes_field(out, 2, self.status_message);
                }
                if code > 0 {
                    write::varint_field(out, 3, code);
                }
            });
        }
    }
}
