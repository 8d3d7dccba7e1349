//! What went wrong first, and where it went from there.

use super::run::{Exception, Node, Run};
use crate::api::moment::rfc3339;
use crate::api::span_view::{Id, cut};
use crate::model::SpanId;
use serde::Serialize;
use std::borrow::Cow;

/// Failed ancestors that an answer names.
const PROPAGATION: usize = 20;

/// The first failure of a run.
#[derive(Debug, Serialize)]
pub(super) struct FirstError<'a> {
    span_id: Id<SpanId>,
    name: Cow<'a, str>,
    service: Cow<'a, str>,
    operation: &'static str,
    time: String,
    error_type: Option<Cow<'a, str>>,
    message: Cow<'a, str>,
    /// The exception that the span recorded.
    cause: Option<Cause<'a>>,
    /// The ancestors that failed in turn, from the nearest on; of many the first ones and the
    /// outermost.
    propagated_to: Vec<Propagation<'a>>,
}

#[derive(Debug, Serialize)]
struct Cause<'a> {
    r#type: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    stacktrace: Cow<'a, str>,
}

/// A failure that another one caused.
#[derive(Debug, Serialize)]
struct Propagation<'a> {
    span_id: Id<SpanId>,
    name: Cow<'a, str>,
    service: Cow<'a, str>,
    error_type: Option<Cow<'a, str>>,
    message: Cow<'a, str>,
}

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Nothing failed.
    Success,
    /// Something failed, and the run as a whole did not.
    Recovered,
    /// The run failed.
    Error,
    /// The span that began the run has not arrived.
    Incomplete,
}

/// Failures travel from the inside to the outside, so the first one is the failed span that
/// ended first among those without a failed child.
pub(super) fn first_failure(run: &Run<'_>) -> Option<usize> {
    let failed = |place: usize| run.nodes[place].known.failed;
    let innermost = |place: &usize| {
        failed(*place) && !run.nodes[*place].children.iter().any(|child| failed(*child))
    };
    (0..run.nodes.len()).filter(innermost).min_by_key(|place| run.nodes[*place].span.end_ns)
}

/// How the run ended, by its root.
pub(super) fn outcome(run: &Run<'_>) -> Outcome {
    let root = run.root().map(|place| &run.nodes[place]);
    let any = run.nodes.iter().any(|node| node.known.failed);
    match root {
        Some(root) if root.known.failed => Outcome::Error,
        Some(root) if root.span.parent_span_id.is_some() => Outcome::Incomplete,
        _ if any => Outcome::Recovered,
        _ => Outcome::Success,
    }
}

/// The places of the ancestors that failed in turn, from the nearest on.
fn caused(run: &Run<'_>, place: usize) -> Vec<usize> {
    let above = |place: &usize| run.nodes[*place].parent;
    let ancestors = std::iter::successors(run.nodes[place].parent, above);
    ancestors.take_while(|place| run.nodes[*place].known.failed).collect()
}

/// The class of a failure: as understood, else the exception's type.
fn error_type<'a>(node: &Node<'a>) -> Option<&'a str> {
    let exception = node.exception.map(|exception| exception.kind);
    node.known.error_type.or(exception.filter(|kind| !kind.is_empty()))
}

/// What is said of a failure, the most telling first.
fn message_of<'a>(node: &Node<'a>) -> &'a str {
    let Exception { kind, message, .. } = node.exception.unwrap_or_default();
    let said = [node.span.status_message, message, kind, node.known.error_type.unwrap_or("")];
    said.into_iter().find(|text| !text.is_empty()).unwrap_or("")
}

impl<'a> FirstError<'a> {
    /// Tells of the failure at this place. Texts are cut at `longest_text` bytes; `brief` leaves
    /// out the stack trace and the way upwards.
    pub(super) fn of(run: &Run<'a>, place: usize, longest_text: usize, brief: bool) -> Self {
        let node = &run.nodes[place];
        let cut = |text: &'a str| cut(text, longest_text);
        let Exception { kind, message, stacktrace } = node.exception.unwrap_or_default();
        let cause = node.exception.map(|_| Cause {
            r#type: cut(kind),
            message: cut(message),
            stacktrace: cut(if brief { "" } else { stacktrace }),
        });
        let mut failed = caused(run, place);
        if brief {
            failed.clear();
        } else if failed.len() > PROPAGATION {
            failed.drain(PROPAGATION - 1..failed.len() - 1);
        }
        let propagated_to = failed.into_iter().map(|place| {
            let node = &run.nodes[place];
            Propagation {
                span_id: Id(node.span.span_id),
                name: cut(node.span.name),
                service: cut(node.service),
                error_type: error_type(node).map(cut),
                message: cut(message_of(node)),
            }
        });
        Self {
            span_id: Id(node.span.span_id),
            name: cut(node.span.name),
            service: cut(node.service),
            operation: node.known.operation.name(),
            time: rfc3339(node.span.end_ns),
            error_type: error_type(node).map(cut),
            message: cut(message_of(node)),
            cause,
            propagated_to: propagated_to.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run_of;
    use super::*;

    fn failing(spans: &[(u8, u8, u64, u64)], failed: &[u8]) -> (Option<u8>, Outcome) {
        let mut run = run_of(spans);
        for node in &mut run.nodes {
            node.known.failed = failed.contains(&node.span.span_id.as_bytes()[7]);
        }
        let first = first_failure(&run);
        (first.map(|place| run.nodes[place].span.span_id.as_bytes()[7]), outcome(&run))
    }

    #[test]
    fn the_innermost_failure_that_ended_first() {
        let spans = [(1, 0, 0, 100), (2, 1, 1, 90), (3, 2, 2, 80), (4, 2, 3, 20), (5, 1, 91, 99)];
        assert_eq!(failing(&spans, &[]), (None, Outcome::Success));
        assert_eq!(failing(&spans, &[1, 2, 3]), (Some(3), Outcome::Error));
        assert_eq!(failing(&spans, &[1, 2, 3, 4]), (Some(4), Outcome::Error));
        assert_eq!(failing(&spans, &[3, 5]), (Some(3), Outcome::Recovered));
        assert_eq!(failing(&spans, &[1]), (Some(1), Outcome::Error));
    }

    #[test]
    fn the_way_of_a_failure_is_told_up_to_the_root() {
        let spans: Vec<_> = (1..=60_u8).map(|id| (id, id - 1, u64::from(id), 200)).collect();
        let mut run = run_of(&spans);
        for node in &mut run.nodes {
            node.known.failed = true;
            node.span.status_message = "late";
        }
        run.nodes[58].exception =
            Some(Exception { kind: "Timeout", message: "slow", stacktrace: "" });
        let first = first_failure(&run).unwrap();
        assert_eq!(first, 59);
        let told = FirstError::of(&run, first, 99, false);
        assert_eq!(told.propagated_to.len(), PROPAGATION);
        let nearest = &told.propagated_to[0];
        assert_eq!((nearest.error_type.as_deref(), &*nearest.message), (Some("Timeout"), "late"));
        // The outermost is told, however long the way.
        let last = told.propagated_to.last().unwrap();
        assert_eq!(last.span_id, Id(run.nodes[0].span.span_id));
        assert!(FirstError::of(&run, first, 99, true).propagated_to.is_empty());
        run.nodes[30].known.failed = false;
        assert_eq!(caused(&run, first).len(), 28);
    }

    #[test]
    fn without_its_beginning_a_run_is_incomplete() {
        assert_eq!(failing(&[(2, 1, 0, 9), (3, 2, 1, 2)], &[3]), (Some(3), Outcome::Incomplete));
        assert_eq!(failing(&[(2, 1, 0, 9)], &[2]), (Some(2), Outcome::Error));
    }
}
