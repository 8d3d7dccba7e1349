//! Writing the answer, within a bound if one is given.
//!
//! Under a bound the parts are filled in a fixed order: summary, first error, tools, critical
//! path, accounts, repetitions, the comparison with earlier runs, warnings from the logs, the
//! facts of spans (failed ones first, then those on the critical path, then calls of models and
//! tools), the other log records, and last what spans carry beyond their facts. `left_out` counts
//! what did not fit.

use super::accounts::{Account, Accounts};
use super::compare::{Earlier, Workflow};
use super::critical_path::{Step, critical_path};
use super::failure::{FirstError, Outcome, first_failure, outcome};
use super::fit::{List, Room, json};
use super::loops::loops;
use super::prompts::repeated_prompts;
use super::repeats::repeats;
use super::run::{Node, Run};
use crate::api::moment::{milliseconds, rfc3339};
use crate::api::money::Cost;
use crate::api::span_view::{Details, Facts, Id, LogView, Tokens, cut};
use crate::limits;
use crate::model::{CallBook as _, Operation, SpanId};
use crate::semconv::Ledger;
use crate::storage::index::Understand;
use crate::storage::query::StoredTrace;
use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

/// Kept free for the names of the parts and for `left_out`.
const FRAME_BYTES: usize = 1_100;
/// Texts among the facts, under a bound.
const FACT_BYTES: usize = 256;
/// Texts of attributes, events and log records, under a bound.
const DETAIL_BYTES: usize = 1_024;
/// OTLP's severity number from which a record is a warning.
const WARNING: u32 = 13;

/// What is said first.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    name: Cow<'a, str>,
    service: Cow<'a, str>,
    start_time: String,
    duration_ms: f64,
    span_count: usize,
    error_spans: usize,
    outcome: Outcome,
    llm_calls: u64,
    tool_calls: u64,
    tokens: Tokens,
    cost: Cost,
}

/// One step of the critical path in the answer.
#[derive(Debug, Serialize)]
struct StepView<'a> {
    span_id: Id<SpanId>,
    name: Cow<'a, str>,
    service: Cow<'a, str>,
    operation: &'static str,
    failed: bool,
    start_offset_ms: f64,
    duration_ms: f64,
    self_ms: f64,
}

/// An item of a list: its place and its JSON text.
type Item = (usize, String);

/// A record of the logs, written, and what decides about its turn.
struct LogItem {
    severity: u32,
    text: String,
}

/// Everything that goes into the answer.
struct Digest<'a> {
    trace: &'a StoredTrace,
    debug_logs: &'a [serde_json::Value],
    earlier: Option<Earlier>,
    run: Run<'a>,
    accounts: Accounts<'a>,
    path: Vec<Step>,
    room: Room,
    fact_bytes: usize,
    detail_bytes: usize,
    left_out: BTreeMap<&'static str, usize>,
}

/// Writes the whole answer as JSON: at most `max_tokens` times [`limits::TOKEN_BYTES`] bytes,
/// if that is at least what [`limits::INVESTIGATE_MIN_TOKENS`] allows.
pub(super) fn digest(
    trace: &StoredTrace,
    understand: &Understand,
    max_tokens: Option<usize>,
    debug_logs: &[serde_json::Value],
    earlier: impl FnOnce(&Workflow) -> Option<Earlier>,
) -> String {
    let mut nodes = Vec::with_capacity(trace.span_count());
    trace.visit(|origin, span| nodes.push(Node::of(origin, span, understand.span(origin, span))));
    let run = Run::of(nodes);
    let mut ledger = Ledger::new(run.nodes.len().max(1));
    let bytes = max_tokens.map(|tokens| tokens.saturating_mul(limits::TOKEN_BYTES));
    let texts = |most| if max_tokens.is_some() { most } else { usize::MAX };
    Digest {
        trace,
        debug_logs,
        earlier: workflow(trace, &run).and_then(|workflow| earlier(&workflow)),
        accounts: Accounts::of(&run, |span, scope, call| ledger.settle(span, scope, call)),
        path: run.root().map(|root| critical_path(&run, root)).unwrap_or_default(),
        run,
        room: Room::of(bytes.map(|bytes| bytes.saturating_sub(FRAME_BYTES))),
        fact_bytes: texts(FACT_BYTES),
        detail_bytes: texts(DETAIL_BYTES),
        left_out: BTreeMap::new(),
    }
    .write()
}

impl<'a> Digest<'a> {
    fn write(mut self) -> String {
        let mut summary = self.summary();
        let first_error = self.first_error();
        let tools = self.tools();
        let path = self.path();
        let longest = self.fact_bytes;
        let accounts = std::mem::take(&mut self.accounts);
        let by_model = self.shared("by_model", accounts.models(longest));
        let by_agent = self.shared("by_agent", accounts.agents(longest));
        let by_tool = self.shared("by_tool", accounts.by_tool(longest));
        let repeated = repeats(&self.run, longest);
        let repeated = self.shared("repeated_calls", repeated);
        let prompts = repeated_prompts(self.trace, &self.run, &accounts.second_reports, longest);
        let prompts = self.shared("repeated_prompts", prompts);
        let circles = loops(&self.run, longest);
        let circles = self.shared("loops", circles);
        let compared = self.compared();
        let (mut waiting, other_logs) = self.logs();
        let share = self.room.half();
        let mut logs = self.fill(share, waiting.iter().cloned());
        let mut spans = self.spans();
        // Warnings that did not fit at their turn come before the other records.
        waiting.drain(..waiting.len() - std::mem::take(&mut logs.left_out));
        waiting.extend(other_logs);
        let share = self.room.whole();
        logs.append(self.fill(share, waiting));
        self.note("logs", logs.left_out);
        self.details(&mut spans);
        let debug_logs = self.debug_logs();

        // The tools belong to the summary, whose last byte is its closing brace.
        summary.truncate(summary.len() - 1);
        summary.push_str(",\"tools_used\":");
        tools.write(&mut summary);
        summary.push('}');
        let mut out = String::new();
        let (id, truncated) = (self.trace.id, self.trace.truncated);
        // Writing to a string cannot fail.
        let _ = write!(out, "{{\"trace_id\":\"{id}\",\"truncated\":{truncated}");
        let _ = write!(out, ",\"summary\":{summary},\"first_error\":{first_error}");
        let _ = write!(out, ",\"compared_with_median\":{compared}");
        for (name, list) in [
            ("critical_path", path),
            ("by_model", by_model),
            ("by_agent", by_agent),
            ("by_tool", by_tool),
            ("repeated_calls", repeated),
            ("repeated_prompts", prompts),
            ("loops", circles),
            ("spans", spans),
            ("logs", logs),
            ("debug_logs", debug_logs),
        ] {
            let _ = write!(out, ",\"{name}\":");
            list.write(&mut out);
        }
        let _ = write!(out, ",\"left_out\":{}}}", json(&self.left_out));
        out
    }

    fn summary(&mut self) -> String {
        let run = &self.run;
        let root = run.root().map(|place| &run.nodes[place]);
        let (name, service) = root.map_or(("", ""), |root| (root.span.name, root.service));
        let Account { calls, tokens, cost, .. } = self.accounts.total;
        let form = |longest: usize| Summary {
            name: cut(name, longest),
            service: cut(service, longest),
            start_time: rfc3339(run.start_ns()),
            duration_ms: milliseconds(run.end_ns().saturating_sub(run.start_ns())),
            span_count: run.nodes.len(),
            error_spans: run.nodes.iter().filter(|node| node.known.failed).count(),
            outcome: outcome(run),
            llm_calls: calls,
            tool_calls: self.accounts.tool_calls,
            tokens,
            cost,
        };
        let forms = [self.fact_bytes, 64, 16, 0].map(|longest| json(&form(longest)));
        choose(&mut self.room, forms)
    }

    fn first_error(&mut self) -> String {
        let Some(place) = first_failure(&self.run) else { return "null".to_owned() };
        let run = &self.run;
        let form = |longest, brief| json(&FirstError::of(run, place, longest, brief));
        let forms = [
            form(self.detail_bytes.saturating_mul(4), false),
            form(self.fact_bytes, true),
            form(64, true),
            form(0, true),
        ];
        choose(&mut self.room, forms)
    }

    fn tools(&mut self) -> List {
        let names = self.accounts.tools.iter().map(|name| json(&cut(name, self.fact_bytes)));
        let names: Vec<_> = names.enumerate().collect();
        let share = self.room.half();
        let list = self.fill(share, names);
        self.note("tools_used", list.left_out);
        list
    }

    fn path(&mut self) -> List {
        let mut steps = self.path.clone();
        steps.sort_by_key(|step| (Reverse(step.self_ns), step.place));
        let views: Vec<_> =
            steps.iter().map(|step| (step.place, json(&self.step_view(step)))).collect();
        let share = self.room.half();
        let list = self.fill(share, views);
        self.note("critical_path", list.left_out);
        list
    }

    fn step_view(&self, step: &Step) -> StepView<'a> {
        let node = &self.run.nodes[step.place];
        StepView {
            span_id: Id(node.span.span_id),
            name: cut(node.span.name, self.fact_bytes),
            service: cut(node.service, self.fact_bytes),
            operation: node.known.operation.name(),
            failed: node.known.failed,
            start_offset_ms: milliseconds(node.span.start_ns - self.run.start_ns()),
            duration_ms: milliseconds(node.span.duration_ns()),
            self_ms: milliseconds(step.self_ns),
        }
    }

    /// What differed from the median run; `null` where there are too few to compare with.
    fn compared(&mut self) -> String {
        let Some(earlier) = &self.earlier else { return "null".to_owned() };
        let tools = [usize::MAX, 8, 0].map(|most| json(&earlier.compare(self.fact_bytes, most)));
        let [all, some, none] = tools;
        let chosen = choose(&mut self.room, [all, some, none, "null".to_owned()]);
        self.note("compared_with_median", usize::from(chosen == "null"));
        chosen
    }

    /// A list that may take half of what is left.
    fn shared(&mut self, name: &'static str, items: Vec<impl Serialize>) -> List {
        let items: Vec<_> = items.iter().map(json).enumerate().collect();
        let share = self.room.half();
        let list = self.fill(share, items);
        self.note(name, list.left_out);
        list
    }

    /// The facts of spans, the most telling first.
    fn spans(&mut self) -> List {
        let ranked = self.ranked();
        let (run, longest) = (&self.run, self.fact_bytes);
        let facts = ranked.iter().map(|place| {
            let node = &run.nodes[*place];
            (*place, json(&Facts::of(node.service, &node.span, &node.known, longest)))
        });
        let share = self.room.whole();
        let list = self.room.fill(share, facts);
        self.note("spans", list.left_out);
        list
    }

    fn ranked(&self) -> Vec<usize> {
        let critical: HashSet<usize> = self.path.iter().map(|step| step.place).collect();
        let rank = |place: &usize| {
            let node = &self.run.nodes[*place];
            match &node.known.operation {
                _ if node.known.failed => 0,
                _ if critical.contains(place) => 1,
                Operation::Llm(_) | Operation::Tool(_) => 2,
                Operation::Agent(_) | Operation::Workflow(_) | Operation::Step(_) => 3,
                _ => 4,
            }
        };
        let mut places: Vec<usize> = (0..self.run.nodes.len()).collect();
        places.sort_by_key(rank);
        places
    }

    /// Warnings, and the other records, which stand behind them.
    fn logs(&self) -> (Vec<Item>, Vec<Item>) {
        let mut items = Vec::new();
        self.trace.visit_logs(|origin, record| {
            // The same events stand in `debug_logs`.
            if origin.scope.name == crate::debug::SCOPE && !self.debug_logs.is_empty() {
                return;
            }
            let text = json(&LogView::of(origin, record, self.detail_bytes));
            // What can never fit is not held, only counted: an empty text stands for it.
            let fits = self.room.left().is_none_or(|left| text.len() < left);
            let text = if fits { text } else { String::new() };
            items.push(LogItem { severity: record.severity, text });
        });
        let (warnings, others): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.severity >= WARNING);
        let placed = |from: usize, items: Vec<LogItem>| {
            (from..).zip(items.into_iter().map(|item| item.text)).collect()
        };
        let behind = warnings.len();
        (placed(0, warnings), placed(behind, others))
    }

    /// Adds to the spans what they carry beyond their facts, in the same order.
    fn details(&mut self, spans: &mut List) {
        let shown: HashSet<usize> = spans.places().collect();
        let places: HashMap<SpanId, usize> =
            (0..).zip(&self.run.nodes).map(|(place, node)| (node.span.span_id, place)).collect();
        let mut waiting: HashMap<usize, String> = HashMap::new();
        let mut added = 0;
        let bounded = self.room.left().is_some();
        self.trace.visit(|origin, span| {
            let place = places.get(&span.span_id).filter(|place| shown.contains(place));
            let Some(place) = place else { return };
            let text = json(&Details::of(origin, span, self.detail_bytes));
            // Without the braces: they go into the object that is there.
            let fields = &text[1..text.len() - 1];
            if !bounded {
                added += usize::from(spans.extend(&mut self.room, *place, fields));
            } else if self.room.left().is_some_and(|left| fields.len() < left) {
                waiting.insert(*place, fields.to_owned());
            }
        });
        for place in self.ranked() {
            if let Some(fields) = waiting.get(&place) {
                added += usize::from(spans.extend(&mut self.room, place, fields));
            }
        }
        self.note("span_details", self.run.nodes.len() - added);
    }

    /// Debug events: what they quote stands in the details of spans too, so they come last.
    fn debug_logs(&mut self) -> List {
        let events: Vec<_> = self.debug_logs.iter().map(json).enumerate().collect();
        let share = self.room.whole();
        let list = self.fill(share, events);
        self.note("debug_logs", list.left_out);
        list
    }

    fn fill(&mut self, share: Room, items: impl IntoIterator<Item = Item>) -> List {
        self.room.fill(share, items)
    }

    fn note(&mut self, name: &'static str, left_out: usize) {
        if left_out > 0 {
            self.left_out.insert(name, left_out);
        }
    }
}

/// The workflow of a run whose root has arrived.
fn workflow(trace: &StoredTrace, run: &Run<'_>) -> Option<Workflow> {
    let root = run.root().map(|place| &run.nodes[place])?;
    let whole = root.span.parent_span_id.is_none();
    whole.then(|| Workflow {
        trace_id: trace.id,
        service: root.service.to_owned(),
        name: root.span.name.to_owned(),
        start_ns: root.span.start_ns,
    })
}

/// The first form that takes at most half of the room, else the last, which is the shortest.
fn choose(room: &mut Room, forms: [String; 4]) -> String {
    let half = room.half().left().unwrap_or(usize::MAX);
    let fits = forms.iter().position(|form| form.len() <= half).unwrap_or(forms.len() - 1);
    let chosen = forms.into_iter().nth(fits).unwrap_or_default();
    room.take(chosen.len());
    chosen
}
