//! Playing one agent run as a neutral tree of steps.

use super::fleet::{AGENTS, Agent, LeansOn, Model, TENANTS, Tool};
use super::rhythm;

/// One run: a tree of steps, parents before children.
pub(super) struct Run {
    pub(super) agent: &'static Agent,
    pub(super) tenant: &'static str,
    pub(super) conversation: u64,
    pub(super) user: u64,
    pub(super) trace: u128,
    pub(super) steps: Vec<Step>,
}

/// One step of a run. Times are nanoseconds after the run's start.
pub(super) struct Step {
    pub(super) id: u64,
    pub(super) parent: Option<usize>,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) failure: Option<Failure>,
    pub(super) what: What,
}

/// Why a step failed.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) class: &'static str,
    pub(super) message: &'static str,
}

/// What a step does.
pub(super) enum What {
    Serve { status: u16 },
    Workflow,
    Agent,
    Llm(Call),
    Tool { tool: &'static Tool, arguments: String },
    Query { table: &'static str },
    Request { service: &'static str, status: u16 },
}

/// One model call.
pub(super) struct Call {
    pub(super) model: &'static Model,
    pub(super) input_tokens: u64,
    pub(super) cached_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) first_token_seconds: f64,
}

const RATE_LIMITED: Failure = Failure {
    class: "RateLimitError",
    message: "429: rate limit reached for requests, retry after 20 s",
};
const OVERLOADED: Failure =
    Failure { class: "InternalServerError", message: "529: the model is overloaded" };
const TIMED_OUT: Failure = Failure { class: "TimeoutError", message: "no answer within 30 s" };
const TOOL_FAILED: Failure = Failure { class: "ToolError", message: "the tool answered an error" };
const GAVE_UP: Failure =
    Failure { class: "AgentError", message: "the run gave up after its model call failed" };
const SECOND: f64 = 1e9;
/// How long a call of a tool takes that hangs.
const HANG_SECONDS: f64 = 75.0;

/// Plays one run that ends now.
pub(super) fn play(dice: &mut fastrand::Rng, now_ns: u64) -> Run {
    let agent = pick(dice);
    let mut player = Player { dice, now_ns, clock: 0, steps: Vec::new(), agent };
    player.run();
    let steps = player.steps;
    Run {
        agent,
        tenant: TENANTS[dice.usize(..TENANTS.len()).min(dice.usize(..TENANTS.len()))],
        conversation: dice.u64(1..40),
        user: dice.u64(1..400),
        trace: dice.u128(1..),
        steps,
    }
}

fn pick(dice: &mut fastrand::Rng) -> &'static Agent {
    let total: u32 = AGENTS.iter().map(|agent| agent.weight).sum();
    let mut at = dice.u32(..total);
    for agent in &AGENTS {
        if at < agent.weight {
            return agent;
        }
        at -= agent.weight;
    }
    &AGENTS[0]
}

struct Player<'d> {
    dice: &'d mut fastrand::Rng,
    now_ns: u64,
    clock: u64,
    steps: Vec<Step>,
    agent: &'static Agent,
}

impl Player<'_> {
    fn run(&mut self) {
        let serve = self.begin(None, What::Serve { status: 200 });
        let workflow = self.begin(Some(serve), What::Workflow);
        let agent = self.begin(Some(workflow), What::Agent);
        // One run in 150 forgets what it did and asks the same tool again and again.
        let looping = self.dice.u32(..150) == 0;
        let turns = if looping { 14 } else { self.dice.u32(1..=self.agent.turns * 2) };
        let mut failure = None;
        let mut context = self.dice.u64(400..1_600);
        for turn in 0..turns {
            failure = self.call(agent, &mut context);
            if failure.is_some() {
                break;
            }
            if turn + 1 < turns && !self.agent.tools.is_empty() {
                self.tool(agent, looping);
            }
        }
        let failure = failure.map(|_| GAVE_UP);
        for step in [agent, workflow, serve] {
            self.clock += 2_000_000;
            self.end(step, failure);
        }
        if failure.is_some() {
            self.steps[serve].what = What::Serve { status: 502 };
        }
    }

    fn call(&mut self, parent: usize, context: &mut u64) -> Option<Failure> {
        let model = self.agent.model;
        let incident = rhythm::in_incident(model.provider, self.now_ns);
        let slower = if incident { 3.0 } else { 1.0 };
        let first = rhythm::tail(self.dice, model.first_token_seconds * slower);
        let output_tokens = (rhythm::tail(self.dice, 180.0) as u64).max(1);
        let cached_tokens = if *context > 1_024 { *context / 2 } else { 0 };
        let fails = model.failures_per_thousand * if incident { 20 } else { 1 };
        let failure = (self.dice.u32(..1_000) < fails)
            .then(|| [RATE_LIMITED, OVERLOADED, TIMED_OUT][self.dice.usize(..3)]);
        let call = Call {
            model,
            input_tokens: *context,
            cached_tokens,
            output_tokens,
            first_token_seconds: first,
        };
        let step = self.begin(Some(parent), What::Llm(call));
        let speed = model.tokens_per_second / slower;
        let seconds = if failure.is_some() { first } else { first + output_tokens as f64 / speed };
        self.clock += (seconds * SECOND) as u64;
        self.end(step, failure);
        *context += output_tokens + self.dice.u64(50..900);
        failure
    }

    fn tool(&mut self, parent: usize, looping: bool) {
        let tools = self.agent.tools;
        let tool = if looping { &tools[0] } else { &tools[self.dice.usize(..tools.len())] };
        let wanted = if looping { 7 } else { self.dice.u32(1..100_000) };
        let failure = (self.dice.u32(..1_000) < tool.failures_per_thousand).then_some(TOOL_FAILED);
        let arguments = format!(r#"{{"id":{wanted}}}"#);
        let step = self.begin(Some(parent), What::Tool { tool, arguments });
        // One call in 500 hangs, and makes its run slower than the others of its workflow.
        let hung = if self.dice.u32(..500) == 0 { HANG_SECONDS } else { 0.0 };
        let seconds = rhythm::tail(self.dice, tool.typical_seconds) + hung;
        self.clock += 1_000_000;
        let inner = match tool.leans_on {
            LeansOn::Nothing => None,
            LeansOn::Table(table) => Some(What::Query { table }),
            LeansOn::Service(service) => {
                let status = if failure.is_some() { 503 } else { 200 };
                Some(What::Request { service, status })
            }
        };
        let inner = inner.map(|what| self.begin(Some(step), what));
        self.clock += (seconds * SECOND) as u64;
        if let Some(inner) = inner {
            self.end(inner, failure);
        }
        self.clock += 500_000;
        self.end(step, failure);
    }

    fn begin(&mut self, parent: Option<usize>, what: What) -> usize {
        self.clock += 300_000;
        let id = self.dice.u64(1..);
        let start_ns = self.clock;
        self.steps.push(Step { id, parent, start_ns, end_ns: start_ns, failure: None, what });
        self.steps.len() - 1
    }

    fn end(&mut self, step: usize, failure: Option<Failure>) {
        self.steps[step].end_ns = self.clock;
        self.steps[step].failure = failure;
    }
}
