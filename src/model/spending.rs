//! Whether a call may still be paid for: what the gateway asks the budgets.

use super::id::SpanId;

/// A call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask<'a> {
    /// Whose budget it is charged to.
    pub tenant: Option<&'a str>,
    /// The team, where one is known.
    pub team: Option<&'a str>,
    /// The span that will report the call. What is reserved stays so until that span has been
    /// counted or [`Spending::release`] is called for it.
    pub span: SpanId,
    /// The tokens that it may use, at most.
    pub tokens: u64,
    /// What these would cost, in USD; `None` where no price is known.
    pub usd: Option<f64>,
    /// When, in nanoseconds since the Unix epoch.
    pub now_ns: u64,
}

/// Leave to make a call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Leave {
    /// What the caller should be told, if a soft limit is passed.
    pub warning: Option<String>,
}

/// Why a call may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Why {
    /// With it, more would be used than the limit allows.
    #[default]
    UsedUp,
    /// Nobody knows what it would cost, and the budget is configured to pay for no such call.
    Unpriced,
}

/// A hard limit is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Exhausted {
    /// Why.
    pub why: Why,
    /// The budget, as configured, for instance `tenant acme`.
    pub budget: String,
    /// `daily` or `monthly`.
    pub period: &'static str,
    /// `tokens` or `usd`.
    pub unit: &'static str,
    /// The limit in that unit.
    pub limit: f64,
    /// What is used, with what is reserved.
    pub used: f64,
    /// When the period ends, in nanoseconds since the Unix epoch.
    pub resets_at_ns: u64,
}

/// Knows what is left. Reserving and counting are one step: of two calls that both ask for the
/// last dollar one is refused.
pub trait Spending: Send + Sync {
    /// Reserves what a call may use.
    ///
    /// # Errors
    /// The hard limit that it would pass.
    fn reserve(&self, ask: &Ask<'_>) -> Result<Leave, Exhausted>;

    /// Gives back what is reserved for a call that was not made.
    fn release(&self, span: SpanId);
}
