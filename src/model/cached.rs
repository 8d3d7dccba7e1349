//! Whether what a sender calls its input includes what came from the provider's cache.

/// How the sender of a call counts the cached part of the prompt. [`Usage::input`] includes it
/// in any case; this says what had to be done for that, and why.
///
/// [`Usage::input`]: super::Usage::input
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CachedTokens {
    /// It speaks of no cached tokens.
    #[default]
    Unsaid,
    /// Its input includes them and was taken as it is.
    Inclusive(CachedBy),
    /// Its input leaves them out, and they were added.
    Exclusive(CachedBy),
}

/// Why it is believed, the strongest reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CachedBy {
    /// The sender also says what was not cached.
    Parts,
    /// The sender's total is only the sum of its parts this way.
    Total,
    /// More is cached than there is input.
    Numbers,
    /// This dialect is known to count so, for this provider.
    Dialect,
    /// The conventions say so, and nothing speaks against it.
    Convention,
}

impl CachedTokens {
    /// `inclusive` or `exclusive`; `None` where nothing was said.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Unsaid => None,
            Self::Inclusive(_) => Some("inclusive"),
            Self::Exclusive(_) => Some("exclusive"),
        }
    }

    /// Why, where something was said.
    pub fn by(self) -> Option<CachedBy> {
        match self {
            Self::Unsaid => None,
            Self::Inclusive(by) | Self::Exclusive(by) => Some(by),
        }
    }
}

impl CachedBy {
    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Total => "total",
            Self::Numbers => "numbers",
            Self::Dialect => "dialect",
            Self::Convention => "convention",
        }
    }
}
