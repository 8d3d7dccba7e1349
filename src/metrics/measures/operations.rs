//! What operations of Pharos' own names say: skills, patterns, capabilities, providers.

use ::metrics::Counter;

use super::cache::{Cache, Lookup};
use super::{Measures, Outcomes, service_call, status};
use crate::metrics::catalog;
use crate::model::{CapabilityCall, Operation, PatternExecution, ProviderRequest, SkillStep, Span};

/// Handles of these operations.
#[derive(Debug, Default)]
pub(super) struct Operations {
    skills: Cache<2, Counter>,
    patterns: Cache<1, Outcomes>,
    capabilities: Cache<2, Outcomes>,
    providers: Cache<2, Outcomes>,
}

impl Measures {
    /// An operation that no convention has a name for.
    pub(super) fn own_operation(
        &mut self,
        lookup: &mut Lookup<'_>,
        span: &Span<'_>,
        operation: &Operation<'_>,
        (failed, seconds): (bool, f64),
    ) {
        let operations = &mut self.operations;
        match operation {
            Operation::Skill(step) => operations.skill(lookup, step, failed),
            Operation::Pattern(it) => operations.pattern(lookup, it, (failed, seconds)),
            Operation::Capability(it) => operations.capability(lookup, it, (failed, seconds)),
            Operation::Service(call) => {
                let key = [call.service, call.method];
                self.service_calls.get(key, lookup, service_call).record(failed, seconds);
            }
            Operation::Provider(request) if self.pairs.request(span, failed) => {
                operations.provider(lookup, request, (failed, seconds));
            }
            _ => {}
        }
    }
}

impl Operations {
    /// A step of a skill. Where the app has no word for its outcome, it succeeded or failed.
    pub(super) fn skill(&mut self, lookup: &mut Lookup<'_>, step: &SkillStep<'_>, failed: bool) {
        let outcome = if step.outcome.is_empty() { status(failed) } else { step.outcome };
        let find =
            |lookup: &mut Lookup<'_>, key: [&str; 2]| lookup.counter(&catalog::SKILL_STEPS, &key).0;
        self.skills.get([step.skill, outcome], lookup, find).increment(1);
    }

    pub(super) fn pattern(
        &mut self,
        lookup: &mut Lookup<'_>,
        execution: &PatternExecution<'_>,
        (failed, seconds): (bool, f64),
    ) {
        self.patterns.get([execution.id], lookup, pattern).record(failed, seconds);
    }

    pub(super) fn capability(
        &mut self,
        lookup: &mut Lookup<'_>,
        call: &CapabilityCall<'_>,
        (failed, seconds): (bool, f64),
    ) {
        let key = [call.agent, call.capability];
        self.capabilities.get(key, lookup, capability).record(failed, seconds);
    }

    pub(super) fn provider(
        &mut self,
        lookup: &mut Lookup<'_>,
        request: &ProviderRequest<'_>,
        (failed, seconds): (bool, f64),
    ) {
        let key = [&*request.provider, request.endpoint];
        self.providers.get(key, lookup, provider).record(failed, seconds);
    }
}

fn pattern(lookup: &mut Lookup<'_>, [id]: [&str; 1]) -> Outcomes {
    Outcomes {
        success: lookup.counter(&catalog::PATTERN_EXECUTIONS, &[id, "success"]).0,
        error: lookup.counter(&catalog::PATTERN_EXECUTIONS, &[id, "error"]).0,
        duration: lookup.histogram(&catalog::PATTERN_EXECUTION_DURATION, &[id]),
    }
}

fn capability(lookup: &mut Lookup<'_>, [agent, name]: [&str; 2]) -> Outcomes {
    let calls = &catalog::CAPABILITY_CALLS;
    Outcomes {
        success: lookup.counter(calls, &[agent, name, "success"]).0,
        error: lookup.counter(calls, &[agent, name, "error"]).0,
        duration: lookup.histogram(&catalog::CAPABILITY_DURATION, &[agent, name]),
    }
}

fn provider(lookup: &mut Lookup<'_>, [name, endpoint]: [&str; 2]) -> Outcomes {
    let requests = &catalog::PROVIDER_REQUESTS;
    Outcomes {
        success: lookup.counter(requests, &[name, endpoint, "success"]).0,
        error: lookup.counter(requests, &[name, endpoint, "error"]).0,
        duration: lookup.histogram(&catalog::PROVIDER_REQUEST_DURATION, &[name, endpoint]),
    }
}
