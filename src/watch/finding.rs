//! What was found, and how it is told.

use super::bytes::{Kept, kept};
use crate::model::{Fact, Notice, NoticeLevel, SpanId, TraceId};

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was found.
    pub kind: Kind,
    /// What it is about.
    pub subject: Subject,
    /// The name of that.
    pub name: Box<str>,
    /// What was measured, in the unit of the kind.
    pub value: f64,
    /// What that exceeds.
    pub limit: f64,
    /// What the run used, where it is about a run.
    pub used: Option<Used>,
    /// The agent, where it is about something that an agent did.
    pub agent: Option<Box<str>>,
    /// Whose work it was.
    pub tenant: Option<Box<str>>,
    /// The trace.
    pub trace_id: Option<TraceId>,
    /// The span.
    pub span_id: Option<SpanId>,
    /// When it was found, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
}

kept!(Finding {
    kind,
    subject,
    name,
    value,
    limit,
    used,
    agent,
    tenant,
    trace_id,
    span_id,
    time_ns
});

/// What the calls of a run used, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Calls of models.
    pub llm_calls: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Prompt and completion tokens.
    pub tokens: u64,
}

kept!(Used { llm_calls, tool_calls, tokens });

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A run took longer than those of its name usually do.
    SlowRun,
    /// A run cost more than those of its name usually do.
    ExpensiveRun,
    /// A run called one tool with the same arguments again and again.
    ToolLoop,
    /// A run made a few calls round after round.
    ToolCycle,
    /// More money was spent within an hour than usual, or than allowed.
    CostVelocity,
    /// A run of a workflow took too long.
    WorkflowSeconds,
    /// A step of a workflow took too long.
    StepSeconds,
    /// A call of a model took too long.
    LlmCallSeconds,
    /// A run of a workflow cost too much.
    WorkflowCostUsd,
    /// Too large a part of the runs failed.
    ErrorRatio,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A workflow.
    Workflow,
    /// An agent.
    Agent,
    /// A step of a workflow.
    Step,
    /// A tool.
    Tool,
    /// A model.
    Model,
    /// A tenant.
    Tenant,
    /// Everything together.
    All,
}

/// What is fixed about a kind.
struct Words {
    name: &'static str,
    event: &'static str,
    text: &'static str,
}

impl Kind {
    /// All of them; the anomalies first.
    pub const ALL: [Self; 10] = [
        Self::SlowRun,
        Self::ExpensiveRun,
        Self::ToolLoop,
        Self::ToolCycle,
        Self::CostVelocity,
        Self::WorkflowSeconds,
        Self::StepSeconds,
        Self::LlmCallSeconds,
        Self::WorkflowCostUsd,
        Self::ErrorRatio,
    ];

    /// The name in metrics and answers.
    pub fn name(self) -> &'static str {
        self.words().name
    }

    /// What its value and limit are measured in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::SlowRun | Self::WorkflowSeconds | Self::StepSeconds | Self::LlmCallSeconds => {
                "seconds"
            }
            Self::ExpensiveRun | Self::WorkflowCostUsd => "usd",
            Self::CostVelocity => "usd_per_hour",
            Self::ToolLoop => "calls",
            Self::ToolCycle => "rounds",
            Self::ErrorRatio => "ratio",
        }
    }

    /// Whether a configured threshold was exceeded; else it is an anomaly.
    pub fn is_threshold(self) -> bool {
        self.words().event == EXCEEDED
    }

    fn words(self) -> Words {
        let words = |name, event, text| Words { name, event, text };
        match self {
            Self::SlowRun => words(
                "slow_run",
                "pharos.anomaly.slow_run",
                "A run took far longer than the runs of its name usually do.",
            ),
            Self::ExpensiveRun => words(
                "expensive_run",
                "pharos.anomaly.expensive_run",
                "A run cost far more than the runs of its name usually do.",
            ),
            Self::ToolLoop => words(
                "tool_loop",
                "pharos.anomaly.tool_loop",
                "A tool is called again and again with the same arguments.",
            ),
            Self::ToolCycle => words(
                "tool_cycle",
                "pharos.anomaly.tool_cycle",
                "The same few calls of tools are made round after round.",
            ),
            Self::CostVelocity => words(
                "cost_velocity",
                "pharos.anomaly.cost_velocity",
                "Money is spent faster than usual, or than allowed.",
            ),
            Self::WorkflowSeconds => {
                words("workflow_seconds", EXCEEDED, "A run of a workflow took too long.")
            }
            Self::StepSeconds => {
                words("step_seconds", EXCEEDED, "A step of a workflow took too long.")
            }
            Self::LlmCallSeconds => {
                words("llm_call_seconds", EXCEEDED, "A call of a model took too long.")
            }
            Self::WorkflowCostUsd => {
                words("workflow_cost", EXCEEDED, "A run of a workflow cost too much.")
            }
            Self::ErrorRatio => {
                words("error_ratio", EXCEEDED, "Too large a part of the runs failed.")
            }
        }
    }
}

/// The event of every threshold that was exceeded.
const EXCEEDED: &str = "pharos.threshold.exceeded";

impl Subject {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Workflow, Self::Agent, Self::Step, Self::Tool, Self::Model, Self::Tenant, Self::All];

    /// The name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Agent => "agent",
            Self::Step => "step",
            Self::Tool => "tool",
            Self::Model => "model",
            Self::Tenant => "tenant",
            Self::All => "all",
        }
    }

    /// What can be found about it.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Workflow => &[
                Kind::SlowRun,
                Kind::ExpensiveRun,
                Kind::WorkflowSeconds,
                Kind::WorkflowCostUsd,
                Kind::ErrorRatio,
            ],
            Self::Agent => &[Kind::SlowRun, Kind::ExpensiveRun, Kind::ErrorRatio],
            Self::Step => &[Kind::StepSeconds],
            Self::Tool => &[Kind::ToolLoop, Kind::ToolCycle],
            Self::Model => &[Kind::LlmCallSeconds],
            Self::Tenant | Self::All => &[Kind::CostVelocity],
        }
    }

    /// The attribute that names it.
    fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Workflow => Some("gen_ai.workflow.name"),
            Self::Agent => Some("gen_ai.agent.name"),
            Self::Step => Some("pharos.step.name"),
            Self::Tool => Some("gen_ai.tool.name"),
            Self::Model => Some("gen_ai.request.model"),
            Self::Tenant => Some("tenant.id"),
            Self::All => None,
        }
    }
}

impl Finding {
    /// The finding as a log record of Pharos itself. `more` is how many others of its kind and
    /// name were found since the last one was told.
    pub(super) fn notice(&self, more: u64) -> Notice {
        let Words { name, event, text } = self.kind.words();
        let mut facts = vec![
            ("pharos.finding.kind", Fact::Text(name.to_owned())),
            ("pharos.finding.value", Fact::Number(self.value)),
            ("pharos.finding.limit", Fact::Number(self.limit)),
        ];
        let mut name_it = |attribute, name: &str| facts.push((attribute, Fact::Text(name.into())));
        if let Some(attribute) = self.subject.attribute() {
            name_it(attribute, &self.name);
        }
        if let Some(agent) = self.agent.as_deref().filter(|_| self.subject != Subject::Agent) {
            name_it("gen_ai.agent.name", agent);
        }
        if let Some(tenant) = self.tenant.as_deref().filter(|_| self.subject != Subject::Tenant) {
            name_it("tenant.id", tenant);
        }
        if let Some(used) = self.used {
            facts.push(("pharos.run.llm_calls", Fact::Count(used.llm_calls)));
            facts.push(("pharos.run.tool_calls", Fact::Count(used.tool_calls)));
            facts.push(("pharos.run.tokens", Fact::Count(used.tokens)));
        }
        if more > 0 {
            facts.push(("pharos.finding.more", Fact::Count(more)));
        }
        Notice {
            name: event,
            level: NoticeLevel::Warning,
            text,
            facts,
            trace_id: self.trace_id,
            span_id: self.span_id,
            time_ns: self.time_ns,
        }
    }
}

macro_rules! kept_by_place {
    ($name:ident) => {
        impl Kept for $name {
            fn write(&self, out: &mut Vec<u8>) {
                let place = Self::ALL.iter().position(|it| it == self);
                out.push(place.unwrap_or_default() as u8);
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                Self::ALL.get(usize::from(u8::read(from)?)).copied()
            }
        }
    };
}
kept_by_place!(Kind);
kept_by_place!(Subject);
