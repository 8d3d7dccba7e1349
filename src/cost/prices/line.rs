//! One line of a price table: what a model costs at a provider, and since when.

use crate::model::{CostSource, Rates, ServiceTier};

/// Prices of one model at one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The provider's well-known name.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// Whether this is the model's own maker, for calls that do not say who served them.
    pub maker: bool,
    /// What held when, the earliest first; each holds until the next one begins.
    pub periods: Vec<Period>,
}

/// Prices that hold from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// When they begin, in nanoseconds since the Unix epoch; 0 for as long as anybody knows.
    pub from_ns: u64,
    /// Who says so.
    pub source: Source,
    /// The prices, by tier and by the length of the prompt.
    pub bands: Vec<Band>,
    /// Whether the model only reads, so that no answer is to be paid (embeddings, rerankers).
    pub reads_only: bool,
    /// Kinds of prices that the source tells and that tokens do not decide.
    pub beyond_tokens: Vec<String>,
}

/// Prices of one service tier for prompts above a length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The service tier.
    pub tier: ServiceTier,
    /// The band holds for prompts with more tokens than this; 0 for all.
    pub above: u64,
    /// The prices.
    pub kinds: Kinds,
}

/// Prices by the kind of token, in 10^-15 USD a token. `None` is not known, which is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds {
    /// Prompt tokens.
    pub input: Option<u64>,
    /// Completion tokens.
    pub output: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to the cache, for some minutes.
    pub cache_write: Option<u64>,
    /// The same for an hour. Senders do not tell the two apart, so it is shown, not used.
    pub cache_write_1h: Option<u64>,
    /// Completion tokens that were reasoning, where they have a price of their own.
    pub reasoning: Option<u64>,
}

/// Where prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The built-in table.
    BuiltIn,
    /// A configured file, by its place among them.
    File(u16),
}

impl Source {
    /// As a cost tells it.
    pub fn of_cost(self) -> CostSource {
        match self {
            Self::BuiltIn => CostSource::BuiltIn,
            Self::File(_) => CostSource::File,
        }
    }
}

impl Kinds {
    /// Whether nothing of it is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is known here, and where nothing is, what the other knows.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            input: self.input.or(other.input),
            output: self.output.or(other.output),
            cached: self.cached.or(other.cached),
            cache_write: self.cache_write.or(other.cache_write),
            cache_write_1h: self.cache_write_1h.or(other.cache_write_1h),
            reasoning: self.reasoning.or(other.reasoning),
        }
    }

    /// The rate of every token. Tokens of the cache without a price of their own are prompt
    /// tokens like others, reasoning is completion; what has no price at all adds nothing.
    pub fn rates(&self) -> Rates {
        let input = self.input.unwrap_or(0);
        let output = self.output.unwrap_or(0);
        Rates {
            input,
            output,
            cached: self.cached.unwrap_or(input),
            cache_write: self.cache_write.unwrap_or(input),
            reasoning: self.reasoning.unwrap_or(output),
        }
    }
}

impl Period {
    /// The prices for a prompt of this many tokens, and whether the tier has prices of its own.
    pub fn band(&self, tier: ServiceTier, prompt: u64) -> Option<(&Band, bool)> {
        let of = |tier| {
            let fits =
                move |band: &&Band| band.tier == tier && (band.above == 0 || band.above < prompt);
            self.bands.iter().filter(fits).max_by_key(|band| band.above)
        };
        let own = of(tier).map(|band| (band, true));
        own.or_else(|| of(ServiceTier::Standard).map(|band| (band, false)))
    }

    /// Whether both say the same of the same time.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.from_ns == other.from_ns
            && self.reads_only == other.reads_only
            && self.bands == other.bands
    }

    /// Puts the bands into order, and into each what it leaves out: a longer prompt and another
    /// tier change the prices that they name, and no others.
    pub(super) fn complete(&mut self) {
        self.bands.retain(|band| !band.kinds.is_empty());
        self.bands.sort_by_key(|band| (band.tier, band.above));
        let base = |bands: &[Band], tier| {
            let found = bands.iter().find(|band| band.tier == tier && band.above == 0);
            found.map(|band| band.kinds)
        };
        let standard = base(&self.bands, ServiceTier::Standard).unwrap_or_default();
        for tier in
            [ServiceTier::Standard, ServiceTier::Batch, ServiceTier::Flex, ServiceTier::Priority]
        {
            for band in self.bands.iter_mut().filter(|it| it.tier == tier && it.above == 0) {
                band.kinds = band.kinds.or(standard);
            }
            let own = base(&self.bands, tier).unwrap_or_default();
            for band in self.bands.iter_mut().filter(|it| it.tier == tier && it.above > 0) {
                band.kinds = band.kinds.or(own).or(standard);
            }
        }
    }
}

impl Line {
    /// What holds at this moment.
    pub fn at(&self, at_ns: u64) -> Option<&Period> {
        self.periods.iter().rev().find(|period| period.from_ns <= at_ns)
    }
}
