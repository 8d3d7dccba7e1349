//! What a log record reports that is measured: a run that begins, a budget, money spent.

use std::borrow::Cow;

/// A log record that says something to be counted, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Report<'a> {
    /// What it says.
    pub said: Reported<'a>,
    /// The record's own id (`log.record.uid`): two records with one id are one report.
    pub id: Option<&'a str>,
    /// Whose work it was.
    pub tenant: Option<&'a str>,
    /// The team that pays for it, where it is not the tenant.
    pub team: Option<&'a str>,
    /// The end user.
    pub user: Option<&'a str>,
    /// The agent that it is about.
    pub agent: Option<&'a str>,
    /// The conversation or session.
    pub conversation: Option<&'a str>,
}

/// What a log record can report.
#[derive(Debug, Clone, PartialEq)]
pub enum Reported<'a> {
    /// A run has begun; the span of the record's trace and span id will tell its end.
    Started(RunStart<'a>),
    /// What a provider still allows.
    RateLimit(RateLimit<'a>),
    /// How a budget of tokens stands, in the sender's own bookkeeping.
    TokenBudget(TokenBudget<'a>),
    /// Money was spent that no call of a model carries.
    Spend(Spend<'a>),
    /// How many database connections the sender has in use.
    DbConnections(f64),
    /// Something failed that is no span; the class of the failure where it is said.
    Error(Option<&'a str>),
    /// Something happened that security wants to know, in a word.
    Security(Option<&'a str>),
}

/// The kinds of runs that are seen while they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunKind {
    /// A served request.
    Request,
    /// A run of an agent.
    Agent,
    /// A run of a workflow.
    Workflow,
}

/// A run that has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStart<'a> {
    /// What runs.
    pub kind: RunKind,
    /// The agent, the workflow, or the route of a request; empty where not said.
    pub name: &'a str,
    /// The method of a request; empty for others.
    pub method: &'a str,
    /// The span above it, as hexadecimal digits.
    pub parent: Option<&'a str>,
}

/// What a provider still allows.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit<'a> {
    /// Well-known provider name.
    pub provider: Cow<'a, str>,
    /// What is limited: `requests` or `tokens`.
    pub resource: &'a str,
    /// How much of it is left.
    pub remaining: f64,
    /// How much there is in a period.
    pub limit: Option<f64>,
}

/// How a budget of tokens stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBudget<'a> {
    /// `daily`, `monthly`, or the sender's own word.
    pub period: &'a str,
    /// Tokens that may be used.
    pub limit: Option<u64>,
    /// Tokens that were used.
    pub used: Option<u64>,
    /// Tokens that are left.
    pub remaining: Option<u64>,
}

/// Money that was spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Spend<'a> {
    /// How much, in USD: finite and not negative.
    pub usd: f64,
    /// Whom it was paid to: a provider's well-known name where it is one.
    pub provider: Option<Cow<'a, str>>,
    /// The model that it was paid for.
    pub model: Option<&'a str>,
    /// What it was paid for, in a word.
    pub reason: Option<&'a str>,
}

impl RunKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Request, Self::Agent, Self::Workflow];

    /// The name that searches and answers use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Agent => "agent_run",
            Self::Workflow => "workflow",
        }
    }
}
