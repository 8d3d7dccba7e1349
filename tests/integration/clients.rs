//! Agents instrumented with real client libraries export to Pharos.
//!
//! The scenarios are those of `tests/fixtures/record`; what each does is known, and so is what
//! must be counted.

use std::path::Path;
use std::process::Command;

use crate::harness::{Page, json, settle, start};
use crate::load::process::Process;

/// Runs a scenario in a process of its own, exporting over `protocol`.
fn run(pharos: &Process, scenario: &str, protocol: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "`make prepare` installs the client libraries");
    let door = if protocol == "grpc" { pharos.otlp_grpc } else { pharos.otlp_http };
    let output = Command::new(python)
        .arg(root.join("tests/fixtures/record/record.py"))
        .arg(scenario)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{door}"))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_EXPORTER_OTLP_INSECURE", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    settle(pharos);
}

fn calls(page: &Page, status: &str) -> f64 {
    page.sum("llm_requests_total", &[("status", status)])
}

fn tokens(page: &Page, kind: &str) -> f64 {
    page.sum("llm_tokens_total", &[("token_type", kind)])
}

#[test]
fn litellm_under_openinference() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    run(&pharos, "openinference-litellm", "http/protobuf");
    let page = Page::of(&pharos);
    assert_eq!((calls(&page, "success"), calls(&page, "error")), (5.0, 1.0), "{}", page.text());
    assert_eq!((tokens(&page, "prompt"), tokens(&page, "completion")), (58.0, 52.0));
    let anthropic = [("provider", "anthropic"), ("model", "claude-sonnet-4-5")];
    assert_eq!(page.sum("llm_requests_total", &anthropic), 1.0);
}

#[test]
fn openai_under_openllmetry_is_investigated() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    run(&pharos, "openllmetry-openai", "grpc");
    let page = Page::of(&pharos);
    assert_eq!((calls(&page, "success"), calls(&page, "error")), (4.0, 2.0), "{}", page.text());
    assert_eq!((tokens(&page, "prompt"), tokens(&page, "completion")), (106.0, 36.0));
    assert_eq!(page.sum("llm_time_to_first_token_seconds_count", &[]), 1.0);

    let found = json(&pharos, "/api/traces/search?status=error&model=gpt-4o-mini");
    let trace = &found["traces"][0];
    assert_eq!(
        (&trace["name"], &trace["service"]),
        (&"handle_request".into(), &"recorded-agent".into())
    );
    let id = trace["trace_id"].as_str().unwrap();
    let told = json(&pharos, &format!("/api/investigate/{id}"));
    let summary = &told["summary"];
    assert_eq!(summary["span_count"], 7, "{summary}");
    assert_eq!(summary["error_spans"], 2, "{summary}");
    assert_eq!((&summary["llm_calls"], &trace["llm_calls"]), (&6.into(), &6.into()), "{summary}");
}

#[test]
fn one_call_under_two_instrumentations_is_one_call() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    run(&pharos, "litellm-and-openai", "http/protobuf");
    let page = Page::of(&pharos);
    assert_eq!(calls(&page, "success") + calls(&page, "error"), 6.0, "{}", page.text());
    assert_eq!((tokens(&page, "prompt"), tokens(&page, "completion")), (58.0, 52.0));
    let found = json(&pharos, "/api/traces/search?name=handle_request");
    let trace = &found["traces"][0];
    assert_eq!((&trace["llm_calls"], &trace["input_tokens"]), (&6.into(), &58.into()));
}

#[test]
fn fastapi_and_sqlalchemy_old_and_new() {
    for scenario in ["web", "web-stable"] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let pharos = start(folder.path(), &[]);
        run(&pharos, scenario, "http/protobuf");
        let page = Page::of(&pharos);
        let route = [("method", "GET"), ("endpoint", "/orders/{number}")];
        assert_eq!(page.sum("http_requests_total", &route), 2.0, "{scenario}: {}", page.text());
        assert_eq!(page.sum("http_requests_total", &[("status", "500")]), 1.0, "{scenario}");
        assert_eq!(page.sum("http_requests_total", &[("endpoint", "unmatched")]), 1.0);
        let select = [("operation", "SELECT"), ("table", "orders")];
        assert_eq!(page.sum("db_queries_total", &select), 2.0, "{scenario}");
        assert_eq!(page.sum("service_calls_total", &[("service_name", "127.0.0.1")]), 4.0);
    }
}
