//! What is recorded of spans, read back from the page.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::metrics::catalog::{Family, *};
use crate::metrics::snapshot::tests::durable;
use crate::metrics::{CardinalityOptions, Ingest, Value};
use crate::model::{
    AgentRun, Attribute, Cost, LlmCall, Scope, SpanId, SpanKind, Status, ToolCall, TraceId, Usage,
    Value as V, WorkflowRun, WorkflowStep,
};

/// A span of so many seconds.
pub(crate) fn span(seconds: f64) -> Span<'static> {
    Span {
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[2; 8]).unwrap(),
        parent_span_id: None,
        trace_state: "",
        name: "work",
        kind: SpanKind::Internal,
        start_ns: 1_000_000_000,
        end_ns: 1_000_000_000 + (seconds * 1e9) as u64,
        status: Status::Unset,
        status_message: "",
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    }
}

pub(crate) fn origin(service: &str) -> Origin<'_> {
    let resource = vec![Attribute { key: "service.name", value: V::Text(service) }];
    Origin { resource, scope: Scope::default() }
}

pub(crate) fn understood(operation: Operation<'_>) -> Understanding<'_> {
    Understanding { operation, ..Default::default() }
}

pub(crate) fn failed<'a>(operation: Operation<'a>, class: Option<&'a str>) -> Understanding<'a> {
    Understanding { operation, failed: true, error_type: class, ..Default::default() }
}

pub(crate) fn llm<'a>(model: &'a str) -> LlmCall<'a> {
    LlmCall {
        operation: "chat",
        provider: Cow::Borrowed("openai"),
        request_model: Some(model),
        usage: Usage { input: Some(100), output: Some(21), ..Default::default() },
        ..Default::default()
    }
}

/// A registry with its measures.
struct Bench {
    registry: Registry,
    measures: Measures,
}

impl Bench {
    fn new() -> Self {
        let registry = Registry::default();
        Self { measures: Measures::new(&registry), registry }
    }

    fn span(&mut self, seconds: f64, understanding: &Understanding<'_>) {
        self.measures.span(&origin("shop"), &span(seconds), understanding, None);
    }

    #[track_caller]
    fn check(&self, family: &'static Family, with: &[(&str, &str)], expected: f64) {
        assert_eq!(self.registry.total(family, with), expected, "{} {with:?}", family.name);
    }

    fn sum(&self, family: &'static Family) -> f64 {
        let readings = self.registry.readings(family);
        let sums = readings.iter().map(|reading| match reading.value {
            Value::Observations { sum, .. } => sum,
            Value::Number(number) => number,
        });
        sums.sum()
    }
}

#[test]
fn an_http_request_counts_by_route_and_code() {
    let mut bench = Bench::new();
    let exchange = |route, status_code| {
        let exchange = HttpExchange { method: "GET", route, status_code, peer: "" };
        understood(Operation::HttpServer(exchange))
    };
    bench.span(0.2, &exchange(Some("/chat/{id}"), Some(200)));
    bench.span(0.3, &exchange(Some("/chat/{id}"), Some(200)));
    bench.span(0.1, &exchange(Some("/chat/{id}"), Some(503)));
    bench.span(0.1, &exchange(None, Some(404)));
    bench.span(0.1, &exchange(Some(""), None));
    let chat = ("endpoint", "/chat/{id}");
    bench.check(&HTTP_REQUESTS, &[chat, ("status", "200"), ("method", "GET")], 2.0);
    bench.check(&HTTP_REQUESTS, &[chat, ("status", "503")], 1.0);
    bench.check(&HTTP_REQUESTS, &[("endpoint", "unmatched"), ("status", "404")], 1.0);
    bench.check(&HTTP_REQUESTS, &[("endpoint", "unmatched"), ("status", "unknown")], 1.0);
    bench.check(&HTTP_REQUEST_DURATION, &[chat], 3.0);
}

#[test]
fn an_llm_call_counts_tokens_speed_and_provider() {
    let mut bench = Bench::new();
    let call = LlmCall {
        time_to_first_token_seconds: Some(0.5),
        usage: Usage { cached: Some(40), reasoning: Some(8), ..llm("gpt-4o").usage },
        cost: Cost::reported(0.01),
        ..llm("gpt-4o")
    };
    let understanding =
        Understanding { agent: Some("planner"), ..understood(Operation::Llm(call)) };
    bench.span(2.5, &understanding);
    let model = ("model", "gpt-4o");
    bench.check(&LLM_REQUESTS, &[("provider", "openai"), model, ("status", "success")], 1.0);
    bench.check(&LLM_TOKENS, &[model, ("token_type", "prompt")], 100.0);
    bench.check(&LLM_TOKENS, &[model, ("token_type", "completion")], 21.0);
    bench.check(&LLM_CACHED_TOKENS, &[], 40.0);
    bench.check(&LLM_REASONING_TOKENS, &[], 8.0);
    bench.check(&LLM_COST, &[], 0.01);
    bench.check(&LLM_UNPRICED_REQUESTS, &[], 0.0);
    bench.check(&PROVIDER_REQUESTS, &[("endpoint", "chat"), ("status", "success")], 1.0);
    bench.check(&AGENT_STEPS, &[("agent_type", "planner")], 1.0);
    assert_eq!(bench.sum(&LLM_TIME_TO_FIRST_TOKEN), 0.5);
    assert!((bench.sum(&LLM_TIME_PER_OUTPUT_TOKEN) - 0.1).abs() < 1e-9);
    assert!(bench.registry.readings(&LLM_CACHE_WRITE_TOKENS).is_empty(), "nobody reported it");
}

#[test]
fn a_call_without_a_price_is_unpriced_and_never_free() {
    let mut bench = Bench::new();
    let free = LlmCall { reported_cost_usd: Some(0.0), ..llm("local") };
    let absurd = LlmCall { cost: Cost::reported(f64::INFINITY), ..llm("local") };
    bench.span(1.0, &understood(Operation::Llm(llm("local"))));
    bench.span(1.0, &understood(Operation::Llm(free)));
    bench.span(1.0, &understood(Operation::Llm(absurd)));
    bench.span(1.0, &failed(Operation::Llm(llm("local")), Some("RateLimitError")));
    bench.check(&LLM_UNPRICED_REQUESTS, &[("model", "local")], 3.0);
    bench.check(&LLM_REQUESTS, &[("status", "error")], 1.0);
    bench.check(&ERRORS, &[("kind", "RateLimitError")], 1.0);
    assert!(bench.registry.readings(&LLM_COST).is_empty(), "no cost is known");
}

#[test]
fn a_second_report_adds_only_what_was_missing() {
    let mut bench = Bench::new();
    let call = llm("gpt-4o");
    let first = Settled { usage: Usage::default(), ..Settled::whole(&call) };
    let second = Settled { counts: false, cost_usd: Some(0.5), ..Settled::whole(&call) };
    // The second instrumentation names the model otherwise; the ledger's labels are the first's.
    for (model, settled) in [("gpt-4o", first), ("gpt-4o-2024-08-06", second)] {
        let operation = Operation::Llm(llm(model));
        let understanding = Understanding { agent: Some("planner"), ..failed(operation, None) };
        bench.measures.span(&origin("shop"), &span(1.0), &understanding, Some(&settled));
    }
    bench.check(&ERRORS, &[], 1.0);
    bench.check(&LLM_REQUESTS, &[], 1.0);
    bench.check(&LLM_REQUEST_DURATION, &[], 1.0);
    bench.check(&PROVIDER_REQUESTS, &[], 1.0);
    bench.check(&AGENT_STEPS, &[], 1.0);
    bench.check(&LLM_TOKENS, &[("model", "gpt-4o")], 121.0);
    bench.check(&LLM_COST, &[("model", "gpt-4o")], 0.5);
    bench.check(&DUPLICATE_LLM_REPORTS, &[], 1.0);
}

#[test]
fn what_cannot_be_true_is_not_recorded() {
    let mut bench = Bench::new();
    let call = LlmCall {
        usage: Usage { input: Some(u64::MAX), output: Some(1), ..Default::default() },
        time_to_first_token_seconds: Some(9.0),
        cost: Cost::reported(-3.0),
        ..llm("gpt-4o")
    };
    bench.span(1.0, &understood(Operation::Llm(call)));
    bench.check(&LLM_TOKENS, &[], 1.0);
    assert!(bench.registry.readings(&LLM_TIME_TO_FIRST_TOKEN).is_empty(), "longer than the call");
    assert!(bench.registry.readings(&LLM_COST).is_empty());
    let page = bench.registry.render();
    assert!(page.contains("pharos_metrics_invalid_values_total 2"), "{page}");
}

#[test]
fn tools_agents_workflows_services_and_databases() {
    let mut bench = Bench::new();
    let tool = ToolCall { name: "search", ..Default::default() };
    bench.span(0.1, &understood(Operation::Tool(tool.clone())));
    bench.span(0.1, &failed(Operation::Tool(tool), None));
    bench.check(&TOOL_CALLS, &[("tool_name", "search"), ("success", "true")], 1.0);
    bench.check(&TOOL_CALLS, &[("success", "false")], 1.0);
    bench.check(&TOOL_DURATION, &[], 2.0);
    bench.check(&ERRORS, &[("kind", "unknown")], 1.0);

    bench.span(9.0, &understood(Operation::Agent(AgentRun { name: "planner" })));
    bench.check(&AGENT_RUNS, &[("agent_type", "planner"), ("status", "success")], 1.0);
    bench.check(&AGENT_RUN_DURATION, &[("status", "success")], 1.0);
    bench.check(&AGENT_STEPS, &[], 0.0);

    bench.span(9.0, &failed(Operation::Workflow(WorkflowRun { name: "onboard" }), None));
    bench.check(&WORKFLOW_RUNS, &[("workflow", "onboard"), ("status", "error")], 1.0);
    bench.check(&WORKFLOW_DURATION, &[("workflow", "onboard")], 1.0);

    let step = WorkflowStep { name: "fetch", agent: "planner" };
    bench.span(9.0, &understood(Operation::Step(step)));
    bench.check(&WORKFLOW_STEP_DURATION, &[("agent", "planner")], 1.0);

    let exchange =
        HttpExchange { method: "POST", route: None, status_code: Some(500), peer: "api.shop" };
    bench.span(0.2, &failed(Operation::HttpClient(exchange), Some("500")));
    let labels = [("service_name", "api.shop"), ("method", "POST"), ("status", "error")];
    bench.check(&SERVICE_CALLS, &labels, 1.0);
    bench.check(&SERVICE_CALL_DURATION, &labels[..2], 1.0);

    let query = DbQuery {
        system: "postgresql",
        operation: "SELECT".into(),
        table: "users".into(),
        connections: None,
    };
    bench.span(0.01, &understood(Operation::Db(query)));
    bench.check(&DB_QUERIES, &[("operation", "SELECT"), ("table", "users")], 1.0);
    bench.check(&DB_QUERY_DURATION, &[], 1.0);
}

#[test]
fn error_messages_are_no_classes() {
    let mut bench = Bench::new();
    for class in ["Timeout", "could not reach 10.0.0.1", &"x".repeat(500), " "] {
        bench.span(0.1, &failed(Operation::Other, Some(class)));
    }
    bench.check(&ERRORS, &[("kind", "Timeout")], 1.0);
    bench.check(&ERRORS, &[("kind", "other")], 2.0);
    bench.check(&ERRORS, &[("kind", "unknown")], 1.0);
}

#[test]
fn unexplained_spans_are_named() {
    let mut bench = Bench::new();
    let unexplained = Some(Unexplained { scope: "homemade", attribute: "llm.thing" });
    bench.span(0.1, &Understanding { unexplained, ..Default::default() });
    let labels = [("scope", "homemade"), ("attribute", "llm.thing")];
    bench.check(&UNEXPLAINED_LLM_SPANS, &labels, 1.0);
}

#[test]
fn a_replayed_batch_was_also_received() {
    let mut bench = Bench::new();
    bench.measures.batch(Signal::Traces, 3, Arrival::Live);
    bench.measures.batch(Signal::Traces, 4, Arrival::Replayed);
    bench.check(&INGEST_STORED, &[("signal", "traces")], 7.0);
    bench.check(&INGEST_RECEIVED, &[("signal", "traces")], 4.0);
}

#[test]
fn overflow_is_counted_every_time_and_named() {
    let options = CardinalityOptions { label_values: 2, ..Default::default() };
    let registry = Registry::new(options);
    let mut measures = Measures::new(&registry);
    for _ in 0..3 {
        for name in ["a", "b", "c", "d"] {
            let tool = ToolCall { name, ..Default::default() };
            let understanding = understood(Operation::Tool(tool));
            measures.span(&origin("noisy"), &span(0.1), &understanding, None);
        }
    }
    assert_eq!(registry.total(&TOOL_CALLS, &[("tool_name", "a")]), 3.0);
    assert_eq!(registry.total(&TOOL_CALLS, &[("tool_name", "other")]), 6.0);
    let offenders = registry.offenders();
    let offender =
        offenders.iter().find(|offender| offender.metric == "tool_duration_seconds").unwrap();
    assert_eq!(offender.label.as_deref(), Some("tool_name"));
    assert_eq!(offender.overflowed, 6);
    assert_eq!(offender.samples, ["c", "d"]);
    assert_eq!(offender.service.as_deref(), Some("noisy"));
}

/// A batch of one span, as it is measured; `kind` and `name` choose what the span says.
fn measure(measures: &mut Measures, batch: &(u8, u8, u16), arrival: Arrival) {
    let (kind, name_number, millis) = batch;
    let name = format!("name-{name_number}");
    let call = LlmCall { cost: Cost::reported(f64::from(*millis) / 7e3), ..llm(&name) };
    let understanding = match kind {
        0 => understood(Operation::Llm(call)),
        1 => failed(Operation::Tool(ToolCall { name: &name, ..Default::default() }), Some(&name)),
        2 => understood(Operation::Agent(AgentRun { name: &name })),
        _ => understood(Operation::HttpServer(HttpExchange {
            method: "GET",
            route: Some(&name),
            status_code: Some(*millis),
            peer: "",
        })),
    };
    measures.batch(Signal::Traces, 1, arrival);
    let id = |number: u8| SpanId::from_bytes(&[number; 8]);
    let span = Span {
        span_id: id(name_number + 1).unwrap(),
        parent_span_id: id((millis % 10) as u8),
        ..span(f64::from(*millis) / 1e3)
    };
    measures.span(&origin("shop"), &span, &understanding, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A crash at any moment leaves counters that equal the log, and the same values are `other`.
    #[test]
    fn a_crash_changes_nothing(
        log in prop::collection::vec((0_u8..4, 0_u8..8, any::<u16>()), 1..80),
        saved in any::<prop::sample::Index>(),
        crashed in any::<prop::sample::Index>(),
    ) {
        let (label_values, series_per_metric) = (3, 60);
        let options =
            CardinalityOptions { label_values, series_per_metric, ..Default::default() };
        let crashed = crashed.index(log.len() + 1);
        let saved = saved.index(crashed + 1);
        let live = |measures: &mut Measures, batches: &[(u8, u8, u16)]| {
            let ingest = Ingest::new(&measures.registry);
            for batch in batches {
                ingest.received(Signal::Traces, 1);
                measure(measures, batch, Arrival::Live);
            }
        };
        let new = || Measures::new(&Registry::new(options.clone()));
        let mut unharmed = new();
        live(&mut unharmed, &log);

        let mut before = new();
        live(&mut before, &log[..saved]);
        let snapshot = before.snapshot();
        live(&mut before, &log[saved..crashed]);
        let mut after = new();
        after.restore(&snapshot).unwrap();
        for batch in &log[saved..crashed] {
            measure(&mut after, batch, Arrival::Replayed);
        }
        live(&mut after, &log[crashed..]);
        prop_assert_eq!(durable(&after.registry), durable(&unharmed.registry));
        prop_assert_eq!(after.registry.snapshot(), unharmed.registry.snapshot());
        prop_assert_eq!(after.snapshot().len(), unharmed.snapshot().len());
    }
}

#[test]
fn a_damaged_projection_is_refused_whole() {
    let mut bench = Bench::new();
    bench.span(0.1, &understood(Operation::Agent(AgentRun { name: "planner" })));
    let bytes = bench.measures.snapshot();
    let page = bench.registry.render();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(bench.measures.restore(&damaged).is_err(), "byte {at}");
        assert!(bench.measures.restore(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(bench.registry.render(), page);
    bench.measures.restore(&bytes).unwrap();
    bench.measures.forget();
    bench.check(&AGENT_RUNS, &[], 0.0);
}
