//! received = stored + duplicate + rejected + refused + dropped, whatever is sent.

use pharos::otlp::write;

use crate::harness::{Page, export, settle, start};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::{Profile, Template};

const NOW: u64 = 1_800_000_000_000_000_000;

fn span(trace_id: &[u8], span_id: &[u8], name: &[u8]) -> Vec<u8> {
    let mut span = Vec::new();
    write::bytes_field(&mut span, 1, trace_id);
    write::bytes_field(&mut span, 2, span_id);
    write::bytes_field(&mut span, 5, name);
    write::fixed64_field(&mut span, 7, NOW);
    write::fixed64_field(&mut span, 8, NOW + 1);
    span
}

fn request(spans: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            for span in spans {
                write::bytes_field(out, 2, span);
            }
        });
    });
    body
}

fn check_law(pharos: &Process, expected: [f64; 4]) {
    settle(pharos);
    let page = Page::of(pharos);
    let of = |what: &str, signal| {
        page.sum(&format!("pharos_ingest_{what}_items_total"), &[("signal", signal)])
    };
    for signal in ["traces", "logs", "metrics"] {
        let parts: f64 = ["stored", "duplicate", "rejected", "refused", "dropped"]
            .map(|what| of(what, signal))
            .iter()
            .sum();
        assert_eq!(of("received", signal), parts, "{signal}:\n{}", page.text());
    }
    let traces = ["received", "stored", "duplicate", "rejected"].map(|what| of(what, "traces"));
    assert_eq!(traces, expected, "received, stored, duplicate, rejected");
}

#[test]
fn every_item_ends_in_exactly_one_counter() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    check_law(&pharos, [0.0; 4]);

    let good = span(&[1; 16], &[2; 8], b"good");
    let answer = export(&pharos, &request(std::slice::from_ref(&good)));
    assert_eq!((answer.status, answer.body.len()), (200, 0), "success leaves partial_success out");
    check_law(&pharos, [1.0, 1.0, 0.0, 0.0]);

    // A retry whose acknowledgement was lost.
    assert_eq!(export(&pharos, &request(std::slice::from_ref(&good))).status, 200);
    check_law(&pharos, [2.0, 1.0, 1.0, 0.0]);

    // Bad items beside a good one: only they are rejected, with a reason.
    let mixed = [
        span(&[0; 16], &[3; 8], b"zero trace id"),
        span(&[4; 2], &[3; 8], b"short trace id"),
        span(&[4; 16], &[], b"no span id"),
        span(&[4; 16], &[5; 8], b"\xff\xfe not text"),
        span(&[4; 16], &[6; 8], b"good"),
    ];
    let answer = export(&pharos, &request(&mixed));
    assert_eq!(answer.status, 200);
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    for reason in ["invalid_trace_id (2)", "invalid_span_id (1)", "invalid_utf8 (1)"] {
        assert!(told.contains(reason), "{told:?}");
    }
    check_law(&pharos, [7.0, 2.0, 1.0, 4.0]);

    // Broken requests have no items to count, but they are counted as requests.
    assert_eq!(export(&pharos, b"\x0a\xff\xff\xff\xff\x7f").status, 400);
    check_law(&pharos, [7.0, 2.0, 1.0, 4.0]);
    let page = Page::of(&pharos);
    let broken = [("signal", "traces"), ("reason", "malformed")];
    assert_eq!(page.sum("pharos_ingest_rejected_requests_total", &broken), 1.0);

    // Everything again after a restart: counters go on where they were.
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let pharos = start(folder.path(), &[]);
    check_law(&pharos, [7.0, 2.0, 1.0, 4.0]);
}

#[test]
fn a_million_label_values_do_not_hurt_the_page() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    for chunk in 0..20_u64 {
        let spans: Vec<Vec<u8>> = (0..5_000)
            .map(|index| {
                let number = chunk * 5_000 + index + 1;
                let mut span = span(&[7; 16], &number.to_be_bytes(), b"execute_tool");
                for (key, value) in [
                    ("gen_ai.operation.name", "execute_tool".to_owned()),
                    ("gen_ai.tool.name", format!("tool-{number}")),
                ] {
                    write::message_field(&mut span, 9, |out| {
                        write::bytes_field(out, 1, key.as_bytes());
                        write::message_field(out, 2, |out| {
                            write::bytes_field(out, 1, value.as_bytes());
                        });
                    });
                }
                span
            })
            .collect();
        assert_eq!(sender.export("traces", &request(&spans)).unwrap().status, 200);
    }
    settle(&pharos);
    let page = Page::of(&pharos);
    assert_eq!(page.sum("tool_calls_total", &[]), 100_000.0);
    assert!(page.sum("tool_calls_total", &[("tool_name", "other")]) > 90_000.0);
    assert!(page.text().lines().count() < 25_000);
}

#[test]
fn search_finds_what_was_just_acknowledged() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    let template = Template::new(Profile::Lean, 24);
    let mut body = Vec::new();
    template.stamp(5, NOW, &mut body);
    assert_eq!(export(&pharos, &body).status, 200);
    settle(&pharos);
    let found = crate::harness::json(&pharos, "/api/traces/search?model=gpt-4o-mini&limit=2");
    let traces = found["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 2);
    assert!(found["next"].is_string());
    for trace in traces {
        assert_eq!((&trace["span_count"], &trace["service"]), (&8.into(), &"support-agent".into()));
        assert_eq!(trace["name"], "invoke_agent support");
    }
    let next = found["next"].as_str().unwrap();
    let path = format!("/api/traces/search?model=gpt-4o-mini&limit=2&cursor={next}");
    let rest = crate::harness::json(&pharos, &path);
    assert_eq!(rest["traces"].as_array().unwrap().len(), 1);
    assert!(rest["next"].is_null());
    let nothing = crate::harness::json(&pharos, "/api/traces/search?service=absent");
    assert!(nothing["traces"].as_array().unwrap().is_empty());
}
