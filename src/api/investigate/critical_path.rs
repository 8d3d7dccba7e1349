//! Which spans the run was waiting for.
//!
//! Seen from its end, a span waits for the child that ended last; before that child began, for
//! the one that had ended last by then; and for itself wherever no child was running. Time that
//! children spend side by side counts once.

use super::run::Run;
use std::collections::BTreeMap;

/// The time that the run waited for one span itself, without its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// The span's place in the run.
    pub(super) place: usize,
    /// Its own share, in nanoseconds.
    pub(super) self_ns: u64,
}

/// A span on the way, and how far back from its end the walk has come.
struct Frame {
    place: usize,
    begin_ns: u64,
    cursor_ns: u64,
    /// Children by their end, the last one to be looked at next.
    waiting: Vec<usize>,
}

/// The steps below `root`, in the order in which the spans began. Shares add up to the root's
/// duration.
pub(super) fn critical_path(run: &Run<'_>, root: usize) -> Vec<Step> {
    let mut shares: BTreeMap<usize, u64> = BTreeMap::new();
    let span = &run.nodes[root].span;
    let mut open = vec![frame(run, root, span.start_ns, span.end_ns.max(span.start_ns))];
    // A stack of our own: a trace may be ten thousand spans deep.
    while let Some(top) = open.last_mut() {
        let Some(child) = top.waiting.pop() else {
            let share = top.cursor_ns - top.begin_ns;
            *shares.entry(top.place).or_default() += share;
            open.pop();
            continue;
        };
        let span = &run.nodes[child].span;
        let begin_ns = span.start_ns.max(top.begin_ns);
        let end_ns = span.end_ns.min(top.cursor_ns);
        if begin_ns >= end_ns {
            continue;
        }
        *shares.entry(top.place).or_default() += top.cursor_ns - end_ns;
        top.cursor_ns = begin_ns;
        open.push(frame(run, child, begin_ns, end_ns));
    }
    let steps = shares.into_iter().filter(|(place, share)| *share > 0 || *place == root);
    steps.map(|(place, self_ns)| Step { place, self_ns }).collect()
}

fn frame(run: &Run<'_>, place: usize, begin_ns: u64, cursor_ns: u64) -> Frame {
    let mut waiting = run.nodes[place].children.clone();
    waiting.sort_by_key(|child| run.nodes[*child].span.end_ns);
    Frame { place, begin_ns, cursor_ns, waiting }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::run_of;
    use super::*;
    use proptest::prelude::*;

    /// Spans as (id, parent, start, end); expected as (id, share).
    fn check(spans: &[(u8, u8, u64, u64)], expected: &[(u8, u64)]) {
        let run = run_of(spans);
        let found: Vec<(u8, u64)> = critical_path(&run, run.root().unwrap())
            .iter()
            .map(|step| (run.nodes[step.place].span.span_id.as_bytes()[7], step.self_ns))
            .collect();
        assert_eq!(found, expected, "{spans:?}");
    }

    #[test]
    fn waits_are_assigned() {
        check(&[(1, 0, 0, 100)], &[(1, 100)]);
        // One after the other.
        check(&[(1, 0, 0, 100), (2, 1, 10, 40), (3, 1, 50, 90)], &[(1, 30), (2, 30), (3, 40)]);
        // Side by side: only the one that ended last was waited for.
        check(&[(1, 0, 0, 100), (2, 1, 0, 60), (3, 1, 0, 90)], &[(1, 10), (3, 90)]);
        // Overlapping: the earlier one up to where the later one began.
        check(&[(1, 0, 0, 100), (2, 1, 0, 60), (3, 1, 50, 100)], &[(1, 0), (2, 50), (3, 50)]);
        // A child that outlives its parent or begins before it.
        check(&[(1, 0, 10, 100), (2, 1, 0, 500)], &[(2, 90), (1, 0)]);
        // Depth.
        check(&[(1, 0, 0, 10), (2, 1, 1, 9), (3, 2, 2, 8)], &[(1, 2), (2, 2), (3, 6)]);
        // An end before the start, and no duration at all.
        check(&[(1, 0, 50, 10), (2, 1, 50, 60)], &[(1, 0)]);
    }

    #[test]
    fn a_very_deep_trace_is_walked_without_a_deep_stack() {
        let spans: Vec<_> = (1..=50_000_u64).map(|n| (n, n - 1, n, 200_000 - n)).collect();
        let run = super::super::fixture::run_of_numbers(&spans);
        let total: u64 = critical_path(&run, 0).iter().map(|step| step.self_ns).sum();
        assert_eq!(total, 200_000 - 2);
    }

    proptest! {
        /// Whatever the tree looks like, the shares add up to the root's duration.
        #[test]
        fn shares_add_up(
            spans in proptest::collection::vec((0_u64..12, 0_u64..99, 0_u64..99), 1..12),
        ) {
            let spans: Vec<_> = (1..)
                .zip(&spans)
                .map(|(id, (parent, start, end))| (id, parent % id, *start, *end))
                .collect();
            let run = super::super::fixture::run_of_numbers(&spans);
            let root = run.root().unwrap();
            let total: u64 = critical_path(&run, root).iter().map(|step| step.self_ns).sum();
            prop_assert_eq!(total, run.nodes[root].span.duration_ns());
        }
    }
}
