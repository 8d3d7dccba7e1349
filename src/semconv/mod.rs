//! Understanding: every dialect that agents speak becomes one model.
//!
//! One file per dialect holds its names as data and the few rules that are its own; `names` puts
//! them into one table, `kind` decides what a span is. Nothing here fails, and nothing is
//! dropped: what is not understood stays in the span as it was sent.
//!
//! Invariant: usage belongs to leaves. A span is an [`Operation::Llm`] only if it is one call of
//! a model; agents, chains and SDK wrappers that repeat usage are other operations. Where two
//! leaves report one call, the [`Ledger`] counts it once.

mod content;
mod db;
mod events;
mod failure;
mod first_token;
mod frameworks;
mod gateway;
mod gen_ai;
mod http;
mod identity;
mod kind;
mod ledger;

mod litellm;
mod llm;
mod log_event;
mod mapping;
mod names;
mod openinference;
mod openllmetry;
mod provider;
mod pydantic_ai;
mod report;
mod statement;
mod usage;
mod vercel_ai;

pub use content::{Part, Passage, log_passages, passages, plain_text};
pub use ledger::{Ledger, RestoreError, call_book};
pub use log_event::understand_log;
pub use mapping::Mapping;
pub use report::{Uids, report};

use kind::Kind;
use names::{Facts, Field};

use crate::model::{
    AgentRun, Operation, Origin, Span, SpanKind, ToolCall, Understanding, Unexplained, WorkflowRun,
    WorkflowStep,
};

/// Reads what a span describes. Pure; never fails; one pass over the attributes.
pub fn understand<'a>(origin: &Origin<'a>, span: &Span<'a>) -> Understanding<'a> {
    let mut facts = Facts::of(span);
    let found = kind::of(origin, span, &facts);
    let kind = found.map(|(kind, _)| kind);
    let (failed, error_type) = failure::read(span, &facts, kind);
    let mut understanding = Understanding {
        operation: operation(found, origin.scope.name, span, &facts),
        dialect: found.map(|(_, dialect)| dialect),
        failed,
        error_type,
        unexplained: unexplained(origin, span, &facts, kind),
        gateway: gateway::exchange(&facts),
        ..Understanding::default()
    };
    // The span speaks first; scope and resource only where it says nothing.
    facts.add_identity(&origin.scope.attributes);
    facts.add_identity(&origin.resource);
    identity::fill(&mut understanding, &facts);
    understanding
}

fn operation<'a>(
    found: Option<(Kind, &'static str)>,
    scope: &str,
    span: &Span<'a>,
    facts: &Facts<'_, 'a>,
) -> Operation<'a> {
    let sender = [found.map_or("", |(_, dialect)| dialect), scope];
    match found.map(|(kind, _)| kind) {
        Some(Kind::Llm(operation)) => Operation::Llm(llm::call(operation, sender, span, facts)),
        Some(Kind::Tool) => Operation::Tool(tool(span, facts)),
        Some(Kind::Agent) => Operation::Agent(AgentRun { name: agent_name(span, facts) }),
        Some(Kind::Workflow) => {
            let said = facts.text(Field::WorkflowName).or_else(|| facts.text(Field::EntityName));
            let said = said.or_else(|| facts.text(Field::AgentFunction));
            Operation::Workflow(WorkflowRun { name: said.unwrap_or_else(|| bare(span.name)) })
        }
        Some(Kind::Step) => {
            let said = facts.text(Field::StepName).or_else(|| facts.text(Field::EntityName));
            let said = said.or_else(|| facts.text(Field::GraphNode));
            let name = said.unwrap_or_else(|| bare(span.name));
            let agent = facts.text(Field::AgentName).unwrap_or(name);
            Operation::Step(WorkflowStep { name, agent })
        }
        Some(
            kind @ (Kind::AgentStep
            | Kind::Skill
            | Kind::Pattern
            | Kind::Capability
            | Kind::Service
            | Kind::Provider),
        ) => events::operation(kind, span, facts),
        Some(Kind::Retrieval) => Operation::Retrieval,
        Some(Kind::HttpServer) => Operation::HttpServer(http::exchange(facts, true)),
        Some(Kind::HttpClient) => Operation::HttpClient(http::exchange(facts, false)),
        Some(Kind::Db) => Operation::Db(db::query(facts, span)),
        Some(Kind::Other) | None => Operation::Other,
    }
}

fn tool<'a>(span: &Span<'a>, facts: &Facts<'_, 'a>) -> ToolCall<'a> {
    let said = facts.text(Field::ToolName).or_else(|| facts.text(Field::EntityName));
    ToolCall {
        name: said.unwrap_or_else(|| bare(span.name)),
        call_id: facts.text(Field::ToolCallId),
        arguments: facts.text(Field::ToolArguments),
    }
}

fn agent_name<'a>(span: &Span<'a>, facts: &Facts<'_, 'a>) -> &'a str {
    let said = facts.text(Field::AgentName).or_else(|| facts.text(Field::EntityName));
    let said = said.or_else(|| facts.text(Field::AgentFunction));
    let named = || match bare(span.name) {
        // Vercel calls an agent that has no name by its model.
        name if facts.text(Field::RequestModel) == Some(name) => "unknown",
        name => name,
    };
    said.unwrap_or_else(named)
}

/// A span's name without what its dialect puts around the name of the thing itself.
fn bare(name: &str) -> &str {
    const BEFORE: [&str; 5] =
        ["execute_tool ", "invoke_agent ", "invoke_workflow ", "tools/call ", "running tool: "];
    const BEHIND: [&str; 8] =
        [".workflow", ".task", ".agent", ".tool", ".run", " run", "._execute_core", ".kickoff"];
    // What follows is an id, another one each time.
    if name.starts_with("Cycle ") {
        return "Cycle";
    }
    if let Some(inner) = name.strip_prefix("agent_run [").and_then(|it| it.strip_suffix(']')) {
        return inner;
    }
    let inner = BEFORE.iter().find_map(|word| name.strip_prefix(word)).unwrap_or(name);
    let inner = BEHIND.iter().find_map(|word| inner.strip_suffix(word)).unwrap_or(inner);
    if inner.is_empty() { name } else { inner }
}

/// An LLM-looking span that no dialect explains, by the attribute (or its name) that looks so.
fn unexplained<'a>(
    origin: &Origin<'a>,
    span: &Span<'a>,
    facts: &Facts<'_, 'a>,
    kind: Option<Kind>,
) -> Option<Unexplained<'a>> {
    if kind.is_some() {
        return None;
    }
    let named = || {
        let looks = matches!(span.kind, SpanKind::Client | SpanKind::Internal)
            && LLM_NAMES.iter().any(|name| span.name.starts_with(name));
        looks.then_some("span.name")
    };
    // An operation name that is not understood tells more than what merely stands first.
    let operation = facts.has(Field::GenAiOperation).then_some("gen_ai.operation.name");
    let attribute = operation.or(facts.hint).or_else(named)?;
    Some(Unexplained { scope: origin.scope.name, attribute })
}

/// How instrumentations that use no convention name the calls they report.
static LLM_NAMES: &[&str] = &[
    "openai.",
    "anthropic.",
    "litellm",
    "llm.",
    "llm_",
    "LLM",
    "ChatCompletion",
    "ChatOpenAI",
    "chat.completions",
    "gen_ai.",
    "bedrock.invoke_model",
    "cohere.",
];

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traps;
