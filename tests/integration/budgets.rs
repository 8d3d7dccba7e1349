//! Budgets of a whole Pharos: what was used is the same after a kill -9, and the gateway refuses
//! what would pass a limit.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
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

fn start_with(folder: &Path, config: &str) -> Process {
    let file = folder.join("pharos.yml");
    std::fs::write(&file, config).unwrap();
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
    let mut pharos = start_with(folder.path(), BUDGETS);
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
        pharos = start_with(folder.path(), BUDGETS);
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

/// A provider that answers each call with 30 prompt and 10 completion tokens.
fn provider() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                let header = line.to_ascii_lowercase();
                if let Some(bytes) = header.strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = json!({
                "id": format!("chatcmpl-{number}"),
                "object": "chat.completion",
                "model": "gpt-4o-2024-08-06",
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": "Yes."},
                    "finish_reason": "stop",
                }],
                "usage": {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40},
            })
            .to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            // A caller that has gone away is no concern of the provider.
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

/// Calls a model through the gateway; the status and the answer.
fn chat(pharos: &Process, tenant: &str) -> (u16, Value) {
    let messages = json!([{"role": "user", "content": "Is it so?"}]);
    let body = json!({"model": "gpt-4o", "max_tokens": 10, "messages": messages}).to_string();
    let headers = format!("x-tenant-id: {tenant}\r\nauthorization: Bearer of-the-provider\r\n");
    let mut sender = Sender::connect(pharos.web).unwrap();
    let answer = sender.post_json("/gateway/main/chat/completions", &headers, &body).unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn tokens_of_acme(pharos: &Process) -> Value {
    settle(pharos);
    ask(pharos, "/api/budgets/tenant/acme")["budget"]["total"]["tokens"].clone()
}

#[test]
fn the_gateway_refuses_what_would_pass_a_limit_also_after_kill_9() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // A month, so that no midnight can come between.
    let config = format!(
        "
budgets:
  tenants:
    - {{name: acme, monthly_tokens: 100, enforce: true}}
gateway:
  upstreams:
    - {{id: main, url: 'http://{}'}}
",
        provider()
    );
    let mut pharos = start_with(folder.path(), &config);
    for used in [40, 80, 120] {
        assert_eq!(chat(&pharos, "acme").0, 200);
        until("the call's tokens", || tokens_of_acme(&pharos) == used);
    }
    for _ in 0..2 {
        let (status, refused) = chat(&pharos, "acme");
        assert_eq!(status, 429, "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("monthly token budget of tenant acme"), "{message}");
        // Others are not concerned, and what was refused was not counted.
        assert_eq!(chat(&pharos, "globex").0, 200);
        assert_eq!(tokens_of_acme(&pharos), 120);
        let labels = [("kind", "tenant"), ("period", "monthly"), ("unit", "tokens")];
        let page = Page::of(&pharos);
        assert_eq!(page.sum("pharos_budget_refusals_total", &labels), 1.0);
        let acme = ask(&pharos, "/api/budgets/tenant/acme");
        assert_eq!(acme["budget"]["monthly"]["tokens"]["reserved"], 0);
        assert_eq!(acme["budget"]["monthly"]["tokens"]["state"], "hard");
        pharos.kill().unwrap();
        pharos = start_with(folder.path(), &config);
        until("the doors", || crate::harness::get(&pharos, "/readyz").status == 200);
        assert_eq!(tokens_of_acme(&pharos), 120);
    }
    assert_eq!(pharos.stop().unwrap(), Some(0));
}
