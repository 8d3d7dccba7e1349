//! What the spans of a committed batch say, recorded: the projection of the log into metrics.
//!
//! One thread owns it, reads the log in order and takes the snapshots, so that counters after a
//! crash are what they would have been without one.
//!
//! What the labels hold is said in the catalog of the requirements; where a span says nothing,
//! a label holds `unknown` (and `endpoint` holds `unmatched`).

mod cache;
mod gateway;
mod kept;
mod lineage;
mod llm;
mod operations;
mod pairs;
mod reports;

use ::metrics::{Counter, Histogram};

use super::cardinality::{OTHER, UNKNOWN};
use super::catalog;
use super::exemplar::Measuring;
use super::registry::Registry;
use crate::limits;
use crate::model::{
    DbQuery, HttpExchange, Operation, Origin, Settled, Signal, Span, Understanding, Unexplained,
};
use cache::{Cache, Lookup};
use gateway::Gateways;
use lineage::Lineage;
use operations::Operations;
use pairs::Pairs;
use reports::Connections;

/// The endpoint of a request that matched no route.
const UNMATCHED: &str = "unmatched";
/// The longest class of an error; what is longer, or has blanks, is a message.
const ERROR_CLASS_BYTES: usize = 96;

/// Records what spans say.
#[derive(Debug)]
pub struct Measures {
    registry: Registry,
    /// When the batch that is being measured arrived.
    arrived_ns: u64,
    stored: [Counter; 3],
    received: [Counter; 3],
    duplicate_reports: Counter,
    llm: llm::Llm,
    http_servers: Cache<2, HttpServer>,
    service_calls: Cache<2, Outcomes>,
    queries: Cache<2, Timed>,
    tools: Cache<1, Outcomes>,
    agents: Cache<2, Timed>,
    lineage: Lineage,
    operations: Operations,
    pairs: Pairs,
    connections: Connections,
    gateways: Gateways,
    steps: Cache<1, Counter>,
    workflows: Cache<2, Timed>,
    workflow_steps: Cache<2, Histogram>,
    errors: Cache<1, Counter>,
    unexplained: Cache<2, Counter>,
}

/// Whether a batch was just accepted or is measured again after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It came in through the door of this process, which counted it as received.
    Live,
    /// It was in the log when this process started.
    Replayed,
}

/// Handles of one route.
#[derive(Debug)]
struct HttpServer {
    duration: Histogram,
    by_status: Vec<(Option<u16>, Counter)>,
}

/// Handles of something that succeeds or fails and whose duration is one family.
#[derive(Debug)]
struct Outcomes {
    success: Counter,
    error: Counter,
    duration: Histogram,
}

/// Handles of a count with its duration.
#[derive(Debug)]
struct Timed {
    count: Counter,
    duration: Histogram,
}

impl Measures {
    /// Handles over the durable families of a registry.
    pub fn new(registry: &Registry) -> Self {
        let signals =
            |family| Signal::ALL.map(|signal: Signal| registry.counter(family, &[signal.name()]));
        Self {
            registry: registry.clone(),
            arrived_ns: 0,
            stored: signals(&catalog::INGEST_STORED),
            received: signals(&catalog::INGEST_RECEIVED),
            duplicate_reports: registry.counter(&catalog::DUPLICATE_LLM_REPORTS, &[]),
            llm: llm::Llm::default(),
            http_servers: Cache::default(),
            service_calls: Cache::default(),
            queries: Cache::default(),
            tools: Cache::default(),
            agents: Cache::default(),
            lineage: Lineage::new(limits::LINEAGE_SPANS),
            operations: Operations::default(),
            pairs: Pairs::new(),
            connections: Connections::default(),
            gateways: Gateways::default(),
            steps: Cache::default(),
            workflows: Cache::default(),
            workflow_steps: Cache::default(),
            errors: Cache::default(),
            unexplained: Cache::default(),
        }
    }

    /// A batch was read from the log: its items are stored. Those of a replayed batch are also
    /// received, which the process that received them can no longer tell.
    pub fn batch(&mut self, signal: Signal, items: u64, arrival: Arrival) {
        let index = signal as usize - 1;
        self.stored[index].increment(items);
        if arrival == Arrival::Replayed {
            self.received[index].increment(items);
        }
    }

    /// What follows arrived at this time, in nanoseconds since the Unix epoch.
    pub fn arrived(&mut self, at_ns: u64) {
        self.arrived_ns = at_ns;
    }

    /// A span of a batch. `settled` says what of an LLM call is to be counted at this report of
    /// it; without it the call counts in full. A second report adds what the first one did not
    /// know, and is no request, no step and no error of its own.
    pub fn span(
        &mut self,
        origin: &Origin<'_>,
        span: &Span<'_>,
        understanding: &Understanding<'_>,
        settled: Option<&Settled>,
    ) {
        let registry = self.registry.clone();
        let lookup = &mut Lookup::new(&registry, origin);
        let seconds = span.duration_seconds();
        let failed = understanding.failed;
        let _measuring = Measuring::begin(span, self.arrived_ns, failed);
        let step = is_step(&understanding.operation, settled);
        if let Some((agent, steps)) = self.lineage.arrive(span, agent_of(understanding), step) {
            self.steps.get([&*agent], lookup, agent_step).increment(steps);
        }
        // Each report of a gateway is a request of its own, also where its call is known.
        if let Some(exchange) = &understanding.gateway {
            self.gateways.record(lookup, exchange);
        }
        self.aside(origin, understanding);
        match &understanding.operation {
            Operation::Llm(call) => {
                let whole;
                let settled = match settled {
                    Some(settled) => settled,
                    None => {
                        whole = Settled::whole(call);
                        &whole
                    }
                };
                let own = self.pairs.call(span, failed);
                self.llm.record(lookup, call, settled, (failed, seconds), own);
                if !settled.counts {
                    self.duplicate_reports.increment(1);
                    return;
                }
            }
            Operation::Tool(call) => {
                let tool = self.tools.get([call.name], lookup, tool);
                tool.record(failed, seconds);
            }
            Operation::Agent(run) => {
                let key = [run.name, status(failed)];
                self.agents.get(key, lookup, agent).record(seconds);
            }
            Operation::Workflow(run) => {
                let key = [run.name, status(failed)];
                self.workflows.get(key, lookup, workflow).record(seconds);
            }
            Operation::Step(step) => {
                let key = [step.agent, status(failed)];
                self.workflow_steps.get(key, lookup, workflow_step).record(seconds);
            }
            Operation::HttpServer(exchange) => self.http_server(lookup, exchange, seconds),
            Operation::HttpClient(exchange) => {
                let key = [exchange.peer, exchange.method];
                self.service_calls.get(key, lookup, service_call).record(failed, seconds);
            }
            Operation::Db(query) => self.query(lookup, query, seconds),
            own => self.own_operation(lookup, span, own, (failed, seconds)),
        }
        if failed {
            let class = error_class(understanding.error_type);
            self.errors.get([class], lookup, error).increment(1);
        }
        if let Some(Unexplained { scope, attribute }) = understanding.unexplained {
            self.unexplained.get([scope, attribute], lookup, unexplained).increment(1);
        }
    }

    fn http_server(&mut self, lookup: &mut Lookup<'_>, exchange: &HttpExchange<'_>, seconds: f64) {
        let endpoint = exchange.route.filter(|route| !route.is_empty()).unwrap_or(UNMATCHED);
        let key = [exchange.method, endpoint];
        let server = self.http_servers.get(key, lookup, http_server);
        server.duration.record(seconds);
        let code = exchange.status_code;
        if let Some((_, counter)) = server.by_status.iter().find(|(known, _)| *known == code) {
            counter.increment(1);
            return;
        }
        let text = code.map_or_else(|| UNKNOWN.to_owned(), |code| code.to_string());
        let (counter, exact) = lookup.counter(&catalog::HTTP_REQUESTS, &[key[0], key[1], &text]);
        counter.increment(1);
        if exact {
            server.by_status.push((code, counter));
        }
    }

    fn query(&mut self, lookup: &mut Lookup<'_>, query: &DbQuery<'_>, seconds: f64) {
        let key = [&*query.operation, &*query.table];
        self.queries.get(key, lookup, db_query).record(seconds);
    }
}

impl Outcomes {
    fn record(&self, failed: bool, seconds: f64) {
        if failed { &self.error } else { &self.success }.increment(1);
        self.duration.record(seconds);
    }
}

impl Timed {
    fn record(&self, seconds: f64) {
        self.count.increment(1);
        self.duration.record(seconds);
    }
}

/// The value of a `status` label outside HTTP.
fn status(failed: bool) -> &'static str {
    if failed { "error" } else { "success" }
}

/// Whether this is a step of an agent: a tool call, an LLM call at its first report, or what an
/// app calls a step itself.
fn is_step(operation: &Operation<'_>, settled: Option<&Settled>) -> bool {
    match operation {
        Operation::Tool(_) | Operation::AgentStep(_) => true,
        Operation::Llm(_) => settled.is_none_or(|settled| settled.counts),
        _ => false,
    }
}

/// The agent that a span names: of a run, the one that ran.
fn agent_of<'a>(understanding: &Understanding<'a>) -> Option<&'a str> {
    match &understanding.operation {
        Operation::Agent(run) => Some(run.name),
        _ => understanding.agent,
    }
}

/// The class of an error, which is a word. Hand-written instrumentation puts whole messages
/// there; they would use up the values that real classes need.
fn error_class(class: Option<&str>) -> &str {
    match class.map(str::trim) {
        None | Some("") => UNKNOWN,
        Some(class) if class.len() > ERROR_CLASS_BYTES || class.contains(char::is_whitespace) => {
            OTHER
        }
        Some(class) => class,
    }
}

fn tool(lookup: &mut Lookup<'_>, [name]: [&str; 1]) -> Outcomes {
    Outcomes {
        success: lookup.counter(&catalog::TOOL_CALLS, &[name, "true"]).0,
        error: lookup.counter(&catalog::TOOL_CALLS, &[name, "false"]).0,
        duration: lookup.histogram(&catalog::TOOL_DURATION, &[name]),
    }
}

fn agent(lookup: &mut Lookup<'_>, key: [&str; 2]) -> Timed {
    lookup.both_outcomes(&catalog::AGENT_RUNS, &key[..1]);
    Timed {
        count: lookup.counter(&catalog::AGENT_RUNS, &key).0,
        duration: lookup.histogram(&catalog::AGENT_RUN_DURATION, &key),
    }
}

fn agent_step(lookup: &mut Lookup<'_>, agent: [&str; 1]) -> Counter {
    lookup.counter(&catalog::AGENT_STEPS, &agent).0
}

fn workflow(lookup: &mut Lookup<'_>, key: [&str; 2]) -> Timed {
    lookup.both_outcomes(&catalog::WORKFLOW_RUNS, &key[..1]);
    Timed {
        count: lookup.counter(&catalog::WORKFLOW_RUNS, &key).0,
        duration: lookup.histogram(&catalog::WORKFLOW_DURATION, &key),
    }
}

fn workflow_step(lookup: &mut Lookup<'_>, key: [&str; 2]) -> Histogram {
    lookup.histogram(&catalog::WORKFLOW_STEP_DURATION, &key)
}

fn http_server(lookup: &mut Lookup<'_>, key: [&str; 2]) -> HttpServer {
    let duration = lookup.histogram(&catalog::HTTP_REQUEST_DURATION, &key);
    HttpServer { duration, by_status: Vec::new() }
}

fn service_call(lookup: &mut Lookup<'_>, [name, method]: [&str; 2]) -> Outcomes {
    let calls = &catalog::SERVICE_CALLS;
    Outcomes {
        success: lookup.counter(calls, &[name, method, "success"]).0,
        error: lookup.counter(calls, &[name, method, "error"]).0,
        duration: lookup.histogram(&catalog::SERVICE_CALL_DURATION, &[name, method]),
    }
}

fn db_query(lookup: &mut Lookup<'_>, key: [&str; 2]) -> Timed {
    Timed {
        count: lookup.counter(&catalog::DB_QUERIES, &key).0,
        duration: lookup.histogram(&catalog::DB_QUERY_DURATION, &key),
    }
}

fn error(lookup: &mut Lookup<'_>, class: [&str; 1]) -> Counter {
    lookup.counter(&catalog::ERRORS, &class).0
}

fn unexplained(lookup: &mut Lookup<'_>, key: [&str; 2]) -> Counter {
    lookup.counter(&catalog::UNEXPLAINED_LLM_SPANS, &key).0
}

#[cfg(test)]
pub(super) mod tests;
