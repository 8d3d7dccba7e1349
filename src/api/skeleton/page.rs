//! Writing one page of a skeleton as JSON.

use super::gathering::{Line, Shape, Skeleton};
use crate::api::moment::{milliseconds, rfc3339};
use crate::api::money::Cost;
use crate::api::span_view::{Id, Tokens};
use crate::limits;
use crate::model::{SpanId, TraceId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::HashMap;

/// A trace is told in at most this many units of time: a thousand screens, and a third of the
/// digits of nanoseconds.
const UNITS: u64 = 1_000_000;
/// The bytes of an id that are told at least. Fewer would be unique too rarely.
const ID_BYTES: usize = 4;

/// One page.
#[derive(Debug, Serialize)]
struct Page<'s> {
    trace_id: Id<TraceId>,
    view: &'static str,
    truncated: bool,
    page: usize,
    next: Option<usize>,
    span_count: usize,
    error_spans: u64,
    llm_calls: u64,
    tokens: Tokens,
    cost: Cost,
    start_time: String,
    duration_ms: f64,
    unit_us: u64,
    tables: Tables<'s>,
    shapes: Shapes,
    spans: Spans,
    token_counts: Counts,
    costs: Costs,
}

/// The texts of a page, each once.
#[derive(Debug, Default, Serialize)]
struct Tables<'s> {
    names: Vec<&'s str>,
    services: Vec<&'s str>,
    operations: Vec<&'s str>,
    kinds: Vec<&'s str>,
    statuses: Vec<&'s str>,
    error_types: Vec<&'s str>,
    models: Vec<&'s str>,
    tools: Vec<&'s str>,
    agents: Vec<&'s str>,
}

/// What spans have in common, in columns: places in the tables, -1 for none.
#[derive(Debug, Default, Serialize)]
struct Shapes {
    name: Vec<i64>,
    service: Vec<i64>,
    operation: Vec<i64>,
    kind: Vec<i64>,
    status: Vec<i64>,
    failed: Vec<u8>,
    error_type: Vec<i64>,
    model: Vec<i64>,
    tool: Vec<i64>,
    agent: Vec<i64>,
}

/// The spans of the page, in columns.
#[derive(Debug, Default, Serialize)]
struct Spans {
    /// Bytes of each id that are told.
    id_bytes: usize,
    /// The beginnings of the ids, one after the other, as base64.
    ids: String,
    shape: Vec<usize>,
    /// How many places before its own the parent stands; 0 where there is none. Places of their
    /// own would not pack.
    parent_back: Vec<i64>,
    /// Units from the start of the span before; of the first of a page, from that of the trace.
    start: Vec<u64>,
    duration: Vec<u64>,
}

/// Tokens of those spans that have some. Each place is told from the one before.
#[derive(Debug, Default, Serialize)]
struct Counts {
    span: Vec<usize>,
    input: Vec<Option<u64>>,
    output: Vec<Option<u64>>,
}

/// Cost of those spans that have one.
#[derive(Debug, Default, Serialize)]
struct Costs {
    span: Vec<usize>,
    usd: Vec<f64>,
}

/// Writes a page: [`limits::SKELETON_SPANS`] spans.
pub(super) fn write(id: TraceId, trace: &Skeleton, page: usize) -> String {
    let lines = &trace.lines;
    let from = (page * limits::SKELETON_SPANS).min(lines.len());
    let to = (from + limits::SKELETON_SPANS).min(lines.len());
    let begin_ns = lines.iter().map(|line| line.start_ns).find(|start| *start > 0).unwrap_or(0);
    let end_ns = lines.iter().map(|line| line.start_ns.saturating_add(line.duration_ns)).max();
    let length_ns = end_ns.unwrap_or(0).saturating_sub(begin_ns);
    let unit_us = unit_us(length_ns);
    let mut columns = Columns::new(trace, begin_ns, unit_us * 1_000);
    columns.fill(&lines[from..to]);
    let Columns { tables, shapes, spans, token_counts, costs, .. } = columns;
    let page = Page {
        trace_id: Id(id),
        view: "skeleton",
        truncated: trace.truncated,
        page,
        next: (to < lines.len()).then_some(page + 1),
        span_count: lines.len(),
        error_spans: trace.errors,
        llm_calls: trace.llm_calls,
        tokens: trace.tokens,
        cost: trace.cost,
        start_time: rfc3339(begin_ns),
        duration_ms: milliseconds(length_ns),
        unit_us,
        tables,
        shapes,
        spans,
        token_counts,
        costs,
    };
    serde_json::to_string(&page).expect("keys are texts and writing to memory does not fail")
}

/// The unit of time: the smallest of 1, 2, 5, 10, 20, … microseconds in which the trace's length
/// has few digits.
fn unit_us(length_ns: u64) -> u64 {
    let tens = std::iter::successors(Some(1_u64), |ten| ten.checked_mul(10));
    let mut units = tens.flat_map(|ten| [1, 2, 5].map(|step| ten.saturating_mul(step)));
    units.find(|unit| length_ns / 1_000 / unit < UNITS).unwrap_or(u64::MAX)
}

/// The columns of a page that is being written.
struct Columns<'s> {
    trace: &'s Skeleton,
    begin_ns: u64,
    unit_ns: u64,
    places: HashMap<SpanId, usize, foldhash::fast::RandomState>,
    known_shapes: HashMap<u32, usize, foldhash::fast::RandomState>,
    known_texts: HashMap<(usize, &'s str), i64, foldhash::fast::RandomState>,
    tables: Tables<'s>,
    shapes: Shapes,
    spans: Spans,
    token_counts: Counts,
    costs: Costs,
}

impl<'s> Columns<'s> {
    fn new(trace: &'s Skeleton, begin_ns: u64, unit_ns: u64) -> Self {
        let places = trace.lines.iter().zip(0..).map(|(line, place)| (line.span_id, place));
        let (known_shapes, known_texts) = Default::default();
        Self {
            trace,
            begin_ns,
            unit_ns,
            places: places.collect(),
            known_shapes,
            known_texts,
            tables: Tables::default(),
            shapes: Shapes::default(),
            spans: Spans::default(),
            token_counts: Counts::default(),
            costs: Costs::default(),
        }
    }

    fn fill(&mut self, lines: &[Line]) {
        let (mut told, mut counted, mut paid) = (0, 0, 0);
        for (at, line) in (0_usize..).zip(lines) {
            let shape = self.shape(line.shape);
            self.spans.shape.push(shape);
            let place = |id| self.places.get(&id).map(|place| *place as i64);
            let (own, parent) = (place(line.span_id), line.parent.and_then(place));
            self.spans.parent_back.push(own.zip(parent).map_or(0, |(own, parent)| own - parent));
            let start = line.start_ns.saturating_sub(self.begin_ns) / self.unit_ns;
            self.spans.start.push(start - told);
            told = start;
            self.spans.duration.push(line.duration_ns / self.unit_ns);
            if line.input.is_some() || line.output.is_some() {
                self.token_counts.span.push(at - counted);
                self.token_counts.input.push(line.input);
                self.token_counts.output.push(line.output);
                counted = at;
            }
            if let Some(usd) = line.cost_usd {
                self.costs.span.push(at - paid);
                self.costs.usd.push(usd);
                paid = at;
            }
        }
        let id_bytes = unique_bytes(&self.trace.lines);
        let ids: Vec<u8> =
            lines.iter().flat_map(|line| &line.span_id.as_bytes()[..id_bytes]).copied().collect();
        self.spans.id_bytes = id_bytes;
        self.spans.ids = STANDARD.encode(ids);
    }

    /// The place of a shape among those of this page.
    fn shape(&mut self, shape: u32) -> usize {
        if let Some(known) = self.known_shapes.get(&shape) {
            return *known;
        }
        let place = self.known_shapes.len();
        self.known_shapes.insert(shape, place);
        let Shape {
            name,
            service,
            operation,
            kind,
            status,
            failed,
            error_type,
            model,
            tool,
            agent,
        } = self.trace.shapes[shape as usize];
        let text = |place: u32| self.trace.texts[place as usize].as_str();
        let texts = [
            Some(text(name)),
            Some(text(service)),
            Some(text(operation)),
            Some(kind.name()),
            Some(status.name()),
            error_type.map(text),
            model.map(text),
            tool.map(text),
            agent.map(text),
        ];
        let tables = &mut self.tables;
        let tables = [
            (&mut tables.names, &mut self.shapes.name),
            (&mut tables.services, &mut self.shapes.service),
            (&mut tables.operations, &mut self.shapes.operation),
            (&mut tables.kinds, &mut self.shapes.kind),
            (&mut tables.statuses, &mut self.shapes.status),
            (&mut tables.error_types, &mut self.shapes.error_type),
            (&mut tables.models, &mut self.shapes.model),
            (&mut tables.tools, &mut self.shapes.tool),
            (&mut tables.agents, &mut self.shapes.agent),
        ];
        for (number, ((table, column), text)) in tables.into_iter().zip(texts).enumerate() {
            let found = text.map_or(-1, |text| {
                *self.known_texts.entry((number, text)).or_insert_with(|| {
                    table.push(text);
                    table.len() as i64 - 1
                })
            });
            column.push(found);
        }
        self.shapes.failed.push(u8::from(failed));
        place
    }
}

/// How many bytes of the ids tell them apart, [`ID_BYTES`] at least.
fn unique_bytes(lines: &[Line]) -> usize {
    let mut ids: Vec<&[u8; 8]> = lines.iter().map(|line| line.span_id.as_bytes()).collect();
    ids.sort_unstable();
    let shared = |pair: &[&[u8; 8]]| {
        let same = pair[0].iter().zip(pair[1]).take_while(|(one, other)| one == other).count();
        (same + 1).min(8)
    };
    ids.windows(2).map(shared).max().unwrap_or(ID_BYTES).max(ID_BYTES)
}
