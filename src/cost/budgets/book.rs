//! The book of usage: a state that follows from the log alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::{Account, Entry, Passed};
use super::amounts::{Amounts, Period, Unit};
use super::calendar::Calendar;
use super::limits_of::Payer;
use super::plan::Plan;
use crate::limits;

/// The tenant of calls that name none.
pub(super) const UNKNOWN: &str = "unknown";
/// The account of everybody for whom there is no room.
pub(super) const OTHER: &str = "other";
/// The form of the snapshot.
const VERSION: u32 = 1;

/// What tenants and teams have used.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    version: u32,
    accounts: [BTreeMap<Box<str>, Account>; 2],
    /// The day of the last look for accounts that nobody uses any more.
    swept: [i32; 2],
    /// Uses that went to [`OTHER`] because there was no room, by payer.
    pub(super) overflowed: [u64; 2],
    /// Uses that came too late for their period, by period.
    pub(super) late: [u64; 2],
    /// Costs that no call can have, left out.
    pub(super) implausible: u64,
    /// What apps reported, by what it is and what became of it.
    #[serde(default)]
    pub(super) reports: [[u64; 4]; 2],
}

/// Something that was used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use<'a> {
    /// Who pays, as the telemetry says it.
    pub(super) payers: [Option<&'a str>; 2],
    /// When, in nanoseconds since the Unix epoch.
    pub(super) at_ns: u64,
    /// When it was heard of.
    pub(super) arrived_ns: u64,
    pub(super) amounts: Amounts,
    pub(super) unpriced: i64,
}

/// A limit that was passed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct News {
    pub(super) payer: Payer,
    pub(super) name: Box<str>,
    pub(super) period: Period,
    pub(super) unit: Unit,
    pub(super) passed: Passed,
    pub(super) limit: u128,
    pub(super) used: u128,
    pub(super) resets_ns: u64,
}

impl Book {
    pub(super) fn new() -> Self {
        Self { version: VERSION, ..Self::default() }
    }

    /// Adds a use; answers which limits it passed.
    pub(super) fn add(
        &mut self,
        plan: &Plan,
        calendar: &mut Calendar,
        used: &Use<'_>,
    ) -> Vec<News> {
        let entry = Self::entry(calendar, used);
        let arrived = entry.arrived;
        let mut news = Vec::new();
        let mut late = [false; 2];
        for payer in Payer::ALL {
            let Some(name) = used.payers[payer as usize] else { continue };
            let name = self.open(plan, payer, &clean(name), &entry);
            let Some(account) = self.accounts[payer as usize].get_mut(&name) else { continue };
            let missed = account.add(&entry);
            late = [late[0] | missed[0], late[1] | missed[1]];
            let Some(limits) = plan.limits(payer, &name) else { continue };
            for period in Period::ALL {
                let number = arrived.of(period);
                let resets_ns = calendar.bounds(period, number).1;
                let spent = account.spent(period, number);
                for (unit, passed, limit) in account.news(limits, period, number) {
                    let (name, used) = (name.clone(), spent.used.of(unit));
                    news.push(News { payer, name, period, unit, passed, limit, used, resets_ns });
                }
            }
        }
        for period in Period::ALL {
            self.late[period as usize] += u64::from(late[period as usize]);
        }
        news
    }

    /// A use, with its place in time.
    pub(super) fn entry(calendar: &mut Calendar, used: &Use<'_>) -> Entry {
        // A sender's clock may be ahead, but nothing ends after it was heard of.
        let at_ns = used.at_ns.min(used.arrived_ns);
        Entry {
            at_ns,
            at: calendar.place(at_ns),
            arrived_ns: used.arrived_ns,
            arrived: calendar.place(used.arrived_ns),
            amounts: used.amounts,
            unpriced: used.unpriced,
        }
    }

    /// The account of a name; it is made if there is room.
    pub(super) fn open_account(
        &mut self,
        plan: &Plan,
        payer: Payer,
        name: &str,
        entry: &Entry,
    ) -> &mut Account {
        let name = self.open(plan, payer, name, entry);
        self.accounts[payer as usize].entry(name).or_default()
    }

    /// The name of the account that a use belongs to; it is made if there is room.
    fn open(&mut self, plan: &Plan, payer: Payer, name: &str, entry: &Entry) -> Box<str> {
        if !self.has_place(plan, payer, name) {
            self.sweep(plan, payer, entry);
        }
        let account = self.account_of(plan, payer, name);
        self.overflowed[payer as usize] += u64::from(account != name && name != OTHER);
        self.accounts[payer as usize].entry(account.into()).or_default();
        account.into()
    }

    /// The name of the account that a name has, or would have now.
    pub(super) fn account_of<'n>(&self, plan: &Plan, payer: Payer, name: &'n str) -> &'n str {
        if self.has_place(plan, payer, name) { name } else { OTHER }
    }

    fn has_place(&self, plan: &Plan, payer: Payer, name: &str) -> bool {
        let accounts = &self.accounts[payer as usize];
        accounts.contains_key(name)
            || [UNKNOWN, OTHER].contains(&name)
            || plan.names(payer, name)
            || accounts.len() < limits::BUDGET_ACCOUNTS
    }

    /// Makes room, at most once a day: accounts without a budget of their own that nobody used
    /// this month or the last leave, and what they used in all is kept with [`OTHER`].
    fn sweep(&mut self, plan: &Plan, payer: Payer, entry: &Entry) {
        let swept = &mut self.swept[payer as usize];
        if *swept == entry.arrived.day {
            return;
        }
        *swept = entry.arrived.day;
        let mut left = Amounts::default();
        self.accounts[payer as usize].retain(|name, account| {
            let goes = account.is_asleep(entry.arrived.month)
                && !plan.names(payer, name)
                && **name != *OTHER;
            if goes {
                left.add(account.total);
            }
            !goes
        });
        if left != Amounts::default() {
            let other = self.accounts[payer as usize].entry(OTHER.into()).or_default();
            other.total.add(left);
        }
    }

    pub(super) fn account(&self, payer: Payer, name: &str) -> Option<&Account> {
        self.accounts[payer as usize].get(name)
    }

    /// The names of all accounts, sorted.
    pub(super) fn names(&self, payer: Payer) -> impl Iterator<Item = &str> {
        self.accounts[payer as usize].keys().map(|name| &**name)
    }

    /// The book as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a book is maps with names and numbers")
    }

    /// Reads what [`Book::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let book: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match book.version {
            VERSION => Ok(book),
            other => Err(format!("the book of budgets has form {other}, not {VERSION}")),
        }
    }
}

/// A name that can be a label: short, and without what does things to terminals.
pub(super) fn clean(name: &str) -> Cow<'_, str> {
    let start = name.trim_start();
    let name = start[..start.floor_char_boundary(limits::LABEL_VALUE_BYTES)].trim_end();
    if name.is_empty() {
        return Cow::Borrowed(UNKNOWN);
    }
    let unsafe_ = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !name.contains(unsafe_) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.replace(unsafe_, "_"))
}
