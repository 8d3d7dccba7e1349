//! JSON events into a whole Pharos: the examples, runs over crashes, and what is refused.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Page, json as ask, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;

/// Posts a body of events: the status and what was told.
fn post(pharos: &Process, body: &str) -> (u16, Value) {
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    let answer = sender.post_json("/v1/events", "", body).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn take(pharos: &Process, event: &Value) {
    let answer = post(pharos, &event.to_string());
    assert_eq!(answer, (200, json!({"accepted": 1, "rejected": []})), "{event}");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn example(pharos: &Process, interpreter: &str, name: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let output = Command::new(interpreter)
        .arg(examples.join(name))
        .env("PHAROS", format!("http://{}", pharos.otlp_http))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_examples_are_counted_and_found() {
    let folder = folder();
    let pharos = start(folder.path(), &[]);
    example(&pharos, "python3", "events.py");
    example(&pharos, "sh", "events.sh");
    settle(&pharos);
    let page = Page::of(&pharos);
    let of = |family: &str, label: (&str, &str)| page.sum(family, &[label]);
    assert_eq!(of("llm_requests_total", ("model", "gpt-4o-mini")), 2.0, "{}", page.text());
    assert_eq!(of("llm_tokens_total", ("token_type", "prompt")), 1_024.0);
    assert_eq!(of("tool_calls_total", ("tool_name", "search")), 2.0);
    assert_eq!(of("agent_runs_total", ("agent_type", "planner")), 2.0);
    assert_eq!(of("agent_runs_total", ("status", "success")), 2.0);
    assert_eq!(page.sum("active_agent_runs", &[]), 0.0);
    for service in ["example-py", "example-sh"] {
        let path = format!("/api/traces/search?model=gpt-4o-mini&service={service}");
        let mut found = Value::Null;
        until("the example's trace", || {
            found = ask(&pharos, &path);
            found["traces"].as_array().unwrap().len() == 1
        });
        // The run, its call and its tool are one trace.
        let id = found["traces"][0]["trace_id"].as_str().unwrap();
        let trace = ask(&pharos, &format!("/api/traces/{id}"));
        assert_eq!(trace["spans"].as_array().unwrap().len(), 3, "{trace}");
    }
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

/// Closes what does not end at once, so that nobody waits for it.
const IMPATIENT: &[&str] = &["--events.abandon-after", "1s"];

/// Runs of this agent that were closed as failed.
fn failed(pharos: &Process, agent: &str) -> f64 {
    Page::of(pharos).sum("agent_runs_total", &[("agent_type", agent), ("status", "error")])
}

fn abandoned(pharos: &Process) -> f64 {
    Page::of(pharos).sum("errors_total", &[("kind", "abandoned")])
}

fn begin(run: &str, agent: &str) -> Value {
    json!({"type": "agent_run_start", "run_id": run, "service": "s", "agent": agent})
}

#[test]
fn a_run_outlives_crashes_and_is_given_up_once() {
    let folder = folder();
    let pharos = start(folder.path(), &[]);
    take(&pharos, &begin("lost", "ghost"));
    settle(&pharos);
    pharos.kill().unwrap();

    let pharos = start(folder.path(), &[]);
    settle(&pharos);
    let page = Page::of(&pharos);
    assert_eq!(page.sum("active_agent_runs", &[]), 1.0);
    assert_eq!(page.sum("agent_runs_total", &[]), 0.0);
    let runs = ask(&pharos, "/api/runs");
    assert_eq!((&runs["total"], &runs["runs"][0]["name"]), (&json!(1), &json!("ghost")));
    pharos.kill().unwrap();

    let pharos = start(folder.path(), IMPATIENT);
    until("the end of the run", || failed(&pharos, "ghost") == 1.0);
    assert_eq!(abandoned(&pharos), 1.0);
    assert_eq!(Page::of(&pharos).sum("active_agent_runs", &[]), 0.0);
    let late = json!({"type": "agent_run_end", "run_id": "lost", "service": "s"}).to_string();
    refused_as_abandoned(&pharos, &late);
    pharos.kill().unwrap();

    let pharos = start(folder.path(), IMPATIENT);
    let complete = json!({"type": "agent_run_end", "run_id": "lost", "service": "s",
        "agent": "ghost", "duration": 3});
    let complete = complete.to_string();
    // While the log is read again it may be taken, and even then it does not count.
    post(&pharos, &complete);
    settle(&pharos);
    refused_as_abandoned(&pharos, &late);
    refused_as_abandoned(&pharos, &complete);
    // When a later run was given up, an earlier one would have been again.
    take(&pharos, &begin("lost too", "phantom"));
    until("the end of the second run", || failed(&pharos, "phantom") == 1.0);
    let page = Page::of(&pharos);
    assert_eq!(page.sum("agent_runs_total", &[("agent_type", "ghost")]), 1.0, "{}", page.text());
    assert_eq!(abandoned(&pharos), 2.0);
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

fn refused_as_abandoned(pharos: &Process, end: &str) {
    let (status, told) = post(pharos, end);
    assert_eq!((status, &told["accepted"]), (400, &json!(0)), "{told}");
    let reason = told["rejected"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("closed as abandoned"), "{told}");
}

#[test]
fn each_event_that_is_rejected_is_named() {
    let folder = folder();
    let pharos = start(folder.path(), &[]);
    let body = r#"{"type":"tool_call","tool":"good","duration":1}
{"type":"llm_call","duration":1}
{"type":"llm_call","model":"m","duration":1,"usage":{"input_tokens":-3}}
{"type":"lunch"}
{"type":"tool_call","tool":"bad","duration":1,"colour":"red"}
no JSON
{"type":"tool_call","tool":"good","duration":1}
"#;
    let (status, told) = post(&pharos, body);
    assert_eq!((status, &told["accepted"]), (207, &json!(2)), "{told}");
    let rejected = told["rejected"].as_array().unwrap();
    let named: Vec<_> = rejected
        .iter()
        .map(|it| (it["index"].as_u64().unwrap(), it["line"].as_u64().unwrap(), &it["field"]))
        .collect();
    let fields = ["model", "usage.input_tokens", "type", "colour"].map(Value::from);
    for (at, field) in (1..).zip(&fields) {
        assert_eq!(named[at as usize - 1], (at, at + 1, field), "{told}");
    }
    assert_eq!((named.len(), named[4].0, named[4].1), (5, 5, 6), "{told}");
    settle(&pharos);
    let page = Page::of(&pharos);
    assert_eq!(page.sum("tool_calls_total", &[("tool_name", "good")]), 2.0);
    assert_eq!(page.sum("tool_calls_total", &[]), 2.0, "{}", page.text());
    assert_eq!(page.sum("llm_requests_total", &[]), 0.0);
    let reason = [("reason", "invalid_event")];
    assert_eq!(page.sum("pharos_ingest_rejected_items_total", &reason), 5.0);
}

#[test]
fn gateways_and_budgets_of_apps_are_measured() {
    let folder = folder();
    let pharos = start(folder.path(), &[]);
    take(
        &pharos,
        &json!({"type": "gateway_request", "gateway": "edge", "status_code": 502,
            "duration_ms": 5}),
    );
    take(
        &pharos,
        &json!({"type": "token_budget", "tenant": "acme", "period": "monthly", "limit": 1000,
            "used": 400}),
    );
    take(&pharos, &json!({"type": "spend", "team": "blue", "tenant": "acme", "usd": 1.5}));
    settle(&pharos);
    let page = Page::of(&pharos);
    let edge = [("gateway_id", "edge"), ("method", "POST"), ("status", "502")];
    assert_eq!(page.sum("gateway_requests_total", &edge), 1.0, "{}", page.text());
    let monthly = [("tenant_id", "acme"), ("period", "monthly")];
    let tokens = |family| page.sum(family, &monthly);
    assert_eq!((tokens("token_budget_limit"), tokens("token_budget_usage")), (1_000.0, 400.0));
    assert_eq!(tokens("token_budget_remaining"), 600.0);
    assert_eq!(page.sum("team_spend_usd", &[("team", "blue")]), 1.5);
    let acme = ask(&pharos, "/api/budgets/tenant/acme");
    let monthly = &acme["budget"]["monthly"];
    assert_eq!(monthly["tokens"]["reported"], true, "{acme}");
    assert_eq!((&monthly["tokens"]["used"], &monthly["usd"]["used"]), (&json!(400), &json!(1.5)));
}
