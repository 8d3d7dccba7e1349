//! A Rust app that uses the crate: what it records is found in Pharos.

use std::process::{Command, Output};

use crate::harness::{Page, json, settle, start};

/// Runs an example of the repository as an app would run.
fn example(name: &str, variables: &[(&str, &str)]) -> Output {
    let mut run = Command::new(env!("CARGO"));
    run.args(["run", "--quiet", "--locked", "--example", name]);
    run.envs(variables.iter().copied());
    run.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

#[test]
fn an_agents_run_is_measured_by_itself_and_by_pharos() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    let endpoint = format!("http://{}", pharos.otlp_http);
    let output = example("agent", &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let (own, log) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");
    for line in [
        "agent_runs_total{agent_type=\"trip-planner\",status=\"success\"} 1",
        "agent_steps_total{agent_type=\"trip-planner\"} 3",
        "llm_requests_total{provider=\"openai\",model=\"gpt-4o-mini\",status=\"success\"} 2",
        "tool_calls_total{tool_name=\"search\",success=\"true\"} 1",
    ] {
        assert!(own.contains(line), "{line} in {own}");
    }
    assert!(
        log.contains("\"message\":\"Planned.\"") && log.contains("\"level\":\"INFO\""),
        "{log}"
    );
    // The guard sent everything before the app ended.
    settle(&pharos);
    let page = Page::of(&pharos);
    let agent = [("agent_type", "trip-planner")];
    assert_eq!(page.sum("agent_runs_total", &agent), 1.0, "{}", page.text());
    assert_eq!(page.sum("agent_steps_total", &agent), 3.0);
    assert_eq!(page.sum("llm_requests_total", &[("model", "gpt-4o-mini")]), 2.0);
    assert_eq!(page.sum("llm_time_to_first_token_seconds_count", &[("provider", "openai")]), 2.0);
    assert_eq!(page.sum("tool_calls_total", &[("tool_name", "search"), ("success", "true")]), 1.0);
    let said = |family: &str, label: &str| {
        let lines = own.lines().filter(|line| line.starts_with(family) && line.contains(label));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>()
    };
    for kind in ["prompt", "completion"] {
        let tokens = page.sum("llm_tokens_total", &[("token_type", kind)]);
        assert_eq!(said("llm_tokens_total{", kind), tokens, "{kind}");
    }
    let found = json(&pharos, "/api/traces/search?agent=trip-planner");
    let traces = found["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 1, "{found}");
}

#[test]
fn an_app_whose_pharos_is_away_ends_in_order() {
    let away = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let output = example("agent", &away);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let off =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("ENABLE_TELEMETRY", "false")];
    assert!(example("agent", &off).status.success());
    let bad = example("agent", &[("RUST_LOG", "my_app=loud")]);
    assert!(!bad.status.success());
    assert!(String::from_utf8_lossy(&bad.stderr).contains("my_app=loud"));
}
