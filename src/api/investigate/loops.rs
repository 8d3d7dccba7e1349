//! Tool calls that go round in a circle: A, B, A, B.
//!
//! Looked at is what each agent called, in the order of time. Calls whose arguments are not
//! known are no part of a circle: nothing says that they are the same.

use super::run::{Node, Run};
use crate::api::span_view::{Id, cut};
use crate::model::{Operation, SpanId};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The most calls that one round has.
const LONGEST_ROUND: usize = 8;

/// Calls that were made round after round.
#[derive(Debug, Serialize)]
pub(super) struct Loop<'a> {
    agent: Option<Cow<'a, str>>,
    /// The calls of one round.
    calls: Vec<Called<'a>>,
    rounds: usize,
    /// Where it began and where it ended.
    first_span_id: Id<SpanId>,
    last_span_id: Id<SpanId>,
}

#[derive(Debug, Serialize)]
struct Called<'a> {
    tool: Cow<'a, str>,
    arguments: Cow<'a, str>,
}

/// A call and its place in the run; `None` where its arguments are not known.
type Call<'a> = (usize, Option<(&'a str, &'a str)>);

/// The circles, the longest first.
pub(super) fn loops<'a>(run: &Run<'a>, longest_text: usize) -> Vec<Loop<'a>> {
    let agents = run.inherited(Node::agent);
    let mut by_agent: BTreeMap<Option<&'a str>, Vec<Call<'a>>> = BTreeMap::new();
    for (place, node) in run.nodes.iter().enumerate() {
        if let Operation::Tool(call) = &node.known.operation {
            let known = call.arguments.map(|arguments| (call.name, arguments));
            by_agent.entry(agents[place]).or_default().push((place, known));
        }
    }
    let mut found = Vec::new();
    for (agent, calls) in by_agent {
        for (from, round, length) in circles(&calls) {
            let id = |at: usize| Id(run.nodes[calls[at].0].span.span_id);
            let called = calls[from..from + round].iter().filter_map(|(_, call)| *call);
            let called = called.map(|(tool, arguments)| Called {
                tool: cut(tool, longest_text),
                arguments: cut(arguments, longest_text),
            });
            let told = Loop {
                agent: agent.map(|agent| cut(agent, longest_text)),
                calls: called.collect(),
                rounds: length / round,
                first_span_id: id(from),
                last_span_id: id(from + length - 1),
            };
            found.push((length, calls[from].0, told));
        }
    }
    found.sort_by_key(|(length, place, _)| (std::cmp::Reverse(*length), *place));
    found.into_iter().map(|(.., told)| told).collect()
}

/// Where circles begin, how many calls a round has and how many calls there are in all; no call
/// is part of two.
fn circles(calls: &[Call<'_>]) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < calls.len() {
        let best = (2..=LONGEST_ROUND)
            .filter_map(|round| Some((from, round, circle(&calls[from..], round)?)))
            .max_by_key(|(_, round, length)| (*length, std::cmp::Reverse(*round)));
        // The same call again and again is no circle but told as a repetition.
        from += best.map_or(1, |(_, _, length)| length);
        found.extend(best);
    }
    found
}

/// How many of the first calls are rounds of this many calls, whole ones and two at least.
fn circle(calls: &[Call<'_>], round: usize) -> Option<usize> {
    let first = calls.get(..round)?;
    let varied = first.iter().any(|call| call.1 != first[0].1);
    if !varied || first.iter().any(|call| call.1.is_none()) {
        return None;
    }
    let same = calls.iter().zip(calls.iter().skip(round)).take_while(|(one, next)| one.1 == next.1);
    let length = (same.count() + round) / round * round;
    (length >= 2 * round).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run_of;
    use super::*;
    use crate::model::ToolCall;

    /// Calls as letters, `?` for one whose arguments are not known; expected as (round, rounds).
    fn check(calls: &'static str, expected: &[(&str, usize)]) {
        let spans = (1_u8..).zip(calls.bytes()).map(|(id, _)| (id, 0, u64::from(id), 99));
        let spans: Vec<_> = spans.collect();
        let mut run = run_of(&spans);
        for (at, node) in run.nodes.iter_mut().enumerate() {
            let letter = &calls[at..=at];
            let arguments = (letter != "?").then_some(letter);
            let call = ToolCall { name: "search", arguments, ..ToolCall::default() };
            node.known.operation = Operation::Tool(call);
        }
        let found: Vec<(String, usize)> = loops(&run, 99)
            .iter()
            .map(|it| (it.calls.iter().map(|call| &*call.arguments).collect(), it.rounds))
            .collect();
        let expected = expected.iter().map(|(it, rounds)| ((*it).to_owned(), *rounds));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{calls}");
    }

    #[test]
    fn rounds_are_recognised() {
        check("ABAB", &[("AB", 2)]);
        check("xABABABy", &[("AB", 3)]);
        check("ABCABCABC", &[("ABC", 3)]);
        check("ABABCDECDE", &[("CDE", 2), ("AB", 2)]);
        // A shorter round that explains as much is the one.
        check("ABABABAB", &[("AB", 4)]);
        check("AABAAB", &[("AAB", 2)]);
    }

    #[test]
    fn what_is_no_circle() {
        for calls in ["", "A", "AB", "ABA", "ABCD", "AAAA", "A?A?", "????", "ABCDEFGHIABCDEFGHI"] {
            check(calls, &[]);
        }
    }

    #[test]
    fn a_very_long_circle_is_one() {
        let long: &'static str = Box::leak("AB".repeat(100).into_boxed_str());
        check(long, &[("AB", 100)]);
    }
}
