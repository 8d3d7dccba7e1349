//! The attribute names of every dialect in one table: key → what it says and how much it weighs.
//!
//! A span is read in one pass: each key is looked up once, and of several carriers of one fact
//! the one that stands first wins. They are never added: two carriers repeat one number.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{
    db, events, frameworks, gateway, gen_ai, http, identity, litellm, openinference, openllmetry,
    provider, pydantic_ai, vercel_ai,
};
use crate::limits;
use crate::model::{Attribute, Span, Value};

/// A name and what it says.
pub(super) type Name = (&'static str, Field);

/// What an attribute says, whatever its dialect calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    GenAiOperation,
    OpenInferenceKind,
    TraceloopKind,
    RequestType,
    VercelOperation,
    VercelOperationName,
    FrameworkKind,
    McpMethod,
    Provider,
    RequestModel,
    /// A model that may be the one asked for or the one that answered.
    EitherModel,
    /// The model as a gateway routes it, with its provider in front.
    RoutedModel,
    ResponseModel,
    InvocationParameters,
    Metadata,
    UsageDetails,
    CostDetails,
    ResponseId,
    /// How urgently the call was served, which has prices of its own.
    ServiceTier,
    InputTokens,
    OutputTokens,
    CacheReadTokens,
    CacheWriteTokens,
    ReasoningTokens,
    /// The prompt without what was read from or written to the cache.
    UncachedTokens,
    /// The sum of prompt and completion, to check the others by.
    TotalTokens,
    Cost,
    CostCurrency,
    FirstTokenSeconds,
    FirstTokenMilliseconds,
    FirstTokenNanoseconds,
    FirstTokenMoment,
    FinishReason,
    ToolName,
    ToolCallId,
    ToolArguments,
    ToolResult,
    EntityName,
    AgentName,
    AgentId,
    AgentFunction,
    WorkflowName,
    StepName,
    GraphNode,
    Tenant,
    Team,
    /// A team, and where nothing else says it, the tenant too.
    TeamId,
    User,
    Conversation,
    Skill,
    ErrorType,
    HttpMethod,
    HttpRoute,
    HttpStatus,
    HttpTarget,
    PeerName,
    PeerUrl,
    DbSystem,
    DbOperation,
    DbTable,
    DbSummary,
    DbStatement,
    EventType,
    SkillOutcome,
    PatternId,
    CapabilityName,
    ServiceName,
    ServiceMethod,
    ProviderEndpoint,
    DbConnections,
    GatewayId,
    GatewayMethod,
    GatewayStatus,
    RateLimitRemaining,
    UsageSource,
    /// Known to a dialect, tells nothing that is measured.
    Detail,
}

/// How many fields there are.
const FIELDS: usize = Field::Detail as usize + 1;

/// Which values a field accepts: a carrier with another one is passed over for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Tokens,
    Number,
    Provider,
    Any,
}

impl Field {
    fn shape(self) -> Shape {
        use Field::{
            CacheReadTokens, CacheWriteTokens, Cost, DbConnections, FinishReason,
            FirstTokenMilliseconds, FirstTokenNanoseconds, FirstTokenSeconds, GatewayStatus,
            HttpStatus, InputTokens, OutputTokens, RateLimitRemaining, ReasoningTokens,
            ToolArguments, ToolResult, TotalTokens, UncachedTokens,
        };
        match self {
            InputTokens | OutputTokens | CacheReadTokens | CacheWriteTokens | ReasoningTokens
            | UncachedTokens | TotalTokens => Shape::Tokens,
            Cost
            | DbConnections
            | FirstTokenSeconds
            | FirstTokenMilliseconds
            | FirstTokenNanoseconds
            | GatewayStatus
            | HttpStatus
            | RateLimitRemaining => Shape::Number,
            FinishReason | ToolArguments | ToolResult | Field::Detail => Shape::Any,
            Field::Provider => Shape::Provider,
            _ => Shape::Text,
        }
    }

    /// Facts that are copied from a parent or the baggage onto every span below it, and so say
    /// nothing of what the span itself did.
    fn is_inherited(self) -> bool {
        matches!(
            self,
            Self::Tenant
                | Self::Team
                | Self::TeamId
                | Self::User
                | Self::Conversation
                | Self::AgentName
                | Self::AgentId
                | Self::WorkflowName
                | Self::StepName
        )
    }
}

impl Shape {
    fn accepts(self, value: &Value<'_>) -> bool {
        match self {
            Self::Text => matches!(value, Value::Text(text) if !text.is_empty()),
            Self::Tokens => tokens(value).is_some(),
            Self::Number => value.as_f64().is_some_and(|number| number >= 0.0),
            Self::Provider => value.as_text().is_some_and(provider::says_something),
            Self::Any => !matches!(value, Value::Empty),
        }
    }
}

/// A token count: not negative, and not more than any model could take.
pub(super) fn tokens(value: &Value<'_>) -> Option<u64> {
    let count = u64::try_from(value.as_i64()?).ok()?;
    (count <= limits::TOKENS_PER_CALL).then_some(count)
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    field: Field,
    shape: Shape,
    /// The place in the order of precedence; the lower wins.
    rank: u16,
}

/// The names of every dialect, the more trusted first: their order is the order of precedence.
const DIALECTS: [&[(&str, Field)]; 12] = [
    gen_ai::NAMES,
    openinference::NAMES,
    openllmetry::NAMES,
    vercel_ai::NAMES,
    pydantic_ai::NAMES,
    litellm::NAMES,
    frameworks::NAMES,
    identity::NAMES,
    http::NAMES,
    db::NAMES,
    events::NAMES,
    gateway::NAMES,
];

static TABLE: LazyLock<HashMap<&'static str, Entry, foldhash::fast::FixedState>> =
    LazyLock::new(|| {
        let mut table = HashMap::default();
        for (rank, &(key, field)) in (0_u16..).zip(DIALECTS.into_iter().flatten()) {
            table.entry(key).or_insert(Entry { field, shape: field.shape(), rank });
        }
        table
    });

/// What the attributes of one span say, the best carrier of each fact.
#[derive(Debug)]
pub(super) struct Facts<'s, 'a> {
    values: [Option<&'s Value<'a>>; FIELDS],
    ranks: [u16; FIELDS],
    /// The first attribute that speaks of LLMs.
    pub(super) hint: Option<&'a str>,
}

impl<'s, 'a> Facts<'s, 'a> {
    /// Reads the span's attributes once.
    pub(super) fn of(span: &'s Span<'a>) -> Self {
        let mut facts = Self { values: [None; FIELDS], ranks: [u16::MAX; FIELDS], hint: None };
        let table = &*TABLE;
        for attribute in &span.attributes {
            let entry = table.get(attribute.key);
            if let Some(entry) = entry {
                facts.offer(*entry, &attribute.value);
            }
            if facts.hint.is_none()
                && speaks_of_llms(attribute.key)
                && !entry.is_some_and(|entry| entry.field.is_inherited())
            {
                facts.hint = Some(attribute.key);
            }
        }
        facts
    }

    /// Adds what the resource or scope says of whose work it was, where the span says nothing.
    pub(super) fn add_identity(&mut self, attributes: &'s [Attribute<'a>]) {
        let table = &*TABLE;
        for attribute in attributes {
            // Resources repeat on every span of a batch: most of their keys are told apart by
            // length alone, which is cheaper than a lookup.
            if !identity::may_name(attribute.key) {
                continue;
            }
            if let Some(entry) = table.get(attribute.key)
                && entry.field.is_inherited()
                && self.values[entry.field as usize].is_none()
            {
                self.offer(*entry, &attribute.value);
            }
        }
    }

    #[inline]
    fn offer(&mut self, entry: Entry, value: &'s Value<'a>) {
        let at = entry.field as usize;
        if entry.rank < self.ranks[at] && entry.shape.accepts(value) {
            self.values[at] = Some(value);
            self.ranks[at] = entry.rank;
        }
    }

    /// The best carrier's value.
    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<&'s Value<'a>> {
        self.values[field as usize]
    }

    /// Whether anything says this.
    #[inline]
    pub(super) fn has(&self, field: Field) -> bool {
        self.get(field).is_some()
    }

    /// The value as text.
    #[inline]
    pub(super) fn text(&self, field: Field) -> Option<&'a str> {
        self.get(field)?.as_text()
    }

    /// The text of whichever of two fields has the more trusted carrier.
    pub(super) fn text_of_either(&self, one: Field, other: Field) -> Option<&'a str> {
        let other_first = self.ranks[other as usize] < self.ranks[one as usize];
        self.text(if other_first { other } else { one })
    }

    /// The value as a finite number that is not negative.
    #[inline]
    pub(super) fn number(&self, field: Field) -> Option<f64> {
        self.get(field)?.as_f64()
    }

    /// The value as a token count.
    #[inline]
    pub(super) fn tokens(&self, field: Field) -> Option<u64> {
        tokens(self.get(field)?)
    }
}

/// Whether a key belongs to the vocabulary of LLM instrumentations.
#[inline]
pub(super) fn speaks_of_llms(key: &str) -> bool {
    match key.as_bytes().first() {
        Some(b'g') => key.starts_with("gen_ai."),
        Some(b'l') => key.starts_with("llm."),
        Some(b'a') => key.starts_with("ai."),
        Some(b'o') => key.starts_with("openinference."),
        Some(b't') => key.starts_with("traceloop.") && !key.starts_with("traceloop.association."),
        _ => false,
    }
}

/// What a name says, if a dialect knows it.
pub(super) fn field_of(key: &str) -> Option<Field> {
    TABLE.get(key).map(|entry| entry.field)
}

/// The names of every dialect, by the dialect.
#[cfg(test)]
pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static [Name])> {
    let dialects = [
        "OpenTelemetry GenAI",
        "OpenInference",
        "OpenLLMetry (Traceloop)",
        "Vercel AI SDK",
        "Pydantic AI and Logfire",
        "LiteLLM",
        "Other frameworks",
        "Whose work it was",
        "HTTP",
        "Databases",
        "Events of Pharos",
    ];
    dialects.into_iter().zip(DIALECTS)
}

/// Every name of every dialect.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    let mut keys: Vec<_> = TABLE.keys().copied().collect();
    keys.sort_unstable();
    keys.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_in_the_table_once_and_means_one_thing() {
        let mut seen: HashMap<&str, Field> = HashMap::new();
        for tables in DIALECTS {
            for &(key, field) in tables {
                let before = seen.insert(key, field);
                assert!(before.is_none(), "{key} is {before:?} and {field:?}");
            }
        }
        assert_eq!(seen.len(), TABLE.len());
    }
}
