//! The cost of a call by a line of the table.
//!
//! Tokens that were not cached cost the price of the prompt, cached ones and written ones theirs,
//! the completion its own, and reasoning within it its own where the line has one. All of a call
//! is priced by the band that the length of its prompt chooses.

use super::line::{Kinds, Period};
use crate::limits;
use crate::model::{Cost, CostState, Rates, ServiceTier, Usage, UsageSource};

/// What is to be priced.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) usage: Usage,
    pub(super) source: UsageSource,
    pub(super) tier: ServiceTier,
    /// Whether an answer is to be expected, so that a completion that nobody counted is missing.
    pub(super) answers: bool,
}

/// A cost and the rates that it follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Priced {
    pub(super) cost: Cost,
    pub(super) rates: Rates,
}

/// What is not known of a cost, told to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// The prompt has tokens and no price.
    Input,
    /// The completion has tokens and no price.
    Output,
    /// Cached tokens have no price of their own and are taken for others of the prompt.
    Cached,
    /// Written ones likewise.
    CacheWrite,
    /// The tier has no prices of its own.
    Tier,
    /// Nobody counted the prompt.
    NoInput,
    /// Nobody counted the completion.
    NoOutput,
}

/// Prices tokens; `None` where there is nothing that has a price.
pub(super) fn price(period: &Period, used: &Used, version: u64) -> Option<Priced> {
    if !used.usage.is_some() || too_many(&used.usage) {
        return None;
    }
    let whole = used.usage.completed();
    let (band, own_tier) = period.band(used.tier, whole.input.unwrap_or(0))?;
    let kinds = &band.kinds;
    if !knows_any(kinds, &whole) {
        return None;
    }
    let gaps = gaps(period, used, kinds, own_tier);
    let state = match used.source {
        _ if gaps.iter().flatten().next().is_some() => CostState::Partial,
        UsageSource::Partial => CostState::Partial,
        UsageSource::Estimated => CostState::Estimated,
        UsageSource::Provider => CostState::Priced,
    };
    let rates = kinds.rates();
    let usd = rates.usd_of(&used.usage);
    let cost = Cost { usd: Some(usd), state, source: period.source.of_cost(), version };
    (usd <= limits::CALL_COST_USD).then_some(Priced { cost, rates })
}

/// What is not known.
pub(super) fn gaps(
    period: &Period,
    used: &Used,
    kinds: &Kinds,
    own_tier: bool,
) -> [Option<Gap>; 7] {
    let Usage { input, output, cached, cache_write, reasoning } = used.usage;
    let some = |count: Option<u64>| count.is_some_and(|count| count > 0);
    let whole = used.usage.completed();
    let from_cache = cached.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
    let plain = whole.input.unwrap_or(0) > from_cache;
    let said = whole.output.unwrap_or(0) > reasoning.unwrap_or(0);
    let when = |wrong: bool, gap: Gap| wrong.then_some(gap);
    [
        when(plain && kinds.input.is_none(), Gap::Input),
        when(
            said && kinds.output.is_none()
                || some(reasoning) && kinds.reasoning.or(kinds.output).is_none(),
            Gap::Output,
        ),
        when(some(cached) && kinds.cached.is_none(), Gap::Cached),
        when(some(cache_write) && kinds.cache_write.is_none(), Gap::CacheWrite),
        when(!own_tier, Gap::Tier),
        when(input.is_none(), Gap::NoInput),
        when(output.is_none() && used.answers && !period.reads_only, Gap::NoOutput),
    ]
}

/// Whether any token has a price.
fn knows_any(kinds: &Kinds, whole: &Usage) -> bool {
    let some = |count: Option<u64>| count.is_some_and(|count| count > 0);
    some(whole.input) && (kinds.input.is_some() || some(whole.cached) && kinds.cached.is_some())
        || some(whole.output) && (kinds.output.is_some() || kinds.reasoning.is_some())
        // A prompt that is free of charge is known as well.
        || some(whole.cache_write) && kinds.cache_write.is_some()
}

/// More tokens than a call can have are a mistake, and so is what they would cost.
fn too_many(usage: &Usage) -> bool {
    let Usage { input, output, cached, cache_write, reasoning } = *usage;
    [input, output, cached, cache_write, reasoning]
        .iter()
        .any(|count| count.is_some_and(|count| count > limits::CALL_TOKENS))
}

impl Gap {
    /// In words.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Input => "prompt tokens have no price and are left out",
            Self::Output => "completion tokens have no price and are left out",
            Self::Cached => "cached tokens have no price of their own: that of the prompt is used",
            Self::CacheWrite => {
                "tokens written to the cache have no price of their own: that of the prompt is used"
            }
            Self::Tier => "the service tier has no prices of its own: the standard ones are used",
            Self::NoInput => "nobody counted the prompt",
            Self::NoOutput => "nobody counted the completion",
        }
    }
}
