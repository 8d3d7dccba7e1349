//! Watching, in a whole Pharos: a run that goes in circles and costs too much becomes a metric,
//! an answer of the API and a log record, and is still all of that after a kill -9.

use pharos::model::{Attribute, Origin, Scope, Span, SpanId, SpanKind, Status, TraceId, Value};
use pharos::otlp::compose;

use crate::harness::{Page, export, get, json, settle, start, until};
use crate::load::process::Process;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const BEGIN_NS: u64 = 1_795_248_000_000_000_000;

fn span<'a>(id: u8, parent: u8, name: &'a str, attributes: Vec<Attribute<'a>>) -> Span<'a> {
    let id_of = |id: u8| SpanId::from_bytes(&[id; 8]);
    Span {
        trace_id: TRACE.parse::<TraceId>().unwrap(),
        span_id: id_of(id).unwrap(),
        parent_span_id: id_of(parent),
        trace_state: "",
        name,
        kind: SpanKind::Internal,
        start_ns: BEGIN_NS + u64::from(id) * 1_000_000,
        end_ns: BEGIN_NS + u64::from(id) * 1_000_000 + 40_000_000_000,
        status: Status::Unset,
        status_message: "",
        attributes,
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    }
}

fn text<'a>(key: &'a str, text: &'a str) -> Attribute<'a> {
    Attribute { key, value: Value::Text(text) }
}

/// A workflow that calls one tool six times over, and a model for 1.5 USD.
fn run() -> Vec<Span<'static>> {
    let tool = |id: u8, arguments| {
        let attributes = vec![
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.tool.name", "search"),
            text("gen_ai.tool.call.arguments", arguments),
        ];
        span(id, 2, "execute_tool search", attributes)
    };
    let call = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-4o"),
        Attribute { key: "gen_ai.usage.cost", value: Value::Double(1.5) },
    ];
    let agent = vec![text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "a")];
    let workflow = vec![
        text("gen_ai.operation.name", "invoke_workflow"),
        text("gen_ai.workflow.name", "order"),
    ];
    let arguments = [r#"{"q":"x","n":1}"#, r#"{ "n": 1, "q": "x" }"#];
    let tools = (10..16_u8).map(|id| tool(id, arguments[usize::from(id % 2)]));
    let mut spans: Vec<Span<'static>> = tools.collect();
    spans.push(span(20, 2, "chat gpt-4o", call));
    spans.push(span(2, 1, "invoke_agent a", agent));
    spans.push(span(1, 0, "invoke_workflow order", workflow));
    spans
}

fn body(spans: &[Span<'_>]) -> Vec<u8> {
    let resource = vec![text("service.name", "shop")];
    let origin = Origin { resource, scope: Scope { name: "shop.tracing", ..Scope::default() } };
    compose::traces(&origin, spans)
}

/// What is to be found, before and after a crash.
fn look(pharos: &Process) {
    let page = Page::of(pharos);
    let sum = |family: &str, labels: &[(&str, &str)]| page.sum(family, labels);
    let order = [("workflow", "order")];
    assert_eq!(sum("workflow_cost_usd_count", &order), 1.0);
    assert_eq!(sum("workflow_cost_usd_sum", &order), 1.5);
    assert_eq!(sum("anomalies_total", &[("kind", "tool_loop"), ("name", "search")]), 1.0);
    let exceeded = |threshold, name| {
        let labels = [("threshold", threshold), ("name", name)];
        sum("performance_threshold_exceeded_total", &labels)
    };
    assert_eq!(exceeded("workflow_cost", "order"), 1.0);
    assert_eq!(exceeded("llm_call_seconds", "gpt-4o"), 1.0);
    assert_eq!(exceeded("workflow_seconds", "order"), 0.0);
    let found = json(pharos, "/api/anomalies?kind=tool_loop");
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "{found}");
    let finding = &found["findings"][0];
    assert_eq!((finding["name"].as_str(), finding["value"].as_f64()), (Some("search"), Some(5.0)));
    assert_eq!(finding["trace_id"], TRACE);
    let all = json(pharos, "/api/anomalies");
    assert_eq!(all["findings"].as_array().unwrap().len(), 3, "{all}");
    let dear = &all["findings"][0];
    assert_eq!((dear["kind"].as_str(), dear["limit"].as_f64()), (Some("workflow_cost"), Some(1.0)));
    assert_eq!(
        (dear["used"]["llm_calls"].as_u64(), dear["used"]["tool_calls"].as_u64()),
        (Some(1), Some(6))
    );
    let usual = json(pharos, "/api/watch/baselines");
    let named = usual["baselines"].as_array().unwrap().iter().find(|it| it["name"] == "order");
    assert_eq!(named.unwrap()["duration_seconds"]["runs"], 1, "{usual}");
}

#[test]
fn a_run_that_loops_is_a_metric_an_answer_and_a_log_record() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &["--watch.grace", "0s"]);
    let spans = run();
    // In two batches, the children first.
    for part in [&spans[..5], &spans[5..]] {
        assert_eq!(export(&pharos, &body(part)).status, 200);
    }
    settle(&pharos);
    until("the end of the run's grace", || {
        Page::of(&pharos).sum("workflow_cost_usd_count", &[]) > 0.0
    });
    look(&pharos);
    let records = |event: &str| {
        let path = format!("/api/logs?trace_id={TRACE}&event_name={event}&service=pharos");
        let found = json(&pharos, &path);
        found["logs"].as_array().unwrap().len()
    };
    until("the finding as a log record", || records("pharos.anomaly.tool_loop") == 1);
    until("both thresholds", || records("pharos.threshold.exceeded") == 2);
    let told = get(&pharos, &format!("/api/investigate/{TRACE}"));
    let told = String::from_utf8(told.body).unwrap();
    assert!(told.contains("pharos.anomaly.tool_loop"), "{told}");
    assert_eq!(get(&pharos, "/api/anomalies?kind=tool_lop").status, 400);
    pharos.kill().unwrap();

    let again = start(folder.path(), &["--watch.grace", "0s"]);
    settle(&again);
    until("what was found before", || Page::of(&again).sum("workflow_cost_usd_count", &[]) > 0.0);
    look(&again);
    again.stop().unwrap();
}

#[test]
fn what_is_switched_off_finds_nothing() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &["--watch.enabled=false"]);
    assert_eq!(export(&pharos, &body(&run())).status, 200);
    settle(&pharos);
    assert_eq!(json(&pharos, "/api/anomalies")["enabled"], false);
    assert_eq!(json(&pharos, "/api/watch/baselines")["enabled"], false);
    assert_eq!(Page::of(&pharos).sum("anomalies_total", &[]), 0.0);
    pharos.stop().unwrap();
}
