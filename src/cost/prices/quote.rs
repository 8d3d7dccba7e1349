//! A computation, told line by line, so that anybody can check a number by hand.

use super::compute::{self, Used};
use super::line::{Period, Source};
use super::pack::Prices;
use crate::model::{Cost, ServiceTier, Usage, UsageSource};

/// A cost and how it comes about.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// The cost.
    pub cost: Cost,
    /// The line of the table: provider and model.
    pub found: Option<(String, String)>,
    /// Since when its prices hold, in nanoseconds since the Unix epoch; 0 for ever.
    pub from_ns: u64,
    /// Who says so: a file's path, or `builtin`.
    pub source: Option<String>,
    /// The tier whose prices were used.
    pub tier: ServiceTier,
    /// The length of the prompt from which on these prices hold.
    pub above: u64,
    /// Tokens times prices; their sum is the cost.
    pub lines: Vec<QuoteLine>,
    /// What is not known, in words.
    pub notes: Vec<&'static str>,
}

/// One kind of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuoteLine {
    /// What was used: `input`, `cached`, `cache_write`, `output`, `reasoning`.
    pub kind: &'static str,
    /// How many; what is part of another line is not in this one.
    pub tokens: u64,
    /// What a million of them cost in USD.
    pub usd_per_million: f64,
    /// What these cost in USD.
    pub usd: f64,
}

const PER_USD: f64 = 1e15;
const PER_USD_OF_A_MILLION: f64 = 1e9;

impl Prices {
    /// Explains what tokens cost.
    pub fn explain(
        &self,
        (provider, model): (&str, &str),
        usage: Usage,
        tier: ServiceTier,
        at_ns: u64,
    ) -> Quote {
        let table = self.table();
        let nothing = Quote {
            cost: Cost::UNPRICED,
            found: None,
            from_ns: 0,
            source: None,
            tier,
            above: 0,
            lines: Vec::new(),
            notes: Vec::new(),
        };
        let Some(line) = table.find(provider, model) else {
            return Quote {
                notes: vec!["the table has no such model at this provider"],
                ..nothing
            };
        };
        let found = Some((line.provider.clone(), line.model.clone()));
        let Some(period) = line.at(at_ns) else {
            return Quote { found, notes: vec!["no price holds at that time"], ..nothing };
        };
        let used = Used { usage, source: UsageSource::Provider, tier, answers: false };
        let prompt = usage.completed().input.unwrap_or(0);
        let Some((band, own_tier)) = period.band(tier, prompt) else {
            return Quote { found, notes: vec!["no price holds for such a call"], ..nothing };
        };
        let priced = compute::price(period, &used, table.version());
        let gaps = compute::gaps(period, &used, &band.kinds, own_tier);
        let mut notes: Vec<_> = gaps.into_iter().flatten().map(compute::Gap::says).collect();
        let rates = band.kinds.rates();
        if priced.is_none() {
            notes.insert(0, "no tokens that have a price");
        }
        Quote {
            cost: priced.map_or(Cost::UNPRICED, |priced| priced.cost),
            found,
            from_ns: period.from_ns,
            source: Some(self.name_of(period)),
            tier: band.tier,
            above: band.above,
            lines: lines(&usage.completed(), rates),
            notes,
        }
    }

    /// The source of a period, by name.
    pub fn name_of(&self, period: &Period) -> String {
        match period.source {
            Source::BuiltIn => "builtin".to_owned(),
            Source::File(place) => {
                self.sources().into_iter().nth(usize::from(place)).unwrap_or_default()
            }
        }
    }
}

fn lines(usage: &Usage, rates: crate::model::Rates) -> Vec<QuoteLine> {
    let count = |tokens: Option<u64>| tokens.unwrap_or(0);
    let plain = count(usage.input) - count(usage.cached) - count(usage.cache_write);
    let said = count(usage.output) - count(usage.reasoning);
    let all = [
        ("input", plain, rates.input),
        ("cached", count(usage.cached), rates.cached),
        ("cache_write", count(usage.cache_write), rates.cache_write),
        ("output", said, rates.output),
        ("reasoning", count(usage.reasoning), rates.reasoning),
    ];
    let told = all.into_iter().filter(|(_, tokens, _)| *tokens > 0);
    told.map(|(kind, tokens, rate)| QuoteLine {
        kind,
        tokens,
        usd_per_million: rate as f64 / PER_USD_OF_A_MILLION,
        usd: (u128::from(tokens) * u128::from(rate)) as f64 / PER_USD,
    })
    .collect()
}
