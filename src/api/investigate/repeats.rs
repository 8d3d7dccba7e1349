//! Calls of one tool with the same arguments again and again: the mark of a loop.

use super::run::Run;
use crate::api::moment::milliseconds;
use crate::api::span_view::{Id, cut};
use crate::model::{Operation, SpanId};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Spans that an answer names for one repetition.
const SPANS: usize = 5;

/// One call that was made more than once.
#[derive(Debug, Serialize)]
pub(super) struct Repeat<'a> {
    tool: Cow<'a, str>,
    arguments: Cow<'a, str>,
    count: usize,
    errors: usize,
    duration_ms: f64,
    /// The first few of the spans.
    span_ids: Vec<Id<SpanId>>,
}

/// The calls that were made more than once, the most often made first. Calls whose arguments
/// are not known are left out: nothing says that they are the same.
pub(super) fn repeats<'a>(run: &Run<'a>, longest_text: usize) -> Vec<Repeat<'a>> {
    let mut calls: BTreeMap<(&'a str, &'a str), Vec<usize>> = BTreeMap::new();
    for (place, node) in run.nodes.iter().enumerate() {
        if let Operation::Tool(call) = &node.known.operation
            && let Some(arguments) = call.arguments
        {
            calls.entry((call.name, arguments)).or_default().push(place);
        }
    }
    let mut calls: Vec<_> = calls.into_iter().filter(|(_, places)| places.len() > 1).collect();
    calls.sort_by_key(|(_, places)| (std::cmp::Reverse(places.len()), places[0]));
    calls
        .into_iter()
        .map(|((tool, arguments), places)| {
            let nodes = || places.iter().map(|place| &run.nodes[*place]);
            Repeat {
                tool: cut(tool, longest_text),
                arguments: cut(arguments, longest_text),
                count: places.len(),
                errors: nodes().filter(|node| node.known.failed).count(),
                duration_ms: milliseconds(
                    nodes().map(|node| node.span.duration_ns()).fold(0, u64::saturating_add),
                ),
                span_ids: nodes().take(SPANS).map(|node| Id(node.span.span_id)).collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run_of;
    use super::*;
    use crate::model::ToolCall;

    #[test]
    fn the_same_tool_with_the_same_arguments() {
        let spans: Vec<_> = (1..=8).map(|id| (id, 0, u64::from(id), u64::from(id) + 1)).collect();
        let mut run = run_of(&spans);
        let calls = [
            ("search", Some("a")),
            ("search", Some("b")),
            ("search", Some("a")),
            ("read", Some("a")),
            ("read", None),
            ("read", None),
            ("search", Some("a")),
            ("read", Some("a")),
        ];
        for (node, (name, arguments)) in run.nodes.iter_mut().zip(calls) {
            let call = ToolCall { name, arguments, ..ToolCall::default() };
            node.known.operation = Operation::Tool(call);
        }
        let found: Vec<_> = repeats(&run, 99)
            .iter()
            .map(|repeat| (repeat.tool.to_string(), repeat.count, repeat.span_ids.len()))
            .collect();
        assert_eq!(found, [("search".to_owned(), 3, 3), ("read".to_owned(), 2, 2)]);
    }
}
