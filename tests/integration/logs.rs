//! Log records at a terminal, and the bound on the items of one request.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{binary, settle, start};
use crate::load::http::Sender;

/// `pharos logs` against this address.
fn logs(url: &str, more: &[&str]) -> Output {
    Command::new(binary()).args(["logs", "--url", url]).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn recorded_log_records_are_shown_at_a_terminal() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    let file = "tests/fixtures/otlp/official-openai/102.logs.pb";
    let body = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let sent = Sender::connect(pharos.otlp_http).unwrap().export("logs", &body).unwrap();
    assert_eq!(sent.status, 200);
    settle(&pharos);
    let url = format!("http://{}", pharos.web);

    let all = logs(&url, &["--json"]);
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    let records: Vec<Value> =
        text(&all.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.len() > 1 && all.stderr.is_empty(), "{all:?}");
    assert!(records.is_sorted_by(|one, other| one["time"].as_str() >= other["time"].as_str()));
    assert!(records.iter().any(|record| record["gen_ai"]["messages"][0]["text"].is_string()));

    let lines = logs(&url, &[]);
    assert_eq!(text(&lines.stdout).lines().count(), records.len());
    let newest = logs(&url, &["--limit", "1"]);
    assert_eq!(text(&newest.stdout).lines().next(), text(&lines.stdout).lines().next());
    let trace = records[0]["trace_id"].as_str().unwrap();
    let of_trace = logs(&url, &["--trace-id", trace, "--json"]);
    let expected = records.iter().filter(|record| record["trace_id"] == trace).count();
    assert_eq!(text(&of_trace.stdout).lines().count(), expected);
    let none = logs(&url, &["--text", "nobody said this"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(0), 0));

    let refused = logs(&url, &["--severity", "loud"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("severity is trace, debug"), "{refused:?}");
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

#[test]
fn the_configured_bound_on_items_holds() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &["--otlp.max-items", "2"]);
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    // Resource, scope, and empty records of two bytes.
    let records = |count: u8| {
        let records = [0x12, 0x00].repeat(usize::from(count));
        let length = count * 2;
        [&[0x0a, length + 2, 0x12, length], &records[..]].concat()
    };
    assert_eq!(sender.export("logs", &records(2)).unwrap().status, 200);
    let refused = Sender::connect(pharos.otlp_http).unwrap().export("logs", &records(3)).unwrap();
    assert_eq!(refused.status, 413);
    assert!(String::from_utf8_lossy(&refused.body).contains("more than 2 items"));
}
