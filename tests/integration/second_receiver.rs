//! The same spans arrive at a second OTLP receiver, also one that was down for a while.

use std::net::SocketAddr;
use std::path::Path;

use crate::harness::{Page, binary, export, free_port, get, json, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::{Profile, Template};

/// A Pharos that forwards everything to two doors of another one.
fn forwarding(folder: &Path, http: SocketAddr, grpc: SocketAddr) -> Process {
    let config = folder.join("pharos.yml");
    let text = format!(
        "forward:\n  targets:\n    - name: over_http\n      endpoint: http://{http}\n      \
         protocol: http/protobuf\n      compression: gzip\n    - name: over_grpc\n      \
         endpoint: http://{grpc}\n      protocol: grpc\n      compression: gzip\n"
    );
    std::fs::write(&config, text).unwrap();
    start(&folder.join("data"), &["--config.file", config.to_str().unwrap()])
}

#[test]
fn what_is_sent_to_the_first_is_found_at_the_second() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let second = start(&folder.path().join("second"), &[]);
    let first = forwarding(folder.path(), second.otlp_http, second.otlp_grpc);
    let template = Template::new(Profile::Fat, 16);
    let mut body = Vec::new();
    for number in 0..5 {
        template.stamp(number, 1_800_000_000_000_000_000, &mut body);
        assert_eq!(export(&first, &body).status, 200);
    }
    until("delivery to both targets", || {
        let page = Page::of(&first);
        ["over_http", "over_grpc"].iter().all(|target| {
            page.sum("pharos_forward_sent_items_total", &[("target", target)]) == 80.0
        })
    });
    settle(&second);
    let page = Page::of(&second);
    // Both targets are the same receiver: whatever comes second is a retry to it.
    assert_eq!(page.sum("pharos_ingest_stored_items_total", &[("signal", "traces")]), 80.0);
    assert_eq!(page.sum("pharos_ingest_duplicate_items_total", &[("signal", "traces")]), 80.0);
    for id in template.trace_ids(3) {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = format!("/api/traces/{id}");
        assert_eq!(get(&first, &path).body, get(&second, &path).body);
    }
}

#[test]
fn a_target_that_was_down_gets_everything_once_it_is_back() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (http, grpc) = (free_port(), free_port());
    let first = forwarding(folder.path(), http, grpc);
    let template = Template::new(Profile::Lean, 8);
    let mut body = Vec::new();
    template.stamp(1, 1_800_000_000_000_000_000, &mut body);
    assert_eq!(export(&first, &body).status, 200);
    until("a failed try", || {
        Page::of(&first).sum("pharos_forward_requests_total", &[("outcome", "retry")]) >= 2.0
    });
    assert_eq!(get(&first, "/health/ready").status, 200, "a target that is down harms nobody");
    let second = start(
        &folder.path().join("second"),
        &[
            "--otlp.http.listen-address",
            &http.to_string(),
            "--otlp.grpc.listen-address",
            &grpc.to_string(),
        ],
    );
    until("delivery", || Page::of(&first).sum("pharos_forward_sent_items_total", &[]) == 16.0);
    drop(second);
    assert_eq!(first.stop().unwrap(), Some(0));
}

#[test]
fn its_own_spans_and_warnings_go_where_the_environment_says() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let second = start(&folder.path().join("second"), &[]);
    let endpoint = format!("http://{}", second.otlp_http);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "200"),
    ];
    let data = folder.path().join("data");
    let first = Process::start_in(&binary(), &data, &[], &variables).unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut web = Sender::connect(first.web).unwrap();
    let asked = web.get_with("/api/traces/search", &format!("traceparent: {parent}\r\n"));
    assert_eq!(asked.unwrap().status, 200);
    until("a span of its own", || {
        let path = "/api/traces/0af7651916cd43dd8448eb211c80319c";
        get(&second, path).status == 200
    });
    let trace = json(&second, "/api/traces/0af7651916cd43dd8448eb211c80319c");
    let span = &trace["spans"][0];
    assert_eq!(
        (&span["service"], &span["parent_span_id"]),
        (&"pharos".into(), &"b7ad6b7169203331".into())
    );
    assert_eq!(first.stop().unwrap(), Some(0));
}
