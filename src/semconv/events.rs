//! Pharos' own names: what no convention has a word for, as the JSON door writes it and as any
//! OTLP sender may write it.

use std::borrow::Cow;

use super::kind::Kind;
use super::names::{Facts, Field, Name};
use super::provider;
use crate::model::{
    AgentStep, CapabilityCall, Operation, PatternExecution, ProviderRequest, ServiceCall,
    SkillStep, Span,
};

/// Behind every convention: these names say only what the others cannot.
pub(super) static NAMES: &[Name] = &[
    ("pharos.event.type", Field::EventType),
    ("pharos.skill.outcome", Field::SkillOutcome),
    ("pharos.pattern.id", Field::PatternId),
    ("pharos.capability.name", Field::CapabilityName),
    ("pharos.service.name", Field::ServiceName),
    ("pharos.service.method", Field::ServiceMethod),
    ("pharos.provider.endpoint", Field::ProviderEndpoint),
    ("pharos.db.connections.active", Field::DbConnections),
    ("pharos.step.name", Field::StepName),
    ("pharos.cost_usd", Field::Cost),
];

/// What a span says that it is in our own word. Calls of models and tools, runs, requests and
/// queries have the conventions' words.
pub(super) fn kind(facts: &Facts<'_, '_>) -> Option<Kind> {
    Some(match facts.text(Field::EventType)? {
        "agent_step" => Kind::AgentStep,
        "workflow_step" => Kind::Step,
        "skill_step" => Kind::Skill,
        "pattern_execution" => Kind::Pattern,
        "capability_call" => Kind::Capability,
        "service_call" => Kind::Service,
        "provider_request" => Kind::Provider,
        "gateway_request" => Kind::Other,
        _ => return None,
    })
}

/// Reads an operation of our own. A name that is not said is `unknown`.
pub(super) fn operation<'a>(kind: Kind, span: &Span<'a>, facts: &Facts<'_, 'a>) -> Operation<'a> {
    let said = |field| facts.text(field).unwrap_or("unknown");
    match kind {
        Kind::AgentStep => Operation::AgentStep(AgentStep {
            name: facts.text(Field::StepName).unwrap_or(span.name),
        }),
        Kind::Skill => Operation::Skill(SkillStep {
            skill: said(Field::Skill),
            outcome: facts.text(Field::SkillOutcome).unwrap_or_default(),
        }),
        Kind::Pattern => Operation::Pattern(PatternExecution { id: said(Field::PatternId) }),
        Kind::Capability => Operation::Capability(CapabilityCall {
            agent: said(Field::AgentName),
            capability: said(Field::CapabilityName),
        }),
        Kind::Service => Operation::Service(ServiceCall {
            service: said(Field::ServiceName),
            method: said(Field::ServiceMethod),
        }),
        Kind::Provider => {
            let provider = facts.text(Field::Provider).map(provider::normalise);
            Operation::Provider(ProviderRequest {
                provider: provider.unwrap_or(Cow::Borrowed("unknown")),
                endpoint: said(Field::ProviderEndpoint),
            })
        }
        _ => Operation::Other,
    }
}
