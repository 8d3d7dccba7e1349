//! How fast money goes: the USD of the last sixty minutes, of each tenant and of all together.
//!
//! That is too much where it exceeds a limit, or so many times the median of the hours of the
//! last day in which anything was spent. An hour is what bills and people think in, and over a
//! shorter time a single large run would look like a rush.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::{Kept, kept};
use super::sums::Money;
use crate::limits;

const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 60 * MINUTE_NS;

/// When money goes too fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VelocityOptions {
    /// More USD in an hour is too much; `None` sets no limit.
    pub usd_per_hour: Option<f64>,
    /// More than so many median hours is too much; `None` compares nothing.
    pub times_typical: Option<f64>,
    /// Less USD in an hour is never unusual.
    pub min_usd: f64,
}

/// Spending that is too fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rush {
    /// USD within the last hour.
    pub(super) usd: f64,
    /// What it exceeds.
    pub(super) limit: f64,
}

/// The spending of all and of each tenant.
#[derive(Debug, Default)]
pub(super) struct Velocity {
    all: Spending,
    tenants: HashMap<Box<str>, Spending, RandomState>,
}

/// The spending of one.
#[derive(Debug, Clone)]
struct Spending {
    minutes: [Money; 60],
    /// The sum of these.
    hour: Money,
    /// The number of the newest minute since the epoch.
    newest: u64,
    /// Whole hours by the clock, and the one that is not over.
    hours: [Money; 24],
    current: Money,
    current_hour: u64,
    /// Until when it has been told.
    quiet_until_ns: u64,
}

kept!(Spending { minutes, hour, newest, hours, current, current_hour, quiet_until_ns });

impl Default for Spending {
    fn default() -> Self {
        Self {
            minutes: [Money::default(); 60],
            hour: Money::default(),
            newest: 0,
            hours: [Money::default(); 24],
            current: Money::default(),
            current_hour: 0,
            quiet_until_ns: 0,
        }
    }
}

/// What spending something has shown.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) all: Option<Rush>,
    pub(super) tenant: Option<Rush>,
    /// The tenant that had to make room.
    pub(super) forgotten: Option<Box<str>>,
}

impl Velocity {
    /// Money was spent.
    pub(super) fn spend(
        &mut self,
        tenant: Option<&str>,
        money: Money,
        now_ns: u64,
        options: &VelocityOptions,
    ) -> Spent {
        let mut spent = Spent { all: self.all.spend(money, now_ns, options), ..Spent::default() };
        let Some(tenant) = tenant else { return spent };
        if !self.tenants.contains_key(tenant) {
            spent.forgotten = self.make_room(now_ns);
            self.tenants.insert(tenant.into(), Spending::default());
        }
        let of_tenant = self.tenants.get_mut(tenant).expect("it was there or put there");
        spent.tenant = of_tenant.spend(money, now_ns, options);
        spent
    }

    /// The USD that all have spent within the last hour.
    pub(super) fn all(&self, now_ns: u64) -> f64 {
        self.all.within_hour(now_ns).usd()
    }

    /// The same of each tenant.
    pub(super) fn tenants(&self, now_ns: u64) -> impl Iterator<Item = (&str, f64)> {
        self.tenants.iter().map(move |(name, it)| (&**name, it.within_hour(now_ns).usd()))
    }

    /// The tenant that spent the least within the last hour goes.
    fn make_room(&mut self, now_ns: u64) -> Option<Box<str>> {
        if self.tenants.len() < limits::WATCH_TENANTS {
            return None;
        }
        let rank = |it: &Spending| (it.within_hour(now_ns), it.newest);
        let least = self.tenants.iter().min_by(|(name, one), (other_name, other)| {
            rank(one).cmp(&rank(other)).then_with(|| name.cmp(other_name))
        });
        let least = least.map(|(name, _)| name.clone())?;
        self.tenants.remove(&least);
        Some(least)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.all.write(out);
        (self.tenants.len() as u32).write(out);
        for (name, spending) in &self.tenants {
            name.write(out);
            spending.write(out);
        }
    }

    pub(super) fn read(from: &mut &[u8]) -> Option<Self> {
        let mut read = Self { all: Spending::read(from)?, ..Self::default() };
        for _ in 0..u32::read(from)? {
            read.tenants.insert(Kept::read(from)?, Spending::read(from)?);
        }
        Some(read)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tenants.len()
    }
}

impl Spending {
    fn spend(&mut self, money: Money, now_ns: u64, options: &VelocityOptions) -> Option<Rush> {
        self.turn(now_ns);
        self.minutes[self.newest as usize % 60].add(money);
        self.hour.add(money);
        self.current.add(money);
        if now_ns < self.quiet_until_ns {
            return None;
        }
        let usd = self.hour.usd();
        let exceeds = |limit: &f64| usd > *limit;
        let absolute = options.usd_per_hour.filter(exceeds);
        let unusual = || {
            let times = options.times_typical.filter(|_| usd >= options.min_usd)?;
            Some(self.typical()? * times).filter(exceeds)
        };
        let limit = absolute.or_else(unusual)?;
        self.quiet_until_ns = now_ns.saturating_add(HOUR_NS);
        Some(Rush { usd, limit })
    }

    /// Moves on to the minute and the hour of now.
    fn turn(&mut self, now_ns: u64) {
        let (minute, hour) = (now_ns / MINUTE_NS, now_ns / HOUR_NS);
        for gone in (self.newest + 1..=minute).rev().take(60) {
            let slot = &mut self.minutes[gone as usize % 60];
            self.hour.subtract(*slot);
            *slot = Money::default();
        }
        self.newest = self.newest.max(minute);
        if hour > self.current_hour {
            for gone in (self.current_hour + 1..hour).rev().take(24) {
                self.hours[gone as usize % 24] = Money::default();
            }
            self.hours[self.current_hour as usize % 24] = self.current;
            self.current = Money::default();
            self.current_hour = hour;
        }
    }

    /// The USD of the median hour, of those of the last day in which anything was spent; `None`
    /// where these are too few to be typical.
    fn typical(&self) -> Option<f64> {
        let mut hours: Vec<Money> =
            self.hours.iter().copied().filter(|hour| *hour > Money::default()).collect();
        hours.sort_unstable();
        let enough = hours.len() >= limits::WATCH_TYPICAL_HOURS;
        enough.then(|| hours[hours.len() / 2].usd())
    }

    fn within_hour(&self, now_ns: u64) -> Money {
        let mut sum = self.hour;
        let gone = (self.newest + 1..=now_ns / MINUTE_NS).take(60);
        gone.for_each(|minute| sum.subtract(self.minutes[minute as usize % 60]));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: VelocityOptions =
        VelocityOptions { usd_per_hour: None, times_typical: Some(5.0), min_usd: 1.0 };
    const NEVER: [u64; 0] = [];
    /// A midnight.
    const BEGIN_NS: u64 = 20_000 * 24 * HOUR_NS;

    /// Spends so much in each minute, and says in which minutes it was too much.
    fn rushes(minutes: impl IntoIterator<Item = f64>, options: &VelocityOptions) -> Vec<u64> {
        let mut spending = Spending::default();
        let spend = |(minute, usd): (u64, f64)| {
            let now_ns = BEGIN_NS + minute * MINUTE_NS;
            let rush = spending.spend(Money::of_usd(usd), now_ns, options);
            rush.map(|_| minute)
        };
        (0..).zip(minutes).filter_map(spend).collect()
    }

    fn hours(hours: &[f64]) -> impl Iterator<Item = f64> {
        hours.iter().flat_map(|usd| [usd / 60.0; 60])
    }

    #[test]
    fn an_hour_unlike_the_others_is_told_while_it_lasts() {
        assert_eq!(rushes(hours(&[1.0; 48]), &OPTIONS), NEVER);
        assert_eq!(rushes(hours(&[1.0, 2.0, 4.0, 9.0, 4.0, 2.0, 1.0]), &OPTIONS), NEVER);
        let day = [&[2.0; 24][..], &[100.0, 2.0]].concat();
        let told = rushes(hours(&day), &OPTIONS);
        assert!(matches!(told[..], [minute, _] if (1_440..1_447).contains(&minute)), "{told:?}");
        // What is new, or spent in too few hours to be typical, is not unusual.
        assert_eq!(rushes(hours(&[100.0; 3]), &OPTIONS), NEVER);
        assert_eq!(
            rushes(hours(&[0.001, 0.001, 0.001, 0.001, 0.9]), &OPTIONS),
            NEVER,
            "too little"
        );
        let nightly = [&[0.0; 23][..], &[50.0]].concat().repeat(3);
        assert_eq!(rushes(hours(&nightly), &OPTIONS), NEVER);
    }

    #[test]
    fn an_absolute_limit_needs_no_history() {
        let options = VelocityOptions { usd_per_hour: Some(10.0), ..OPTIONS };
        assert_eq!(rushes(hours(&[9.9; 3]), &options), NEVER);
        assert_eq!(rushes(hours(&[60.0]), &options), [10]);
        assert_eq!(rushes(hours(&[60.0; 3]), &options), [10, 70, 130], "once an hour");
    }

    #[test]
    fn the_last_hour_is_exact_and_ends() {
        let mut velocity = Velocity::default();
        let at = |minute: u64| BEGIN_NS + minute * MINUTE_NS;
        for minute in 0..600 {
            let money = Money::of_usd(0.1 + minute as f64);
            velocity.spend(Some("acme"), money, at(minute), &OPTIONS);
        }
        let sum = |from: u64, to: u64| (from..to).map(|it| 0.1 + it as f64).sum::<f64>();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(close(velocity.all(at(599)), sum(540, 600)));
        assert!(close(velocity.all(at(620)), sum(561, 600)));
        assert_eq!(velocity.tenants(at(659)).collect::<Vec<_>>(), [("acme", 0.0)]);
        assert_eq!(velocity.all(at(10_000)), 0.0);
    }

    #[test]
    fn tenants_are_bounded_and_the_largest_stay() {
        let mut velocity = Velocity::default();
        velocity.spend(Some("large"), Money::of_usd(100.0), BEGIN_NS, &OPTIONS);
        for tenant in 0..5_000 {
            let tenant = format!("tenant-{tenant}");
            velocity.spend(Some(&tenant), Money::of_usd(0.1), BEGIN_NS, &OPTIONS);
        }
        assert_eq!(velocity.len(), limits::WATCH_TENANTS);
        assert!(velocity.tenants(BEGIN_NS).any(|(name, usd)| name == "large" && usd == 100.0));
        let mut bytes = Vec::new();
        velocity.write(&mut bytes);
        let again = Velocity::read(&mut &bytes[..]).unwrap();
        assert_eq!(again.all(BEGIN_NS), velocity.all(BEGIN_NS));
        assert_eq!(again.len(), velocity.len());
    }
}
