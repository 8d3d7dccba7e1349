//! What one tenant or team has used.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::amounts::{Amounts, Period, Unit};
use super::calendar::Place;
use super::limits_of::Limits;
use super::reported::Told;
use crate::limits;

pub(super) const HOUR_NS: u64 = 3_600_000_000_000;

/// One account. Everything in it follows from the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Account {
    /// When its first use was, in nanoseconds since the Unix epoch.
    pub(super) first_ns: u64,
    /// All that was ever used.
    pub(super) total: Amounts,
    /// Days and months that are kept, by number: the current one, and the one before for what
    /// arrives late.
    kept: [Vec<Spent>; 2],
    /// What an app says of its tokens in its own bookkeeping, by period.
    #[serde(default)]
    pub(super) reported: [Option<Told>; 2],
    /// Use by hours since the epoch, ascending.
    pub(super) hours: VecDeque<(u64, Amounts)>,
}

/// What was used in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Spent {
    number: i32,
    pub(super) used: Amounts,
    /// Calls that no price is known for, less those whose price came with a later report.
    unpriced: i64,
    /// What people have been told of this period: a bit for each unit and limit.
    told: u8,
}

/// What a limit has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    Soft,
    Hard,
}

/// One use of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// When, and where that lies.
    pub(super) at_ns: u64,
    pub(super) at: Place,
    /// Where the arrival lies: what is kept is measured from there.
    pub(super) arrived_ns: u64,
    pub(super) arrived: Place,
    pub(super) amounts: Amounts,
    /// Calls without a price that this adds or takes back.
    pub(super) unpriced: i64,
}

impl Account {
    /// Adds a use. Answers for which periods it came too late; the total has it all the same.
    pub(super) fn add(&mut self, entry: &Entry) -> [bool; 2] {
        if self.first_ns == 0 || entry.at_ns < self.first_ns {
            self.first_ns = entry.at_ns.max(1);
        }
        self.total.add(entry.amounts);
        self.add_hour(entry);
        Period::ALL.map(|period| !self.add_period(period, entry))
    }

    fn add_period(&mut self, period: Period, entry: &Entry) -> bool {
        let (number, now) = (entry.at.of(period), entry.arrived.of(period));
        let kept = &mut self.kept[period as usize];
        // One ahead is kept too: a clock that was set back by minutes forgets nothing.
        kept.retain(|spent| (now - 1..=now + 1).contains(&spent.number));
        if number < now - 1 {
            return false;
        }
        let index = kept.iter().position(|spent| spent.number == number).unwrap_or_else(|| {
            kept.push(Spent { number, ..Spent::default() });
            kept.len() - 1
        });
        kept[index].used.add(entry.amounts);
        kept[index].unpriced += entry.unpriced;
        true
    }

    fn add_hour(&mut self, entry: &Entry) {
        let (hour, now) = (entry.at_ns / HOUR_NS, entry.arrived_ns / HOUR_NS);
        self.hours.retain(|(hour, _)| (*hour + limits::BUDGET_HOURS > now) && *hour <= now);
        if hour + limits::BUDGET_HOURS <= now {
            return;
        }
        let at = self.hours.partition_point(|(known, _)| *known < hour);
        match self.hours.get_mut(at) {
            Some((known, amounts)) if *known == hour => amounts.add(entry.amounts),
            _ => self.hours.insert(at, (hour, entry.amounts)),
        }
    }

    /// What was used in a period.
    pub(super) fn spent(&self, period: Period, number: i32) -> Spent {
        let kept = self.kept[period as usize].iter();
        kept.copied().find(|spent| spent.number == number).unwrap_or_default()
    }

    /// The limits that a period has passed since it was asked last. Asked once for each.
    pub(super) fn news(
        &mut self,
        limits: &Limits,
        period: Period,
        number: i32,
    ) -> Vec<(Unit, Passed, u128)> {
        let kept = &mut self.kept[period as usize];
        let Some(spent) = kept.iter_mut().find(|spent| spent.number == number) else {
            return Vec::new();
        };
        let mut news = Vec::new();
        for unit in Unit::ALL {
            let Some(hard) = limits.hard(period, unit) else { continue };
            let used = spent.used.of(unit);
            let (soft_bit, hard_bit) = (1 << (2 * unit as u8), 2 << (2 * unit as u8));
            let reached = match used {
                used if used >= hard => soft_bit | hard_bit,
                used if used >= limits.soft(hard) && used > 0 => soft_bit,
                _ => 0,
            };
            let new = reached & !spent.told;
            // Use only grows, so what is below a limit that was told of has a new limit.
            spent.told = spent.told & !(soft_bit | hard_bit) | reached;
            if new & hard_bit != 0 {
                news.push((unit, Passed::Hard, hard));
            } else if new != 0 {
                news.push((unit, Passed::Soft, hard));
            }
        }
        news
    }

    /// Whether nothing was used since this month's predecessor began.
    pub(super) fn is_asleep(&self, month: i32) -> bool {
        self.kept[Period::Monthly as usize].iter().all(|spent| spent.number < month - 1)
    }
}

impl Spent {
    /// Calls that no price is known for.
    pub(super) fn unpriced_calls(self) -> u64 {
        u64::try_from(self.unpriced).unwrap_or(0)
    }
}
