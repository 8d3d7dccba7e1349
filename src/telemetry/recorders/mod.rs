//! Typed recorders: one for everything that an agent platform does, each with a guard that
//! records when it ends.
//!
//! A recorder records the families of the catalog in this process, and opens a span whose
//! attributes have the conventions' current names, or Pharos' own where no convention has one, so
//! that whoever gets it over OTLP understands it.

mod agent;
mod capability;
mod database;
mod gateway;
mod llm;
mod pattern;
mod provider;
mod report;
mod request;
mod service;
mod skill;
#[cfg(test)]
mod tests;
mod tool;
mod workflow;

pub use agent::{AgentRun, AgentStep, agent_run, agent_step};
pub use capability::{CapabilityCall, capability_call};
pub use database::{DbConnection, DbQuery, db_connection, db_query};
pub use gateway::{GatewayRequest, gateway_request};
pub use llm::{LlmCall, llm_call};
pub use pattern::{PatternExecution, pattern_execution};
pub use provider::{ProviderRequest, provider_request, rate_limit};
pub use report::{DebugKind, debug_event, error, security_event, spend, token_budget};
pub(super) use request::method_label;
#[cfg(feature = "tower")]
pub(super) use request::served;
pub use request::{Request, request};
pub use service::{ServiceCall, service_call};
pub use skill::{SkillStep, skill_step};
pub use tool::{ToolCall, tool_call};
pub use workflow::{Workflow, WorkflowStep, workflow, workflow_step};

/// Opens the span of a piece of work: name, kind and title, the fields that its end fills in,
/// whose work it is, then its own facts.
macro_rules! work_span {
    ($kind:literal, $name:literal, $title:expr, $context:expr, agent = $agent:expr,
     { $($key:literal = $value:expr),* $(,)? }) => {
        tracing::info_span!(
            target: "pharos::work",
            $name,
            "otel.name" = $title,
            "otel.kind" = $kind,
            "otel.status_code" = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
            "request_id" = $context.request_id(),
            "tenant.id" = $context.tenant(),
            "user.id" = $context.user(),
            "gen_ai.conversation.id" = $context.conversation(),
            "gen_ai.agent.name" = $agent,
            $($key = $value,)*
        )
    };
    ($kind:literal, $name:literal, $title:expr, $context:expr,
     { $($key:literal = $value:expr),* $(,)? }) => {
        work_span!($kind, $name, $title, $context, agent = $context.agent(),
            { $($key = $value),* })
    };
}
pub(super) use work_span;
