//! Lending the spans of a block's row group as rows.

use std::sync::Arc;

use super::block::fixed;
use super::{Block, BlockError, TextColumn, span};
use crate::model::{
    CostSource, CostState, ServiceTier, SpanId, SpanKind, Status, TraceId, Usage, UsageSource,
};
use crate::storage::layout::BlockPart;
use crate::storage::query::{Fields, SpanRow};

/// The columns of a row group that rows are lent from.
pub(in crate::storage) struct RowColumns {
    trace_ids: Arc<Vec<[u8; 16]>>,
    span_ids: Arc<Vec<[u8; 8]>>,
    parents: Arc<Vec<[u8; 8]>>,
    starts: Arc<Vec<i64>>,
    durations: Arc<Vec<i64>>,
    /// Service, name, kind, status, operation.
    always: [Arc<TextColumn>; 5],
    failed: Option<Arc<Vec<bool>>>,
    /// From the error type to the route, where asked for.
    names: Vec<Option<Arc<TextColumn>>>,
    http_status: Option<Arc<Vec<i64>>>,
    usage: Option<UsageColumns>,
}

struct UsageColumns {
    counts: Arc<Vec<bool>>,
    tokens: [Arc<Vec<i64>>; 5],
    cost: Arc<Vec<f64>>,
    first_token: Arc<Vec<f64>>,
    /// What is told of the cost; the first blocks do not tell it.
    told: Option<CostColumns>,
}

struct CostColumns {
    state: Arc<TextColumn>,
    source: Arc<TextColumn>,
    version: Arc<Vec<i64>>,
    usage_source: Arc<TextColumn>,
    tier: Arc<TextColumn>,
}

/// The columns of names, in order, and what they belong to.
const NAMES: [(usize, Fields); 13] = [
    (span::ERROR_TYPE, Fields::FAILURE),
    (span::PROVIDER, Fields::MODEL),
    (span::MODEL, Fields::MODEL),
    (span::RESPONSE_MODEL, Fields::MODEL),
    (span::TOOL, Fields::TOOL),
    (span::AGENT, Fields::AGENT),
    (span::WORKFLOW, Fields::AGENT),
    (span::SKILL, Fields::AGENT),
    (span::TENANT, Fields::OWNER),
    (span::USER, Fields::OWNER),
    (span::CONVERSATION, Fields::OWNER),
    (span::HTTP_METHOD, Fields::HTTP),
    (span::HTTP_ROUTE, Fields::HTTP),
];

impl RowColumns {
    /// The columns that these fields need, of all rows of a row group.
    pub(in crate::storage) fn of(
        block: &Block,
        group: usize,
        fields: Fields,
    ) -> Result<Self, BlockError> {
        Self::gather(&Columns { block, group, rows: None }, fields)
    }

    /// The same of these rows only, which are in order; they are numbered from 0 on then.
    pub(in crate::storage) fn of_rows(
        block: &Block,
        group: usize,
        rows: &[usize],
        fields: Fields,
    ) -> Result<Self, BlockError> {
        Self::gather(&Columns { block, group, rows: Some(rows) }, fields)
    }

    fn gather(from: &Columns<'_>, fields: Fields) -> Result<Self, BlockError> {
        let names = NAMES
            .iter()
            .map(|(leaf, belongs)| fields.contain(*belongs).then(|| from.texts(*leaf)).transpose());
        let usage = || {
            let tokens = |at| from.longs(span::INPUT_TOKENS + at);
            Ok::<_, BlockError>(UsageColumns {
                counts: from.flags(span::LLM_CALL)?,
                tokens: [tokens(0)?, tokens(1)?, tokens(2)?, tokens(3)?, tokens(4)?],
                cost: from.doubles(span::COST)?,
                first_token: from.doubles(span::FIRST_TOKEN)?,
                told: from.has(span::SERVICE_TIER)?.then(|| CostColumns::of(from)).transpose()?,
            })
        };
        let failed = || from.flags(span::FAILED);
        let http_status = || from.longs(span::HTTP_STATUS);
        Ok(Self {
            trace_ids: from.trace_ids()?,
            span_ids: from.span_ids(span::SPAN_ID)?,
            parents: from.span_ids(span::PARENT_SPAN_ID)?,
            starts: from.longs(span::START)?,
            durations: from.longs(span::DURATION)?,
            always: [
                from.texts(span::SERVICE)?,
                from.texts(span::NAME)?,
                from.texts(span::KIND)?,
                from.texts(span::STATUS)?,
                from.texts(span::OPERATION)?,
            ],
            failed: fields.contain(Fields::FAILURE).then(failed).transpose()?,
            names: names.collect::<Result<_, _>>()?,
            http_status: fields.contain(Fields::HTTP).then(http_status).transpose()?,
            usage: fields.contain(Fields::USAGE).then(usage).transpose()?,
        })
    }

    /// The row at this place; `None` where its ids are none.
    pub(in crate::storage) fn row(&self, at: usize) -> Option<SpanRow<'_>> {
        let start_ns = self.starts.get(at)?.cast_unsigned();
        let [service, name, kind, status, operation] = &self.always;
        let named = |place: usize| self.names[place].as_ref().and_then(|column| column.get(at));
        let mut row = SpanRow {
            trace_id: TraceId::from_bytes(self.trace_ids.get(at)?)?,
            span_id: SpanId::from_bytes(self.span_ids.get(at)?)?,
            parent_span_id: self.parents.get(at).and_then(|id| SpanId::from_bytes(id)),
            start_ns,
            end_ns: start_ns.wrapping_add(self.durations.get(at)?.cast_unsigned()),
            kind: kind_of(kind.get(at)?),
            status: status_of(status.get(at)?),
            service: service.get(at)?,
            name: name.get(at)?,
            operation: operation.get(at)?,
            failed: self.failed.as_ref().is_some_and(|failed| failed[at]),
            error_type: named(0),
            provider: named(1),
            model: named(2),
            response_model: named(3),
            tool: named(4),
            agent: named(5),
            workflow: named(6),
            skill: named(7),
            tenant: named(8),
            user: named(9),
            conversation: named(10),
            http_method: named(11),
            http_route: named(12),
            http_status: self.http_status.as_ref().and_then(|codes| u16::try_from(codes[at]).ok()),
            counts: false,
            usage: Usage::default(),
            cost_usd: None,
            stored_cost_usd: None,
            cost_state: None,
            cost_source: CostSource::Nobody,
            cost_version: 0,
            usage_source: UsageSource::Provider,
            service_tier: ServiceTier::Standard,
            time_to_first_token_seconds: None,
        };
        if let Some(usage) = &self.usage {
            usage.fill(at, &mut row);
        }
        Some(row)
    }
}

impl UsageColumns {
    fn fill(&self, at: usize, row: &mut SpanRow<'_>) {
        row.counts = self.counts[at];
        let [input, output, cached, cache_write, reasoning] = &self.tokens;
        let tokens = |column: &[i64]| u64::try_from(column[at]).ok();
        row.usage = Usage {
            input: tokens(input),
            output: tokens(output),
            cached: tokens(cached),
            cache_write: tokens(cache_write),
            reasoning: tokens(reasoning),
        };
        let known = |column: &[f64]| Some(column[at]).filter(|value| !value.is_nan());
        row.cost_usd = known(&self.cost);
        row.time_to_first_token_seconds = known(&self.first_token);
        match &self.told {
            Some(told) => told.fill(at, row),
            None => fill_early(row),
        }
        row.stored_cost_usd = row.cost_usd;
    }
}

impl CostColumns {
    fn of(from: &Columns<'_>) -> Result<Self, BlockError> {
        Ok(Self {
            state: from.texts(span::COST_STATE)?,
            source: from.texts(span::COST_SOURCE)?,
            version: from.longs(span::COST_VERSION)?,
            usage_source: from.texts(span::USAGE_SOURCE)?,
            tier: from.texts(span::SERVICE_TIER)?,
        })
    }

    fn fill(&self, at: usize, row: &mut SpanRow<'_>) {
        row.cost_state = self.state.get(at).and_then(CostState::of_name);
        row.cost_source = self.source.get(at).and_then(CostSource::of_name).unwrap_or_default();
        row.cost_version = self.version[at].cast_unsigned();
        if self.version[at] == i64::MIN {
            row.cost_version = 0;
        }
        let usage = self.usage_source.get(at).and_then(UsageSource::of_name);
        row.usage_source = usage.unwrap_or_default();
        row.service_tier = self.tier.get(at).and_then(ServiceTier::of_name).unwrap_or_default();
    }
}

/// What a block from before there were prices says of a cost: it was reported, and 0 was said by
/// those who had no price. What a second report added cannot be priced apart from the first.
fn fill_early(row: &mut SpanRow<'_>) {
    row.cost_usd = row.cost_usd.filter(|usd| *usd > 0.0);
    let known = row.cost_usd.is_some();
    row.cost_state = match (row.counts, known) {
        (_, true) => Some(CostState::Priced),
        (true, false) => Some(CostState::Unpriced),
        (false, false) => None,
    };
    let said = known || !row.counts;
    row.cost_source = if said { CostSource::Reported } else { CostSource::Nobody };
}

/// Columns of all rows, which are held for the next question, or of some, which are read from
/// their pages.
struct Columns<'a> {
    block: &'a Block,
    group: usize,
    rows: Option<&'a [usize]>,
}

const SPANS: BlockPart = BlockPart::Spans;

impl Columns<'_> {
    fn has(&self, leaf: usize) -> Result<bool, BlockError> {
        Ok(self.block.part(SPANS)?.has(leaf))
    }

    fn texts(&self, leaf: usize) -> Result<Arc<TextColumn>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.texts(SPANS, group, leaf),
            rows => Ok(Arc::new(block.part(SPANS)?.text_column(group, leaf, rows)?)),
        }
    }

    fn longs(&self, leaf: usize) -> Result<Arc<Vec<i64>>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.longs(SPANS, group, leaf),
            rows => Ok(Arc::new(block.part(SPANS)?.longs(group, leaf, rows, i64::MIN)?)),
        }
    }

    fn doubles(&self, leaf: usize) -> Result<Arc<Vec<f64>>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.doubles(SPANS, group, leaf),
            rows => Ok(Arc::new(block.part(SPANS)?.doubles(group, leaf, rows)?)),
        }
    }

    fn flags(&self, leaf: usize) -> Result<Arc<Vec<bool>>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.flags(SPANS, group, leaf),
            rows => Ok(Arc::new(block.part(SPANS)?.flags(group, leaf, rows)?)),
        }
    }

    fn trace_ids(&self) -> Result<Arc<Vec<[u8; 16]>>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.trace_ids(SPANS, group, span::TRACE_ID),
            rows => Ok(Arc::new(fixed(block.part(SPANS)?.ids(group, span::TRACE_ID, rows)?))),
        }
    }

    fn span_ids(&self, leaf: usize) -> Result<Arc<Vec<[u8; 8]>>, BlockError> {
        let Self { block, group, rows } = *self;
        match rows {
            None => block.span_ids(SPANS, group, leaf),
            rows => Ok(Arc::new(fixed(block.part(SPANS)?.ids(group, leaf, rows)?))),
        }
    }
}

fn kind_of(name: &str) -> SpanKind {
    (0..=5).map(SpanKind::from_number).find(|kind| kind.name() == name).unwrap_or_default()
}

fn status_of(name: &str) -> Status {
    (0..=2).map(Status::from_number).find(|status| status.name() == name).unwrap_or_default()
}
