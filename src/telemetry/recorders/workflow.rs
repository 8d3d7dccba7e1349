//! Runs of workflows, and their steps.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Begun, Ended, Guard, Kind};

/// A run of a workflow, under way.
pub type Workflow = Guard<Run>;
/// A step of a workflow, under way.
pub type WorkflowStep = Guard<Step>;

/// What is known of a run.
#[derive(Debug)]
pub struct Run {
    workflow: Box<str>,
}

/// What is known of a step.
#[derive(Debug)]
pub struct Step {
    agent: Box<str>,
}

/// Begins a run of a workflow.
pub fn workflow(name: &str) -> Workflow {
    let context = Context::current();
    let title = format!("invoke_workflow {name}");
    let span = work_span!("internal", "invoke_workflow", title, context, {
        "gen_ai.operation.name" = "invoke_workflow",
        "gen_ai.workflow.name" = name,
    });
    span.in_scope(|| {
        tracing::info!(
            name: "pharos.workflow.started",
            target: "pharos::started",
            {
                "gen_ai.workflow.name" = name,
                "tenant.id" = context.tenant(),
                "user.id" = context.user(),
                "gen_ai.conversation.id" = context.conversation(),
            },
            "A run of a workflow has begun."
        );
    });
    Guard::begin(Run { workflow: name.into() }, span, context)
}

/// Begins a step of a workflow, which this agent takes.
pub fn workflow_step(name: &str, agent: &str) -> WorkflowStep {
    let context = Context::current();
    let span = work_span!("internal", "workflow_step", name, context, agent = agent, {
        "pharos.event.type" = "workflow_step",
        "pharos.step.name" = name,
    });
    Guard::begin(Step { agent: agent.into() }, span, context)
}

impl Kind for Run {
    fn begin(&self, begun: &Begun<'_>) {
        begun.shift(&catalog::ACTIVE_WORKFLOW_RUNS, &[], 1.0);
    }

    fn end(&mut self, ended: &Ended<'_>) {
        ended.shift(&catalog::ACTIVE_WORKFLOW_RUNS, &[], -1.0);
        let labels = [&*self.workflow, ended.status()];
        ended.count(&catalog::WORKFLOW_RUNS, &labels, 1);
        ended.observe(&catalog::WORKFLOW_DURATION, &labels, ended.seconds);
    }
}

impl Kind for Step {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.agent, ended.status()];
        ended.observe(&catalog::WORKFLOW_STEP_DURATION, &labels, ended.seconds);
    }

    fn inside(&self, context: Context) -> Context {
        context.with_agent(&self.agent)
    }
}
