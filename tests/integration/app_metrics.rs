//! An app's own OpenTelemetry metrics, from its SDK through Pharos into a real Prometheus.

use std::path::Path;
use std::process::Command;

use crate::harness::{Page, json, settle, start, until};
use crate::load::process::Process;
use crate::open_metrics::{parse, scrape};
use crate::prometheus::{query, start_scraper};

fn run(pharos: &Process) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "`make prepare` installs the client libraries");
    let output = Command::new(python)
        .arg(root.join("tests/fixtures/apps/metrics.py"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", pharos.otlp_http))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    settle(pharos);
}

/// Values of a family for both apps: as they are shown, and as sums of deltas.
#[track_caller]
fn check(page: &Page, family: &str, labels: &[(&str, &str)], cumulative: f64, delta: f64) {
    let of = |job: &'static str| page.sum(family, &[labels, &[("job", job)]].concat());
    let found = (of("demo/cumulative-app"), of("demo/delta-app"));
    assert_eq!(found, (cumulative, delta), "{family} {labels:?}\n{}", page.text());
}

/// What three rounds make of `times` runs of the app under the same identity.
fn check_all(page: &Page, times: f64) {
    let check = |family: &str, labels: &[(&str, &str)], once: f64| {
        // Of cumulative values the last run is what is; deltas add up.
        check(page, family, labels, once, once * times);
    };
    check("agent_requests_total", &[("http_route", "/chat"), ("ok", "true")], 6.0);
    check("agent_requests_total", &[("ok", "false")], 3.0);
    check("app_workflow_duration_seconds_count", &[("workflow", "refund")], 15.0);
    check("app_workflow_duration_seconds_bucket", &[("le", "0.1")], 3.0);
    check("app_workflow_duration_seconds_bucket", &[("le", "1")], 9.0);
    check("app_workflow_duration_seconds_bucket", &[("le", "+Inf")], 15.0);
    check("tool_wait_seconds_count", &[], 15.0);
    check("tool_wait_seconds_bucket", &[("le", "0.5")], 6.0);
    check("tool_wait_seconds_bucket", &[("le", "4")], 12.0);
    check("gen_ai_client_token_usage_sum", &[("gen_ai_token_type", "input")], 303.0);
    check("app_llm_requests_total", &[], 3.0);
    check("pages_read_bytes_total", &[], 3_000.0);
}

#[test]
fn what_the_sdk_recorded_is_what_prometheus_has() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = folder.path().join("data");
    let pharos = start(&data, &[]);
    run(&pharos);
    let page = Page::of(&pharos);
    check_all(&page, 1.0);
    check(&page, "queue_depth", &[], 6.0, 6.0);
    check(&page, "cache_fill_ratio", &[("cache", "prompts")], 0.75, 0.75);
    let environment = [("deployment_environment_name", "test"), ("instance", "one")];
    check(&page, "target_info", &environment, 1.0, 1.0);
    assert_eq!(page.sum("llm_requests_total", &[]), 0.0, "the app's count is not Pharos'");
    assert!(!page.text().contains("hunter2"), "redacted as everything is");
    assert_eq!(page.sum("pharos_app_metrics_refused_points_total", &[]), 0.0);

    // Deltas stay exact over a death and a second run of the app.
    pharos.kill().unwrap();
    let pharos = start(&data, &[]);
    settle(&pharos);
    check_all(&Page::of(&pharos), 1.0);
    run(&pharos);
    let page = Page::of(&pharos);
    check_all(&page, 2.0);
    parse(&scrape(&pharos, "application/openmetrics-text")).unwrap();
    let path = folder.path().join("page");
    std::fs::write(&path, page.text()).unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&path).unwrap())
        .output()
        .expect("`make test` installs promtool with Debian's prometheus");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");

    // Without `honor_labels`, Prometheus calls the app's job `exported_job`.
    let (_prometheus, prometheus) = start_scraper(folder.path(), pharos.web, "");
    let of_delta = |family: &str| format!("sum({family}{{exported_job=\"demo/delta-app\"}})");
    let requests = of_delta("agent_requests_total");
    until("the app's counter", || query(prometheus, &requests) == Some(18.0));
    let count = of_delta("app_workflow_duration_seconds_count");
    assert_eq!(query(prometheus, &count), Some(30.0));
    let buckets = "sum by (le) (app_workflow_duration_seconds_bucket)";
    let median = query(prometheus, &format!("histogram_quantile(0.5, {buckets})")).unwrap();
    assert!((0.5..=1.0).contains(&median), "{median}");
    assert_eq!(query(prometheus, "sum(cache_fill_ratio)"), Some(1.5));
    let offenders = json(&pharos, "/api/cardinality");
    assert_eq!(offenders["offenders"].as_array().unwrap().len(), 0, "{offenders}");
}
