//! What calls in flight may use.

use std::collections::{BTreeMap, HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::amounts::Amounts;
use super::limits_of::Payer;
use crate::limits;
use crate::model::SpanId;

/// What is reserved, by the span that will report it and by account.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    by_span: HashMap<SpanId, Reservation, RandomState>,
    held: [BTreeMap<Box<str>, Amounts>; 2],
    /// When each reservation ends if nothing else ends it, the first one first.
    ends: VecDeque<(u64, SpanId)>,
}

/// What is reserved for one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reservation {
    /// The accounts that it is charged to.
    pub(super) accounts: [Option<Box<str>>; 2],
    pub(super) amounts: Amounts,
    until_ns: u64,
}

impl Reservations {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_span.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= limits::BUDGET_RESERVATIONS
    }

    /// What is reserved of an account, but for this span.
    pub(super) fn held_but(&self, payer: Payer, name: &str, span: SpanId) -> Amounts {
        let mut held = self.held(payer, name);
        if let Some(own) = self.by_span.get(&span)
            && own.accounts[payer as usize].as_deref() == Some(name)
        {
            held.take(own.amounts);
        }
        held
    }

    /// What is reserved of an account.
    pub(super) fn held(&self, payer: Payer, name: &str) -> Amounts {
        self.held[payer as usize].get(name).copied().unwrap_or_default()
    }

    /// Reserves; what was reserved for the same span before is replaced.
    pub(super) fn hold(
        &mut self,
        span: SpanId,
        accounts: [Option<Box<str>>; 2],
        amounts: Amounts,
        now_ns: u64,
    ) {
        self.release(span);
        for (held, name) in self.held.iter_mut().zip(&accounts) {
            if let Some(name) = name {
                held.entry(name.clone()).or_default().add(amounts);
            }
        }
        let until_ns = now_ns.saturating_add(limits::BUDGET_RESERVATION_SECONDS * 1_000_000_000);
        self.by_span.insert(span, Reservation { accounts, amounts, until_ns });
        self.ends.push_back((until_ns, span));
        self.forget_ends();
    }

    /// Gives back what is reserved for a span.
    pub(super) fn release(&mut self, span: SpanId) -> bool {
        let Some(Reservation { accounts, amounts, .. }) = self.by_span.remove(&span) else {
            return false;
        };
        for (held, name) in self.held.iter_mut().zip(accounts) {
            let Some(name) = name else { continue };
            if let Some(sum) = held.get_mut(&name) {
                sum.take(amounts);
                if *sum == Amounts::default() {
                    held.remove(&name);
                }
            }
        }
        true
    }

    /// Gives back what nobody reported in time; answers how many there were.
    pub(super) fn expire(&mut self, now_ns: u64) -> u64 {
        let mut expired = 0;
        while let Some((until_ns, span)) = self.ends.front().copied()
            && until_ns <= now_ns
        {
            self.ends.pop_front();
            let due = self.by_span.get(&span).is_some_and(|it| it.until_ns == until_ns);
            expired += u64::from(due && self.release(span));
        }
        expired
    }

    /// Ends of reservations that are gone go too, before they become more than the others.
    fn forget_ends(&mut self) {
        if self.ends.len() > 64 + 2 * self.by_span.len() {
            let by_span = &self.by_span;
            let lives = |(until_ns, span): &(u64, SpanId)| {
                by_span.get(span).is_some_and(|it| it.until_ns == *until_ns)
            };
            self.ends.retain(lives);
        }
    }
}
