//! Calls of models with the same prompt again and again.

use super::run::Run;
use crate::api::messages::LogMessages;
use crate::api::moment::milliseconds;
use crate::api::span_view::{Id, cut};
use crate::model::{Operation, SpanId};
use crate::semconv::{Part, Passage};
use crate::storage::query::StoredTrace;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Spans that an answer names for one prompt.
const SPANS: usize = 5;

/// One prompt that was sent more than once to one model.
#[derive(Debug, Serialize)]
pub(super) struct RepeatedPrompt<'a> {
    model: Cow<'a, str>,
    /// The last message of the prompt, by which people know it.
    prompt: String,
    count: usize,
    errors: usize,
    duration_ms: f64,
    /// The first few of the spans.
    span_ids: Vec<Id<SpanId>>,
}

/// The prompts that were sent more than once, the most often sent first. `second_reports` are
/// places of spans that report a call which another one reports too.
pub(super) fn repeated_prompts<'a>(
    trace: &'a StoredTrace,
    run: &Run<'a>,
    second_reports: &BTreeSet<usize>,
    longest_text: usize,
) -> Vec<RepeatedPrompt<'a>> {
    let calls = run.nodes.iter().enumerate().filter(|(place, node)| {
        matches!(node.known.operation, Operation::Llm(_)) && !second_reports.contains(place)
    });
    let calls: HashMap<SpanId, usize> =
        calls.map(|(place, node)| (node.span.span_id, place)).collect();
    if calls.len() < 2 {
        return Vec::new();
    }
    let from_logs = LogMessages::of(trace);
    let mut prompts: BTreeMap<[u8; 32], (String, Vec<usize>)> = BTreeMap::new();
    trace.visit(|_, span| {
        let Some(place) = calls.get(&span.span_id) else { return };
        let operation = &run.nodes[*place].known.operation;
        let said = from_logs.with(span, operation);
        if let (Some((digest, last)), Operation::Llm(call)) = (prompt(&said), operation) {
            let mut hash = Sha256::new_with_prefix(digest);
            hash.update(call.model());
            let known = prompts.entry(hash.finalize().into());
            let known = known.or_insert_with(|| (cut(last, longest_text).into_owned(), Vec::new()));
            known.1.push(*place);
        }
    });
    let mut prompts: Vec<_> =
        prompts.into_values().filter(|(_, places)| places.len() > 1).collect();
    prompts.iter_mut().for_each(|(_, places)| places.sort_unstable());
    prompts.sort_by_key(|(_, places)| (std::cmp::Reverse(places.len()), places[0]));
    prompts.into_iter().map(|(prompt, places)| told(run, prompt, &places, longest_text)).collect()
}

fn told<'a>(
    run: &Run<'a>,
    prompt: String,
    places: &[usize],
    longest_text: usize,
) -> RepeatedPrompt<'a> {
    let nodes = || places.iter().map(|place| &run.nodes[*place]);
    let model = nodes().find_map(|node| match &node.known.operation {
        Operation::Llm(call) => Some(call.model()),
        _ => None,
    });
    let duration_ns = nodes().map(|node| node.span.duration_ns()).fold(0, u64::saturating_add);
    RepeatedPrompt {
        model: cut(model.unwrap_or_default(), longest_text),
        prompt,
        count: places.len(),
        errors: nodes().filter(|node| node.known.failed).count(),
        duration_ms: milliseconds(duration_ns),
        span_ids: nodes().take(SPANS).map(|node| Id(node.span.span_id)).collect(),
    }
}

/// All that went into a call as a digest, and its last message; `None` where nothing is known.
fn prompt<'p>(said: &'p [Passage<'_>]) -> Option<([u8; 32], &'p str)> {
    let mut hash = Sha256::new();
    let mut last = None;
    for passage in said {
        if matches!(passage.part, Part::Instructions | Part::Prompt) {
            // Lengths keep "ab" and "c" apart from "a" and "bc".
            for text in [&passage.role, &passage.text] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
            last = Some(&*passage.text);
        }
    }
    last.map(|last| (hash.finalize().into(), last))
}
