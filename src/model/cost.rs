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
    /// A lower bound: the answer was cut short, or some kind of token has no price.
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

/// Knows prices. Never fails and never guesses: what has no price is unpriced.
pub trait Pricing: Send + Sync {
    /// The cost of a call that was made at `at_ns` (nanoseconds since the Unix epoch): what its
    /// sender reported, else its tokens times the prices of that time.
    fn cost(&self, call: &LlmCall<'_>, at_ns: u64) -> Cost;

    /// What tokens would cost at `at_ns`, whoever used them.
    fn quote(&self, provider: &str, model: &str, usage: Usage, at_ns: u64) -> Cost;
}

impl Cost {
    /// A cost that nobody knows.
    pub const UNPRICED: Self =
        Self { usd: None, state: CostState::Unpriced, source: CostSource::Nobody, version: 0 };

    /// What a sender says.
    pub fn reported(usd: f64) -> Self {
        Self { usd: Some(usd), state: CostState::Priced, source: CostSource::Reported, version: 0 }
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
