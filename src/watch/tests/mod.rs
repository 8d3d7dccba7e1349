//! Watching as a whole, over made-up spans.

mod findings;
mod oracle;
mod survival;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::model::{
    AgentRun, CostState, Notice, Origin, Span, SpanId, SpanKind, Status, TraceId, Understanding,
    Usage, WorkflowRun, WorkflowStep,
};

/// A moment in 2026.
pub(super) const BEGIN_NS: u64 = 1_795_248_000 * SECOND_NS;

pub(super) fn options() -> WatchOptions {
    WatchOptions {
        grace: Duration::from_secs(10),
        notice_interval: Duration::from_secs(300),
        thresholds: ThresholdOptions {
            workflow_seconds: Some(600.0),
            step_seconds: Some(120.0),
            llm_call_seconds: Some(30.0),
            workflow_cost_usd: Some(1.0),
            error_ratio: Some(0.05),
            error_runs: 20,
            window: Duration::from_secs(300),
        },
        anomalies: OutlierOptions {
            window: Duration::from_secs(86_400),
            min_runs: 50,
            margin: 1.5,
            min_seconds: 0.1,
            min_cost_usd: 0.01,
        },
        loops: LoopOptions { repeats: 5, rounds: 3 },
        velocity: VelocityOptions { usd_per_hour: None, times_typical: Some(5.0), min_usd: 1.0 },
    }
}

/// What was counted and told.
#[derive(Debug, Default, Clone, PartialEq)]
struct Heard {
    costs: Vec<(String, f64)>,
    incomplete: Vec<String>,
    late_usd: f64,
    found: Vec<(Kind, String)>,
    expected: BTreeMap<String, usize>,
    forgotten: BTreeMap<&'static str, u64>,
    held_back: u64,
    velocity: BTreeMap<String, f64>,
}

#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Heard>>,
    told: Arc<Mutex<Vec<Notice>>>,
}

impl WatchObserver for Ear {
    fn workflow_cost(&self, workflow: &str, usd: f64) {
        self.heard.lock().unwrap().costs.push((workflow.to_owned(), usd));
    }
    fn workflow_cost_incomplete(&self, workflow: &str) {
        self.heard.lock().unwrap().incomplete.push(workflow.to_owned());
    }
    fn late_cost(&self, usd: f64) {
        self.heard.lock().unwrap().late_usd += usd;
    }
    fn expect(&self, kind: Kind, name: &str) {
        *self.heard.lock().unwrap().expected.entry(format!("{kind:?} {name}")).or_default() += 1;
    }
    fn found(&self, kind: Kind, name: &str) {
        self.heard.lock().unwrap().found.push((kind, name.to_owned()));
    }
    fn held_back(&self) {
        self.heard.lock().unwrap().held_back += 1;
    }
    fn velocity(&self, tenant: Option<&str>, usd: f64) {
        self.heard.lock().unwrap().velocity.insert(tenant.unwrap_or("").to_owned(), usd);
    }
    fn forgotten(&self, what: Forgotten, count: u64) {
        let name = match what {
            Forgotten::Waiting => "waiting",
            Forgotten::OpenRun => "open run",
            Forgotten::Baseline => "baseline",
            Forgotten::Calls => "calls",
            Forgotten::Tenant => "tenant",
        };
        *self.heard.lock().unwrap().forgotten.entry(name).or_default() += count;
    }
}

impl Notices for Ear {
    fn say(&self, notice: Notice) {
        self.told.lock().unwrap().push(notice);
    }
}

/// What a made-up span is.
#[derive(Debug, Clone, PartialEq)]
enum What {
    Plain,
    Workflow(String),
    Agent(String),
    Step(String),
    Llm { usd: Option<f64>, tenant: Option<String> },
    Tool { name: String, arguments: Option<String> },
}

/// A made-up span. Ids count from 1; parent 0 is none.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    trace: u64,
    id: u64,
    parent: u64,
    start_ns: u64,
    seconds: f64,
    failed: bool,
    what: What,
}

fn made(trace: u64, id: u64, parent: u64, what: What) -> Made {
    Made { trace, id, parent, start_ns: BEGIN_NS + id, seconds: 1.0, failed: false, what }
}

fn workflow(name: &str) -> What {
    What::Workflow(name.to_owned())
}

fn llm(usd: f64) -> What {
    What::Llm { usd: Some(usd), tenant: None }
}

fn tool(name: &str, arguments: &str) -> What {
    What::Tool { name: name.to_owned(), arguments: Some(arguments.to_owned()) }
}

/// A watch and what it says.
struct World {
    watch: Watch,
    ear: Ear,
}

impl World {
    fn new(options: WatchOptions) -> Self {
        let ear = Ear::default();
        let watch = Watch::new(options, Box::new(ear.clone()), Arc::new(ear.clone()));
        Self { watch, ear }
    }

    /// A span arrives so many seconds after the beginning.
    fn see(&mut self, second: f64, made: &Made) {
        self.see_as(Moment { arrived_ns: at(second), live: true }, made);
    }

    fn see_as(&mut self, moment: Moment, made: &Made) {
        let operation = match &made.what {
            What::Plain => Operation::Other,
            What::Workflow(name) => Operation::Workflow(WorkflowRun { name }),
            What::Agent(name) => Operation::Agent(AgentRun { name }),
            What::Step(name) => Operation::Step(WorkflowStep { name, agent: name }),
            What::Llm { .. } => Operation::Llm(LlmCall {
                operation: "chat",
                request_model: Some("gpt-4o"),
                ..LlmCall::default()
            }),
            What::Tool { name, arguments } => Operation::Tool(ToolCall {
                name,
                arguments: arguments.as_deref(),
                ..ToolCall::default()
            }),
        };
        let (usd, tenant) = match &made.what {
            What::Llm { usd, tenant } => (*usd, tenant.as_deref()),
            _ => (None, None),
        };
        let settled = Settled {
            counts: true,
            usage: Usage { input: Some(10), output: Some(5), ..Usage::default() },
            cost_usd: usd,
            cost_state: Some(if usd.is_some() { CostState::Priced } else { CostState::Unpriced }),
            ..Settled::default()
        };
        let known =
            Understanding { operation, failed: made.failed, tenant, ..Understanding::default() };
        let settled = matches!(made.what, What::Llm { .. }).then_some(&settled);
        let origin = Origin::default();
        let seen = SeenSpan { moment, origin: &origin, span: &span(made), known: &known, settled };
        self.watch.span(&seen);
    }

    /// Nothing comes until this second.
    fn silence(&mut self, second: f64) {
        let now_ns = at(second) + limits::WATCH_SETTLE_SECONDS * SECOND_NS;
        self.watch.tick(now_ns - 1);
        self.watch.tick(now_ns);
    }

    fn heard(&self) -> Heard {
        self.ear.heard.lock().unwrap().clone()
    }

    fn found(&self) -> Vec<(Kind, String)> {
        self.heard().found
    }

    fn told(&self) -> Vec<Notice> {
        self.ear.told.lock().unwrap().clone()
    }
}

fn at(second: f64) -> u64 {
    BEGIN_NS + (second * 1e9) as u64
}

fn span(made: &Made) -> Span<'static> {
    let id = |id: u64| SpanId::from_bytes(&id.to_be_bytes());
    let trace = u128::from(made.trace).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Span {
        trace_id: TraceId::from_bytes(&trace.to_be_bytes()).unwrap(),
        span_id: id(made.id).unwrap(),
        parent_span_id: id(made.parent),
        trace_state: "",
        name: "",
        kind: SpanKind::Internal,
        start_ns: made.start_ns,
        end_ns: made.start_ns + (made.seconds * 1e9) as u64,
        status: Status::Unset,
        status_message: "",
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    }
}
