//! How an arriving report joins the ones that are there.

use std::sync::Arc;

use super::report::{INNER_ANSWERS, NONE, Number, Report};
use super::totals::Totals;
use super::{Key, Ledger};
use crate::limits;
use crate::model::CallLabels;

/// The arrival of one report: where it belongs, and what was counted before of all it joins.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) number: Number,
    /// The report that speaks for its call: itself, or an earlier one that it repeats.
    pub(super) at: Number,
    /// What was counted of the trees that it joined.
    pub(super) counted: Totals,
    /// The roots of those trees. The arrival's own is among them, of which nothing was counted.
    taken: Vec<Number>,
    /// The spans of the reports that it was joined with.
    pub(super) joined: Vec<u64>,
    /// The labels of the call that it belongs to, if that was counted before.
    pub(super) labels: Option<Arc<CallLabels>>,
}

impl Ledger {
    /// Records a report and joins it with the earlier reports that belong to it.
    pub(super) fn arrive(&mut self, report: Report) -> Arrival {
        let of_trace = |part| (report.trace, part);
        let (span, parent) = (of_trace(report.span), of_trace(report.parent));
        let inside = self.inside(span);
        let same = self.same(&report, &inside);
        let own = report.own;
        let number = self.record(report);
        let mut arrival = Arrival {
            number,
            at: number,
            counted: Totals::default(),
            taken: vec![number],
            joined: Vec::new(),
            labels: None,
        };
        if let Some(same) = same.filter(|same| self.ring.is_live(*same)) {
            self.merge(&mut arrival, same, own);
        }
        if let Some(&outer) = self.by_span.get(&parent).filter(|_| parent.1 != 0) {
            let outer = self.speaker(outer);
            let at = arrival.at;
            self.nest(&mut arrival, outer, at);
        }
        for inner in inside {
            let at = arrival.at;
            self.nest(&mut arrival, at, inner);
        }
        arrival
    }

    /// What an arrival adds to what was counted. What was counted too much stays on the books.
    pub(super) fn balance(&mut self, arrival: &mut Arrival) -> Totals {
        let root = self.root(arrival.at);
        let Some(root) = self.ring.get_mut(root) else { return Totals::default() };
        let amount = root.amount().counted();
        let surplus = arrival.counted.minus(amount);
        root.surplus = (surplus != Totals::default()).then(|| Box::new(surplus));
        amount.minus(arrival.counted)
    }

    /// Whether any report of the tree that this one belongs to says what it cost.
    pub(super) fn is_cost_reported(&self, number: Number) -> bool {
        let root = self.ring.get(self.root(number));
        root.is_some_and(|root| root.amount().is_cost_reported())
    }

    /// The reports that wait for this span, by the report that speaks for each.
    fn inside(&self, span: Key) -> Vec<Number> {
        let mut found = Vec::new();
        let mut next = self.waiting.get(&span).copied().unwrap_or(NONE);
        // Newest first, so the first forgotten one ends the list.
        while let Some(report) = self.ring.get(next) {
            let speaker = self.speaker(next);
            if !found.contains(&speaker) {
                found.push(speaker);
            }
            next = report.next_waiting;
        }
        // Oldest first, as they arrived.
        found.reverse();
        found
    }

    /// The earlier report of the same call: of the same span, or one that is alike, of another
    /// scope and at the same time. Reports that lie inside or around it are not the same: they
    /// are nested, which tells one call from two.
    fn same(&self, report: &Report, inside: &[Number]) -> Option<Number> {
        if let Some(&known) = self.by_span.get(&(report.trace, report.span)) {
            return Some(self.speaker(known));
        }
        if report.alike == 0 {
            return None;
        }
        let mut around = Vec::new();
        let mut outer = self.by_span.get(&(report.trace, report.parent)).copied().unwrap_or(NONE);
        while self.ring.is_live(outer) {
            outer = self.speaker(outer);
            around.push(outer);
            outer = self.ring.get(outer).map_or(NONE, |report| report.outer);
        }
        let mut next = self.by_alike.get(&(report.trace, report.alike)).copied();
        while let Some((number, earlier)) = next.and_then(|n| Some((n, self.ring.get(n)?))) {
            let speaker = self.speaker(number);
            let nested = around.contains(&speaker) || inside.contains(&speaker);
            let speaks = self.ring.get(speaker)?;
            if !nested && speaks.may_be_same(report) {
                return Some(speaker);
            }
            next = Some(earlier.next_alike);
        }
        None
    }

    /// Writes a report into the ring and the indexes, forgetting the oldest.
    pub(super) fn record(&mut self, mut report: Report) -> Number {
        if let Some(oldest) = self.ring.leaving() {
            self.forget(oldest);
        }
        let number = self.ring.next();
        let span = (report.trace, report.span);
        let (parent, alike) = ((report.trace, report.parent), (report.trace, report.alike));
        self.by_span.entry(span).or_insert(number);
        self.waiting.remove(&span);
        if report.parent != 0 && !self.by_span.contains_key(&parent) {
            report.next_waiting = self.waiting.insert(parent, number).unwrap_or(NONE);
        }
        if report.alike != 0 {
            report.next_alike = self.by_alike.insert(alike, number).unwrap_or(NONE);
        }
        self.ring.push(report)
    }

    fn forget(&mut self, number: Number) {
        let Some(report) = self.ring.get(number) else { return };
        let of_trace = |part| (report.trace, part);
        // An index points at the newest of a list: if that is this one, the list is at its end.
        for (index, key) in [
            (&mut self.by_span, of_trace(report.span)),
            (&mut self.waiting, of_trace(report.parent)),
            (&mut self.by_alike, of_trace(report.alike)),
        ] {
            if index.get(&key) == Some(&number) {
                index.remove(&key);
            }
        }
    }

    /// Makes an arrival a repetition of an earlier report.
    fn merge(&mut self, arrival: &mut Arrival, same: Number, own: Totals) {
        self.take(arrival, self.root(same));
        let Some(report) = self.ring.get_mut(arrival.number) else { return };
        report.same_as = same;
        let (start_ns, end_ns) = (report.start_ns, report.end_ns);
        let scope = report.scopes[0];
        let Some(earlier) = self.ring.get_mut(same) else { return };
        let before = earlier.amount();
        earlier.own = earlier.own.or(own);
        earlier.start_ns = earlier.start_ns.max(start_ns);
        earlier.end_ns = earlier.end_ns.min(end_ns).max(earlier.start_ns);
        if !earlier.scopes.contains(&scope)
            && let Some(free) = earlier.scopes.iter_mut().find(|place| **place == 0)
        {
            *free = scope;
        }
        arrival.at = same;
        arrival.joined.push(earlier.span);
        arrival.labels = Some(Arc::clone(&earlier.labels));
        self.carry(same, before);
    }

    /// Puts the tree of `inner` directly inside `outer`, one of which is the arrival, unless the
    /// two speak of different calls.
    fn nest(&mut self, arrival: &mut Arrival, outer: Number, inner: Number) {
        let root = self.root(outer);
        let (Some(around), Some(within)) = (self.ring.get(outer), self.ring.get(inner)) else {
            return;
        };
        let taken = self.ring.is_live(within.outer) || root == inner;
        let levels = self.depth(outer) + 2 + usize::from(within.height);
        if taken || levels > limits::CALL_NESTING_SPANS || !self.agree(outer, inner) {
            return;
        }
        let counted_under = if inner == arrival.at { &around.labels } else { &within.labels };
        arrival.labels.get_or_insert(Arc::clone(counted_under));
        arrival.joined.push(if inner == arrival.at { around.span } else { within.span });
        let (amount, height) = (within.amount(), within.height);
        let answers = within.answers().to_vec();
        self.take(arrival, root);
        self.take(arrival, inner);
        if let Some(within) = self.ring.get_mut(inner) {
            within.outer = outer;
        }
        let Some(around) = self.ring.get_mut(outer) else { return };
        let before = around.amount();
        let inside = around.inner.get_or_insert_default();
        inside.totals = inside.totals.plus(amount);
        self.carry(outer, before);
        self.show(outer, answers, height);
    }

    /// Takes what was counted of a tree into the arrival's account, once.
    fn take(&mut self, arrival: &mut Arrival, root: Number) {
        if arrival.taken.contains(&root) {
            return;
        }
        arrival.taken.push(root);
        if let Some(root) = self.ring.get_mut(root) {
            let surplus = root.surplus.take().map_or_else(Totals::default, |surplus| *surplus);
            arrival.counted = arrival.counted.plus(root.amount().counted()).plus(surplus);
        }
    }

    /// Carries a change of what a report's tree amounts to up to its root. It may shrink: an
    /// outer report can have said more than the inner ones say now.
    fn carry(&mut self, number: Number, before: Totals) {
        let (mut number, mut before) = (number, before);
        while let Some(report) = self.ring.get(number) {
            let after = report.amount();
            number = report.outer;
            let Some(outer) = self.ring.get_mut(number) else { return };
            let unchanged = outer.amount();
            let inside = outer.inner.get_or_insert_default();
            inside.totals = inside.totals.plus(after).minus(before);
            before = unchanged;
        }
    }

    /// Tells a report and those around it what response ids and how many levels are inside it
    /// now. A report with a response id of its own keeps those inside it to itself.
    fn show(&mut self, number: Number, mut answers: Vec<u64>, height: u8) {
        let (mut number, mut height) = (number, height);
        while let Some(report) = self.ring.get_mut(number) {
            height = height.saturating_add(1);
            report.height = report.height.max(height);
            if report.answer != 0 {
                answers.clear();
            }
            let inner = report.inner.get_or_insert_default();
            for answer in &answers {
                if inner.answers.len() < INNER_ANSWERS && !inner.answers.contains(answer) {
                    inner.answers.push(*answer);
                }
            }
            number = report.outer;
        }
    }

    /// Whether two reports can be of one call: they do not name different responses. A report
    /// without a response id speaks for the one around it.
    fn agree(&self, outer: Number, inner: Number) -> bool {
        let mut around = outer;
        let expected = loop {
            match self.ring.get(around) {
                Some(report) if report.answer != 0 => break report.answer,
                Some(report) => around = report.outer,
                None => return true,
            }
        };
        let answers = self.ring.get(inner).map_or(&[][..], Report::answers);
        answers.is_empty() || answers.contains(&expected)
    }

    /// The report that speaks for the call of this one.
    fn speaker(&self, number: Number) -> Number {
        match self.ring.get(number) {
            Some(report) if self.ring.is_live(report.same_as) => report.same_as,
            _ => number,
        }
    }

    /// The outermost report around this one.
    fn root(&self, number: Number) -> Number {
        let mut root = number;
        while let Some(report) = self.ring.get(root).filter(|it| self.ring.is_live(it.outer)) {
            root = report.outer;
        }
        root
    }

    /// How many reports are around this one.
    fn depth(&self, number: Number) -> usize {
        let mut around = self.ring.get(number);
        let mut depth = 0;
        while let Some(report) = around.and_then(|report| self.ring.get(report.outer)) {
            around = Some(report);
            depth += 1;
        }
        depth
    }
}
