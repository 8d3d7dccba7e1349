//! Which operation a span describes, and which dialect says so.

use super::names::{Facts, Field};
use super::{
    db, events, frameworks, gen_ai, http, litellm, openinference, openllmetry, pydantic_ai,
    vercel_ai,
};
use crate::model::{Origin, Span, SpanKind};

/// What a dialect calls a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call of a model, under its GenAI operation name.
    Llm(&'static str),
    /// A tool's execution.
    Tool,
    /// An agent's run.
    Agent,
    /// A workflow's run.
    Workflow,
    /// A step of a workflow.
    Step,
    /// A step of an agent.
    AgentStep,
    /// A step of a skill.
    Skill,
    /// An execution of a pattern.
    Pattern,
    /// A call of a capability.
    Capability,
    /// A call of another service.
    Service,
    /// A request to a model provider.
    Provider,
    /// A retrieval.
    Retrieval,
    /// Serving an HTTP request.
    HttpServer,
    /// Making an HTTP request.
    HttpClient,
    /// A database call.
    Db,
    /// Understood, and none of these.
    Other,
}

/// The kind of a span and the dialect that tells it. The order is the precedence: what a span
/// says in the conventions' own words first, guesses from names and loose facts last.
pub(super) fn of(
    origin: &Origin<'_>,
    span: &Span<'_>,
    facts: &Facts<'_, '_>,
) -> Option<(Kind, &'static str)> {
    let by = |dialect| move |kind| (kind, dialect);
    // Our own word for it can mean nothing else.
    if let Some(kind) = events::kind(facts) {
        return Some((kind, "pharos"));
    }
    let scope = origin.scope.name;
    let spoken = facts.hint.is_some() || facts.has(Field::FrameworkKind);
    if spoken || facts.has(Field::McpMethod) {
        let told = litellm::kind(scope, span)
            .map(by("litellm"))
            .or_else(|| pydantic_ai::opening(scope, span, facts).map(by("pydantic_ai")))
            // Entities of OpenLLMetry call themselves agents in the conventions' words: its own
            // word for them is the more exact one.
            .or_else(|| openllmetry::entity(facts).map(by("openllmetry")))
            .or_else(|| gen_ai::kind(facts).map(by(speaker(scope))))
            .or_else(|| openinference::kind(scope, facts, span).map(by("openinference")))
            .or_else(|| openllmetry::kind(facts).map(by("openllmetry")))
            .or_else(|| vercel_ai::kind(facts, span).map(by("vercel_ai")))
            .or_else(|| pydantic_ai::kind(scope, span).map(by("pydantic_ai")))
            .or_else(|| frameworks::kind(scope, facts))
            .or_else(|| frameworks::named(scope, span))
            .or_else(|| gen_ai::kind_of_name(span.name).map(by("gen_ai")))
            .or_else(|| gen_ai::kind_of_facts(facts).map(by("gen_ai")));
        if told.is_some() {
            return told;
        }
    }
    let pydantic = || pydantic_ai::kind(scope, span).map(by("pydantic_ai"));
    http::kind(facts, span)
        .map(by("http"))
        .or_else(|| db::kind(facts, span).map(by("db")))
        .or_else(pydantic)
        .or_else(|| litellm::kind(scope, span).map(by("litellm")))
        .or_else(|| frameworks::named(scope, span))
        .or_else(|| match span.kind {
            SpanKind::Server | SpanKind::Client => None,
            _ => vercel_ai::step(scope, span).map(by("vercel_ai")),
        })
}

/// The dialect of a span that speaks in the conventions' own words, by who sends it.
fn speaker(scope: &str) -> &'static str {
    match scope {
        "pydantic-ai" => "pydantic_ai",
        "litellm" => "litellm",
        // The scope of `@ai-sdk/otel`.
        "gen_ai" => "vercel_ai",
        "gcp.vertex.agent" => "google_adk",
        "strands.telemetry.tracer" => "strands",
        "livekit-agents" => "livekit",
        _ if scope.starts_with("logfire") => "pydantic_ai",
        _ => "gen_ai",
    }
}
