//! Runs of agents, and their steps.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Begun, Ended, Guard, Kind};

/// A run of an agent, under way.
pub type AgentRun = Guard<Run>;
/// A step of an agent, under way.
pub type AgentStep = Guard<Step>;

/// What is known of a run.
#[derive(Debug)]
pub struct Run {
    agent: Box<str>,
}

/// What is known of a step.
#[derive(Debug)]
pub struct Step(());

/// Begins a run of an agent. What is done inside of it (by [`run`](Guard::run) or
/// [`within`](Guard::within)) is done by this agent.
///
/// ```
/// use pharos::telemetry;
///
/// # async fn plan(goal: &str) -> Result<String, std::fmt::Error> { Ok(goal.to_owned()) }
/// # async fn work() -> Result<(), std::fmt::Error> {
/// let answer = telemetry::agent_run("planner").run(plan("a trip")).await?;
/// # Ok(()) }
/// ```
pub fn agent_run(agent: &str) -> AgentRun {
    let context = Context::current();
    let title = format!("invoke_agent {agent}");
    let span = work_span!("internal", "invoke_agent", title, context, agent = agent, {
        "gen_ai.operation.name" = "invoke_agent",
    });
    span.in_scope(|| {
        tracing::info!(
            name: "pharos.agent_run.started",
            target: "pharos::started",
            {
                "gen_ai.agent.name" = agent,
                "tenant.id" = context.tenant(),
                "user.id" = context.user(),
                "gen_ai.conversation.id" = context.conversation(),
            },
            "A run of an agent has begun."
        );
    });
    Guard::begin(Run { agent: agent.into() }, span, context)
}

/// Begins a step of the current agent that is neither a call of a model nor of a tool: those are
/// steps by themselves.
pub fn agent_step(name: &str) -> AgentStep {
    let context = Context::current();
    let span = work_span!("internal", "agent_step", name, context, {
        "pharos.event.type" = "agent_step",
        "pharos.step.name" = name,
    });
    Guard::begin(Step(()), span, context)
}

impl Kind for Run {
    fn begin(&self, begun: &Begun<'_>) {
        begun.shift(&catalog::ACTIVE_AGENT_RUNS, &[], 1.0);
    }

    fn end(&mut self, ended: &Ended<'_>) {
        ended.shift(&catalog::ACTIVE_AGENT_RUNS, &[], -1.0);
        let labels = [&*self.agent, ended.status()];
        ended.count(&catalog::AGENT_RUNS, &labels, 1);
        ended.observe(&catalog::AGENT_RUN_DURATION, &labels, ended.seconds);
    }

    fn inside(&self, context: Context) -> Context {
        context.with_agent(&self.agent)
    }
}

impl Kind for Step {
    fn end(&mut self, ended: &Ended<'_>) {
        if let Some(agent) = ended.agent() {
            ended.count(&catalog::AGENT_STEPS, &[agent], 1);
        }
    }
}
