//! One call of what an agent offers to others.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// A call of a capability, under way.
pub type CapabilityCall = Guard<Call>;

/// What is known of it.
#[derive(Debug)]
pub struct Call {
    agent: Box<str>,
    capability: Box<str>,
}

/// Begins a call of a capability of an agent.
pub fn capability_call(agent: &str, capability: &str) -> CapabilityCall {
    let context = Context::current();
    let title = format!("capability {capability}");
    let span = work_span!("internal", "capability", title, context, agent = agent, {
        "pharos.event.type" = "capability_call",
        "pharos.capability.name" = capability,
    });
    Guard::begin(Call { agent: agent.into(), capability: capability.into() }, span, context)
}

impl Kind for Call {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.agent, &*self.capability];
        ended.count(&catalog::CAPABILITY_CALLS, &[labels[0], labels[1], ended.status()], 1);
        ended.observe(&catalog::CAPABILITY_DURATION, &labels, ended.seconds);
    }

    fn inside(&self, context: Context) -> Context {
        context.with_agent(&self.agent)
    }
}
