//! Runs for tests.

use super::run::{Node, Run};
use crate::model::{Origin, Span, SpanId, SpanKind, Status, TraceId, Understanding};

/// A run of spans given as (id, parent or 0, start, end).
pub(super) fn run_of_numbers(spans: &[(u64, u64, u64, u64)]) -> Run<'static> {
    let id = |number: u64| SpanId::from_bytes(&number.to_be_bytes());
    let node = |&(own, parent, start_ns, end_ns): &(u64, u64, u64, u64)| {
        let span = Span {
            trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: id(own).unwrap(),
            parent_span_id: id(parent),
            trace_state: "",
            name: "work",
            kind: SpanKind::Internal,
            start_ns,
            end_ns,
            status: Status::Unset,
            status_message: "",
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            links: Vec::new(),
        };
        Node::of(&Origin::default(), &span, Understanding::default())
    };
    Run::of(spans.iter().map(node).collect())
}

/// The same with small ids.
pub(super) fn run_of(spans: &[(u8, u8, u64, u64)]) -> Run<'static> {
    let wide: Vec<_> = spans
        .iter()
        .map(|(id, parent, s, e)| (u64::from(*id), u64::from(*parent), *s, *e))
        .collect();
    run_of_numbers(&wide)
}

#[test]
fn circles_and_orphans_are_reached_once() {
    // 1 and 2 are each other's parents, 3 hangs on them, 4 is its own, 5's parent is missing.
    let run = run_of(&[(1, 2, 0, 1), (2, 1, 1, 2), (3, 2, 2, 3), (4, 4, 3, 4), (5, 9, 4, 5)]);
    let mut reached = run.downward.clone();
    reached.sort_unstable();
    assert_eq!(reached, [0, 1, 2, 3, 4]);
    assert_eq!(run.roots, [0, 3, 4]);
    assert_eq!(run.root(), Some(0));
}

#[test]
fn what_is_inherited_comes_from_the_nearest() {
    let run = run_of(&[(1, 0, 0, 9), (2, 1, 1, 8), (3, 2, 2, 7), (4, 9, 3, 4)]);
    let says = |node: &Node<'_>| {
        let id = node.span.span_id.as_bytes()[7];
        (id < 3).then_some(id)
    };
    assert_eq!(run.inherited(says), [Some(1), Some(2), Some(2), None]);
}
