//! One call is one call: by hand, and over random trees in random order.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::{Ledger, RestoreError};
use crate::model::{
    CallBook as _, Cost, LlmCall, Settled, Span, SpanId, SpanKind, Status, TraceId, Usage,
};

/// One report, as a test writes it.
#[derive(Debug, Clone, Copy)]
struct Said {
    span: u64,
    parent: u64,
    scope: &'static str,
    answer: Option<&'static str>,
    /// Milliseconds.
    time: (u64, u64),
    input: Option<u64>,
    failed: bool,
}

const fn said(span: u64, parent: u64) -> Said {
    Said { span, parent, scope: "a", answer: None, time: (0, 10), input: Some(10), failed: false }
}

impl Said {
    fn settle(&self, ledger: &mut Ledger) -> Settled {
        let span = Span {
            trace_id: TraceId::from_bytes(&[9; 16]).unwrap(),
            span_id: SpanId::from_bytes(&self.span.to_be_bytes()).unwrap(),
            parent_span_id: SpanId::from_bytes(&self.parent.to_be_bytes()),
            trace_state: "",
            name: "chat",
            kind: SpanKind::Client,
            start_ns: self.time.0 * 1_000_000,
            end_ns: self.time.1 * 1_000_000,
            status: if self.failed { Status::Error } else { Status::Unset },
            status_message: "",
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            links: Vec::new(),
        };
        let call = LlmCall {
            operation: "chat",
            provider: Cow::Borrowed("openai"),
            request_model: Some(if self.failed { "gpt" } else { self.scope }),
            response_id: self.answer,
            usage: Usage { input: self.input, ..Usage::default() },
            ..LlmCall::default()
        };
        ledger.settle(&span, self.scope, &call)
    }
}

/// Calls and input tokens counted of these reports, in this order.
fn counted(reports: &[Said]) -> (usize, u64) {
    let mut ledger = Ledger::new(1_000);
    reports.iter().fold((0, 0), |(calls, tokens), report| {
        let settled = report.settle(&mut ledger);
        (calls + usize::from(settled.counts), tokens + settled.usage.input.unwrap_or(0))
    })
}

/// Checks the same outcome for every order of arrival.
#[track_caller]
fn check(reports: &[Said], expected: (usize, u64)) {
    let mut order = reports.to_vec();
    permute(&mut order, 0, &mut |order| assert_eq!(counted(order), expected, "{order:#?}"));
}

fn permute(reports: &mut Vec<Said>, from: usize, visit: &mut impl FnMut(&[Said])) {
    if from == reports.len() {
        return visit(reports);
    }
    for at in from..reports.len() {
        reports.swap(from, at);
        permute(reports, from + 1, visit);
        reports.swap(from, at);
    }
}

#[test]
fn a_wrapper_around_one_call_is_that_call() {
    check(&[said(1, 100), said(2, 1)], (1, 10));
}

#[test]
fn a_wrapper_around_a_retry_is_two_calls_with_the_tokens_of_both() {
    let failed = Said { input: None, ..said(2, 1) };
    check(&[said(1, 100), failed, said(3, 1)], (2, 10));
    let both = Said { input: Some(20), ..said(1, 100) };
    check(&[both, said(2, 1), said(3, 1)], (2, 20));
    let last_only = said(1, 100);
    check(&[last_only, said(2, 1), said(3, 1)], (2, 20));
}

#[test]
fn a_wrapper_of_a_wrapper_is_one_call_in_the_orders_in_which_spans_end_or_begin() {
    let (outer, middle, inner) = (said(1, 100), said(2, 1), said(3, 2));
    for order in [[inner, middle, outer], [outer, middle, inner], [middle, inner, outer]] {
        assert_eq!(counted(&order), (1, 10));
    }
    // With the response id that the outer and the inner one share, in every order.
    let named = |report, scope| Said { answer: Some("r1"), scope, ..report };
    check(&[named(outer, "a"), middle, named(inner, "c")], (1, 10));
}

#[test]
fn what_a_late_middle_counted_too_much_is_set_off() {
    let mut ledger = Ledger::new(10);
    let mut settle = |report: Said| report.settle(&mut ledger).counts;
    assert!(settle(said(1, 100)) && settle(said(3, 2)));
    // Only now the two turn out to be one, and a second call inside makes up for it.
    assert!(!settle(said(2, 1)) && !settle(said(4, 2)) && settle(said(5, 2)));
}

#[test]
fn two_scopes_that_report_one_answer_at_one_time_report_one_call() {
    let first = Said { answer: Some("r1"), time: (0, 10), ..said(1, 100) };
    let nested = Said { scope: "b", time: (2, 8), ..Said { span: 2, ..first } };
    let overlapping = Said { time: (5, 15), ..nested };
    let later = Said { time: (11, 15), ..nested };
    let third = Said { scope: "c", span: 3, time: (1, 9), ..first };
    check(&[first, nested], (1, 10));
    check(&[first, overlapping], (1, 10));
    check(&[first, nested, third], (1, 10));
    check(&[first, later], (2, 20));
}

#[test]
fn two_real_calls_are_never_merged() {
    let call = Said { answer: Some("r1"), time: (0, 10), ..said(1, 100) };
    let cached_answer = Said { span: 2, ..call };
    let later = Said { span: 2, time: (20, 30), ..call };
    let other_answer = Said { answer: Some("r2"), scope: "b", span: 2, ..call };
    let sibling = Said { answer: None, scope: "b", span: 2, ..call };
    for second in [cached_answer, later, other_answer, sibling] {
        check(&[call, second], (2, 20));
    }
    let inside = Said { answer: Some("r2"), ..said(2, 1) };
    check(&[call, inside], (2, 20));
}

#[test]
fn one_failure_seen_by_two_scopes_is_one_call() {
    let failure = Said { failed: true, input: None, ..said(1, 100) };
    let seen_within = Said { scope: "b", span: 2, time: (1, 9), ..failure };
    check(&[failure, seen_within], (1, 0));
    let same_scope = Said { scope: "a", ..seen_within };
    let overlapping = Said { time: (5, 15), ..seen_within };
    let elsewhere = Said { parent: 101, ..seen_within };
    for second in [same_scope, overlapping, elsewhere] {
        check(&[failure, second], (2, 0));
    }
}

#[test]
fn who_stands_nearest_to_the_wire_is_believed() {
    // A wrapper that adds up a stream's usage wrongly ends, and arrives, after the call itself.
    let wrong = Said { input: Some(20), ..said(1, 100) };
    assert_eq!(counted(&[said(2, 1), wrong]), (1, 10));
    // What it said first cannot be taken back, but is set off against the next call inside.
    assert_eq!(counted(&[wrong, said(2, 1)]), (1, 20));
    assert_eq!(counted(&[wrong, said(2, 1), said(3, 1)]), (2, 20));
}

#[test]
fn two_instrumentations_that_both_retry_report_two_calls() {
    // Two scopes side by side, each with a wrapper around two answers of its own.
    let wrapper = Said { scope: "wrapper", input: None, time: (0, 50), ..said(1, 100) };
    let inner =
        |span, scope, answer, time| Said { scope, answer: Some(answer), time, ..said(span, 1) };
    check(
        &[
            wrapper,
            inner(2, "a", "r1", (1, 9)),
            inner(3, "b", "r1", (2, 8)),
            inner(4, "a", "r2", (11, 19)),
            inner(5, "b", "r2", (12, 18)),
        ],
        (2, 20),
    );
}

#[test]
fn a_second_report_supplies_what_the_first_lacked_under_its_labels() {
    let mut ledger = Ledger::new(10);
    let outer = Said { scope: "outer", input: None, ..said(1, 100) };
    assert!(outer.settle(&mut ledger).counts);
    let inner = Said { scope: "inner", input: Some(7), ..said(2, 1) };
    let settled = inner.settle(&mut ledger);
    assert_eq!((settled.counts, settled.usage.input), (false, Some(7)));
    assert_eq!(&*settled.labels.model, "outer");
    let again = inner.settle(&mut ledger);
    assert_eq!((again.counts, again.usage), (false, Usage::default()));
}

#[test]
fn first_tokens_and_costs_are_counted_once_too() {
    let mut ledger = Ledger::new(10);
    let call = LlmCall {
        time_to_first_token_seconds: Some(0.5),
        cost: Cost::reported(0.000_225),
        provider: Cow::Borrowed("openai"),
        ..LlmCall::default()
    };
    let mut span = crate::semconv::tests::span("chat", &[]);
    let first = ledger.settle(&span, "a", &call);
    assert_eq!((first.cost_usd, first.time_to_first_token_seconds), (Some(0.000_225), Some(0.5)));
    span.parent_span_id = Some(span.span_id);
    span.span_id = SpanId::from_bytes(&[5; 8]).unwrap();
    let second = ledger.settle(&span, "a", &call);
    assert_eq!((second.counts, second.cost_usd), (false, None));
    assert_eq!(second.time_to_first_token_seconds, None);
}

#[test]
fn spans_that_claim_to_be_each_others_parent_do_no_harm() {
    let knot = [said(1, 2), said(2, 1), said(3, 3), said(4, 1), said(1, 4)];
    let (calls, _) = counted(&knot);
    assert!((1..=3).contains(&calls), "{calls}");
    // A chain deeper than is followed is cut, not refused.
    let chain: Vec<Said> = (1..200).map(|span| said(span + 1, span)).collect();
    assert!(counted(&chain).0 < 20);
}

#[test]
fn the_oldest_reports_are_forgotten() {
    let mut ledger = Ledger::new(4);
    for span in 1..=1_000 {
        said(span, 10_000 + span).settle(&mut ledger);
    }
    assert_eq!(ledger.len(), 4);
    let indexed = [&ledger.by_span, &ledger.waiting, &ledger.by_alike].map(|index| index.len());
    assert_eq!(indexed, [4, 4, 0]);
    assert!(!said(2_000, 1_000).settle(&mut ledger).counts);
    assert!(said(2_001, 990).settle(&mut ledger).counts);
}

#[test]
fn a_restored_ledger_goes_on_where_it_stopped() {
    let mut ledger = Ledger::new(100);
    let before = [
        said(1, 100),
        Said { answer: Some("r1"), ..said(2, 100) },
        said(4, 3),
        Said { scope: "b", answer: Some("r1"), ..said(6, 100) },
        Said { input: Some(3), ..said(8, 1) },
    ];
    for report in before {
        report.settle(&mut ledger);
    }
    let bytes = ledger.snapshot();
    let mut restored = Ledger::restore(&bytes, 100).unwrap();
    assert_eq!(restored.snapshot(), bytes);
    for report in [
        said(5, 1),
        Said { scope: "c", answer: Some("r1"), ..said(7, 100) },
        Said { input: Some(15), ..said(3, 100) },
        said(9, 1),
    ] {
        assert_eq!(report.settle(&mut restored), report.settle(&mut ledger), "{report:?}");
    }
    let small = Ledger::restore(&bytes, 2).unwrap();
    assert_eq!(small.len(), 2);
}

#[test]
fn damaged_snapshots_are_refused() {
    let mut ledger = Ledger::new(10);
    said(1, 2).settle(&mut ledger);
    let bytes = ledger.snapshot();
    for cut in 0..bytes.len() {
        assert!(Ledger::restore(&bytes[..cut], 10).is_err());
        let mut flipped = bytes.clone();
        flipped[cut] ^= 1;
        assert!(Ledger::restore(&flipped, 10).is_err());
    }
    let mut other = bytes[..bytes.len() - 4].to_vec();
    other[4] = 3;
    let sum = crc32fast::hash(&other).to_le_bytes();
    other.extend_from_slice(&sum);
    assert_eq!(Ledger::restore(&other, 10).unwrap_err(), RestoreError::Version(3));
}

/// A random forest: the parent of each span is an earlier one or none, at most this deep.
fn forest(spans: usize, levels: usize) -> impl Strategy<Value = Vec<Said>> {
    let parts = prop::collection::vec((0..100_usize, 0..30_u64, 0..6_usize), 1..spans);
    parts.prop_map(move |parts| {
        let mut reports: Vec<Said> = Vec::new();
        let mut depths: Vec<usize> = Vec::new();
        for (at, (pick, input, scope)) in parts.into_iter().enumerate() {
            let parent = pick % (at + 1);
            let nests = parent < at && depths[parent] + 1 < levels;
            depths.push(if nests { depths[parent] + 1 } else { 0 });
            let parent = if nests { parent as u64 + 1 } else { 1_000 };
            let scope = ["a", "b", "c", "d", "e", "f"][scope];
            let input = (input > 5).then_some(input);
            reports.push(Said { scope, input, ..said(at as u64 + 1, parent) });
        }
        reports
    })
}

/// What a forest amounts to: its leaves, and the tokens of whoever stands nearest to the wire.
fn amount(reports: &[Said], parent: u64) -> (usize, u64) {
    let inside = reports.iter().filter(|report| report.parent == parent);
    inside.fold((0, 0), |(calls, tokens), report| {
        let below = amount(reports, report.span);
        let said = if below.1 > 0 { below.1 } else { report.input.unwrap_or(0) };
        (calls + below.0.max(1), tokens + said)
    })
}

/// Makes every wrapper that says anything say what those inside it do.
fn agree(mut reports: Vec<Said>) -> Vec<Said> {
    for at in (0..reports.len()).rev() {
        let inside = amount(&reports, reports[at].span).1;
        if inside > 0 && reports[at].input.is_some() {
            reports[at].input = Some(inside);
        }
    }
    reports
}

/// The same reports, with response ids for some of them.
fn answered(reports: impl Strategy<Value = Vec<Said>>) -> impl Strategy<Value = Vec<Said>> {
    const ANSWERS: [Option<&str>; 6] = [None, None, Some("r1"), Some("r2"), Some("r3"), Some("r4")];
    let picks = |it: Vec<Said>| (prop::collection::vec(0..ANSWERS.len(), it.len()), Just(it));
    reports.prop_flat_map(picks).prop_map(|(picks, mut reports)| {
        for (report, pick) in reports.iter_mut().zip(picks) {
            report.answer = ANSWERS[pick];
        }
        reports
    })
}

/// Reports as made, and in an order of arrival.
fn shuffled(
    reports: impl Strategy<Value = Vec<Said>>,
) -> impl Strategy<Value = (Vec<Said>, Vec<Said>)> {
    reports.prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()))
}

proptest! {
    #[test]
    fn wrappers_count_the_same_in_every_order(
        (reports, order) in shuffled(forest(14, 2).prop_map(agree))
    ) {
        prop_assert_eq!(counted(&order), amount(&reports, 1_000));
    }

    #[test]
    fn deep_trees_count_the_same_unless_a_middle_comes_last(
        (reports, order) in shuffled(forest(14, 5))
    ) {
        let arrival: HashMap<u64, usize> =
            order.iter().enumerate().map(|(at, report)| (report.span, at)).collect();
        let bridges = reports.iter().filter(|middle| {
            let at = arrival[&middle.span];
            let behind_outer = arrival.get(&middle.parent).is_some_and(|outer| *outer < at);
            let inside = |inner: &&Said| inner.parent == middle.span;
            behind_outer && reports.iter().filter(inside).any(|it| arrival[&it.span] < at)
        });
        let bridges = bridges.count();
        let (calls, tokens) = amount(&reports, 1_000);
        let (counted_calls, counted_tokens) = counted(&order);
        prop_assert!((calls..=calls + bridges).contains(&counted_calls));
        let sum: u64 = reports.iter().filter_map(|report| report.input).sum();
        prop_assert!((tokens..=sum).contains(&counted_tokens));
        let agreed = agree(order.clone());
        prop_assert!(bridges > 0 || counted(&agreed).1 == amount(&agreed, 1_000).1);
    }

    #[test]
    fn different_answers_are_different_calls(
        (reports, order) in shuffled(answered(forest(10, 4)))
    ) {
        let answers: BTreeSet<_> = reports.iter().filter_map(|report| report.answer).collect();
        let (calls, tokens) = counted(&order);
        prop_assert!(calls >= answers.len() && calls <= reports.len());
        let sum: u64 = reports.iter().filter_map(|report| report.input).sum();
        prop_assert!(tokens <= sum);
    }

    #[test]
    fn a_small_ledger_never_counts_more_than_there_are_reports(
        order in forest(30, 5).prop_shuffle(), capacity in 1..6_usize
    ) {
        let mut ledger = Ledger::new(capacity);
        let settled: Vec<Settled> = order.iter().map(|report| report.settle(&mut ledger)).collect();
        prop_assert!(settled.iter().any(|it| it.counts));
        let tokens: u64 = settled.iter().filter_map(|it| it.usage.input).sum();
        let sum: u64 = order.iter().filter_map(|report| report.input).sum();
        prop_assert!(tokens <= sum);
        let bytes = ledger.snapshot();
        prop_assert_eq!(Ledger::restore(&bytes, capacity).unwrap().snapshot(), bytes);
    }
}
