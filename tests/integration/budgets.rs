//! Budgets of a whole Pharos: what was used is the same after a kill -9.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Page, json as ask, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;

const BUDGETS: &str = "
budgets:
  time_zone: Pacific/Kiritimati
  tenants:
    - {name: acme, daily_tokens: 1000, monthly_usd: 10, enforce: true}
    - {name: default, monthly_tokens: 5000}
  teams:
    - {name: research, monthly_usd: 2.5}
";

fn start_with_budgets(folder: &Path) -> Process {
    let file = folder.join("pharos.yml");
    std::fs::write(&file, BUDGETS).unwrap();
    start(&folder.join("data"), &["--config.file", file.to_str().unwrap()])
}

/// A call of a model that ends now, in OTLP's JSON.
fn call(number: u64, tenant: &str, tokens: u64, usd: f64) -> String {
    let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let count =
        |key: &str, count: u64| json!({"key": key, "value": {"intValue": count.to_string()}});
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().to_string();
    let span = json!({
        "traceId": format!("{:032x}", number + 1),
        "spanId": format!("{:016x}", number + 1),
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": now,
        "endTimeUnixNano": now,
        "attributes": [
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", "openai"),
            text("gen_ai.request.model", "gpt-4o"),
            count("gen_ai.usage.input_tokens", tokens - tokens / 3),
            count("gen_ai.usage.output_tokens", tokens / 3),
            json!({"key": "gen_ai.cost.total_cost", "value": {"doubleValue": usd}}),
            text("tenant.id", tenant),
            text("team", "research"),
        ],
    });
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()
}

fn send(pharos: &Process, body: &str) {
    let sent = Sender::connect(pharos.otlp_http).unwrap().post_json("/v1/traces", "", body);
    assert_eq!(sent.unwrap().status, 200);
}

/// What was used, without what depends on the moment.
fn used(pharos: &Process) -> Value {
    let mut all = ask(pharos, "/api/budgets");
    for budget in all["budgets"].as_array_mut().unwrap() {
        for (period, unit) in
            [("daily", "tokens"), ("daily", "usd"), ("monthly", "tokens"), ("monthly", "usd")]
        {
            budget[period][unit]["forecast"] = Value::Null;
        }
    }
    all
}

#[test]
fn what_was_used_is_the_same_after_kill_9() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut pharos = start_with_budgets(folder.path());
    let mut number = 0;
    for round in 0..3_u64 {
        for _ in 0..10 {
            number += 1;
            send(&pharos, &call(number, "acme", 30, 0.1));
            number += 1;
            send(&pharos, &call(number, "globex", 50, 0.01));
        }
        settle(&pharos);
        let before = used(&pharos);
        pharos.kill().unwrap();
        pharos = start_with_budgets(folder.path());
        settle(&pharos);
        let after = used(&pharos);
        // Midnight on an island between both questions would be another day.
        if after["budgets"][0]["daily"]["began_at"] == before["budgets"][0]["daily"]["began_at"] {
            assert_eq!(after, before, "round {round}");
        }
    }
    let acme = ask(&pharos, "/api/budgets/tenant/acme");
    let monthly = &acme["budget"]["monthly"];
    assert_eq!((&monthly["tokens"]["used"], &monthly["usd"]["used"]), (&json!(900), &json!(3.0)));
    assert_eq!(acme["budget"]["total"]["tokens"], 900);
    let page = Page::of(&pharos);
    let of = |family, labels: &[(&str, &str)]| page.sum(family, labels);
    let monthly = [("tenant_id", "globex"), ("period", "monthly")];
    assert_eq!(of("token_budget_used_total", &monthly), 1_500.0);
    assert_eq!(of("token_budget_remaining", &monthly), 3_500.0);
    assert_eq!(of("team_budget_limit_usd", &[("team", "research")]), 2.5);
    assert!((of("team_spend_usd", &[("team", "research")]) - 3.3).abs() < 1e-9, "{}", page.text());
    // Each limit that was passed was said once, and is found like any other record.
    until("the finding", || findings(&pharos, "pharos.budget.exhausted") == 1);
    assert!(findings(&pharos, "pharos.budget.soft_limit") >= 1);
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

/// Records of this event about a team's money of the month.
fn findings(pharos: &Process, event: &str) -> usize {
    let found = ask(pharos, &format!("/api/logs?event_name={event}&limit=100"));
    let records = found["logs"].as_array().unwrap();
    records.iter().filter(|record| record.to_string().contains("research")).count()
}
