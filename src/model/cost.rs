//! What a call of a model costs, and how sure that is.

use super::operation::{LlmCall, Usage};

/// The cost of one call. Money is never silent about itself: what is not known is a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// In USD; `None` exactly where the state is [`CostState::Unpriced`].
    pub usd: Option<f64>,
    /// How much of it is known.
    pub state: CostState,
    /// Who says so.
    pub source: CostSource,
    /// The version of the prices that it was computed with; 0 where none were needed.
    pub version: u64,
}

/// How much of a cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CostState {
    /// All of it: every token that was reported has a price.
    Priced,
    /// The tokens were estimated, because the provider did not report them.
    Estimated,
    /// Not all of it: the answer was cut short, or some kind of token has no price of its own.
    Partial,
    /// Nothing: there is no price for the model, or no tokens were reported.
    #[default]
    Unpriced,
}

/// Where a cost comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CostSource {
    /// From nowhere: it is not known.
    #[default]
    Nobody,
    /// The sender reported it.
    Reported,
    /// Tokens times the built-in prices.
    BuiltIn,
    /// Tokens times prices of a configured file.
    File,
}

/// How sure the tokens of a call are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UsageSource {
    /// The provider counted them.
    #[default]
    Provider,
    /// They were estimated from the texts.
    Estimated,
    /// They are those of the part that was seen: the answer was cut short.
    Partial,
}

/// What each token of a call costs, in 10^-15 USD: whole numbers, so that no order of addition
/// gives another sum. All 0 where nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Rates {
    /// A prompt token that the provider's cache has nothing to do with.
    pub input: u64,
    /// A prompt token read from the cache.
    pub cached: u64,
    /// A prompt token written to the cache.
    pub cache_write: u64,
    /// A completion token that is not reasoning.
    pub output: u64,
    /// A completion token that is.
    pub reasoning: u64,
}

/// How urgently a call was served, where that has prices of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub enum ServiceTier {
    /// As usual.
    #[default]
    Standard,
    /// In a batch, within a day.
    Batch,
    /// Slower and cheaper.
    Flex,
    /// Faster and dearer.
    Priority,
}

/// Knows prices. Never fails and never guesses: what has no price is unpriced.
pub trait Pricing: Send + Sync {
    /// The cost of a call that was made at `at_ns` (nanoseconds since the Unix epoch): what its
    /// sender reported, else its tokens times the prices of that time.
    fn cost(&self, call: &LlmCall<'_>, at_ns: u64) -> Cost;

    /// What tokens would cost at `at_ns`, whoever used them.
    fn quote(&self, provider: &str, model: &str, usage: Usage, at_ns: u64) -> Cost;

    /// Writes into a call what it cost, and at which rates.
    fn price(&self, call: &mut LlmCall<'_>, at_ns: u64) {
        call.cost = self.cost(call, at_ns);
    }

    /// The version of the prices in force; 0 where there are none.
    fn version(&self) -> u64 {
        0
    }
}

/// Knows no prices: a cost is what the sender says.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPrices;

impl Pricing for NoPrices {
    fn cost(&self, call: &LlmCall<'_>, _: u64) -> Cost {
        Cost::said(call)
    }

    fn quote(&self, _: &str, _: &str, _: Usage, _: u64) -> Cost {
        Cost::UNPRICED
    }
}

/// Femtodollars, in which rates are told, in a dollar.
const PER_USD: f64 = 1e15;

impl Rates {
    /// Whether they are known, or everything is free.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// What these tokens cost, in 10^-15 USD. Cached, written and reasoning tokens are parts of
    /// the prompt and the completion; parts without their whole are what a second report adds to
    /// a call whose whole is counted elsewhere, so that the result may be negative.
    pub fn cost_of(&self, usage: &Usage) -> i128 {
        let tokens = |count: Option<u64>| i128::from(count.unwrap_or(0));
        let (cached, written) = (tokens(usage.cached), tokens(usage.cache_write));
        let reasoning = tokens(usage.reasoning);
        let plain = tokens(usage.input) - cached - written;
        let said = tokens(usage.output) - reasoning;
        let at = |tokens: i128, rate: u64| tokens * i128::from(rate);
        at(plain, self.input)
            + at(cached, self.cached)
            + at(written, self.cache_write)
            + at(said, self.output)
            + at(reasoning, self.reasoning)
    }

    /// The same of the tokens of a whole call, of which no part is more than its whole, in USD.
    pub fn usd_of(&self, usage: &Usage) -> f64 {
        self.cost_of(&usage.completed()) as f64 / PER_USD
    }

    /// What tokens that a second report adds cost, in USD.
    pub fn added_usd_of(&self, usage: &Usage) -> f64 {
        self.cost_of(usage) as f64 / PER_USD
    }
}

impl ServiceTier {
    /// The name in answers; LiteLLM's endings are like it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }

    /// The tier that a sender or a provider calls so. What has no prices of its own is standard.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "standard" | "default" | "auto" | "on_demand" | "standard_only" => Some(Self::Standard),
            "batch" | "batches" => Some(Self::Batch),
            "flex" => Some(Self::Flex),
            "priority" => Some(Self::Priority),
            _ => None,
        }
    }
}

impl Cost {
    /// A cost that nobody knows.
    pub const UNPRICED: Self =
        Self { usd: None, state: CostState::Unpriced, source: CostSource::Nobody, version: 0 };

    /// What a sender says.
    pub fn reported(usd: f64) -> Self {
        Self { usd: Some(usd), state: CostState::Priced, source: CostSource::Reported, version: 0 }
    }

    /// What the sender of a call says it cost. A cost of 0 is what senders report who have no
    /// price, so it says nothing, unless the answer came out of a cache in front of the provider.
    pub fn said(call: &LlmCall<'_>) -> Self {
        if call.from_response_cache {
            return Self::reported(0.0);
        }
        match call.reported_cost_usd {
            Some(usd) if usd > 0.0 => Self::reported(usd),
            _ => Self::UNPRICED,
        }
    }

    /// Whether it was computed from tokens, and so may be computed again.
    pub fn is_computed(&self) -> bool {
        matches!(self.source, CostSource::BuiltIn | CostSource::File)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::UNPRICED
    }
}

impl CostState {
    /// The name in answers and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Priced => "priced",
            Self::Estimated => "estimated",
            Self::Partial => "partial",
            Self::Unpriced => "unpriced",
        }
    }

    /// The state of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Priced, Self::Estimated, Self::Partial, Self::Unpriced]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

impl CostSource {
    /// The name in answers and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Reported => "reported",
            Self::BuiltIn => "builtin",
            Self::File => "file",
        }
    }

    /// The source of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Nobody, Self::Reported, Self::BuiltIn, Self::File]
            .into_iter()
            .find(|it| it.name() == name)
    }
}

impl UsageSource {
    /// The name in answers and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::Partial => "partial",
        }
    }

    /// The source of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Provider, Self::Estimated, Self::Partial].into_iter().find(|it| it.name() == name)
    }
}
