//! Skeletons and single spans over a real log.

use super::store::{self, RUN, Store};
use super::traces::router_over;
use super::*;
use base64::Engine as _;
use serde_json::json;
use std::io::Read as _;

#[tokio::test]
async fn a_skeleton_leads_to_every_span() {
    let store = store::with_run().await;
    let router = router_over(&store);
    let path = format!("/api/traces/{RUN}?view=skeleton");
    let answer = get(&router, &path).await;
    assert_eq!(answer.header("content-encoding"), "");
    let skeleton = answer.json();
    assert_eq!((&skeleton["span_count"], &skeleton["llm_calls"]), (&json!(7), &json!(3)));
    assert_eq!((&skeleton["error_spans"], &skeleton["truncated"]), (&json!(1), &json!(false)));
    assert_eq!(skeleton["cost"], json!({"usd": 0.75, "state": "partial", "unpriced_calls": 1}));
    assert_eq!(skeleton["tokens"]["total"], 407);
    let spans = &skeleton["spans"];
    assert_eq!(spans["parent_back"], json!([0, 1, 1, 2, 3, 1, 5]));
    assert_eq!(spans["start"], json!([0, 5_000, 5_000, 140_000, 50_000, 25_000, 80_000]));
    assert_eq!((&skeleton["unit_us"], &spans["duration"][6]), (&json!(2), &json!(145_000)));
    assert_eq!(skeleton["tables"]["tools"], json!(["search"]));
    assert_eq!(skeleton["token_counts"]["input"], json!([100, 30, 200]));
    let width = spans["id_bytes"].as_u64().unwrap() as usize;
    let ids = base64::engine::general_purpose::STANDARD.decode(spans["ids"].as_str().unwrap());
    for id in ids.unwrap().chunks(width) {
        let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = get(&router, &format!("/api/traces/{RUN}/spans/{digits}")).await;
        assert_eq!(body.status, 200, "{digits}");
        assert!(body.json()["span"]["span_id"].as_str().unwrap().starts_with(&digits));
    }
    // The same, packed.
    let packed = send(&router, "GET", &path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, answer.body);
}

#[tokio::test]
async fn a_span_is_answered_with_its_records_and_long_texts_in_pieces() {
    let store = store::with_run().await;
    let long = "é\u{0}\"".repeat(20_000);
    let mut large = store::span(9, 1, "chat", 700, 800);
    large = store::with(
        large,
        vec![
            store::text("gen_ai.operation.name", "chat"),
            store::text("gen_ai.prompt", &long),
            store::text("a/~b", &long),
        ],
    );
    // Ids that begin alike.
    large.span_id = vec![1, 2, 3, 4, 5, 6, 7, 8];
    let mut twin = large.clone();
    twin.span_id[7] = 9;
    store.append_spans(vec![large, twin]).await;
    let router = router_over(&store);
    let span = async |rest: &str| get(&router, &format!("/api/traces/{RUN}/spans/{rest}")).await;

    let failed = span("0000000000000004").await.json();
    assert_eq!(failed["span"]["status_message"], "index is gone");
    assert_eq!(failed["span"]["messages"][0]["text"], "{\"q\":\"lamp\"}");
    assert_eq!(failed["logs"].as_array().unwrap().len(), 2);

    let body = span("0102030405060708").await;
    assert!(body.body.len() < 5 * 16 * 1024 * 2, "{}", body.body.len());
    let found = body.json();
    for field in ["/span/messages/0/text", "/span/attributes/a~1~0b"] {
        let mut piece = found.pointer(field).unwrap().clone();
        assert_eq!((&piece["bytes"], &piece["field"]), (&json!(long.len()), &json!(field)));
        let mut text = piece["text"].as_str().unwrap().to_owned();
        while let Some(next) = piece["next"].as_u64() {
            piece = span(&format!("0102030405060708?field={field}&offset={next}")).await.json();
            text.push_str(piece["text"].as_str().unwrap());
        }
        assert!(text == long, "{field}");
    }
    for (bad, status, parameter) in [
        ("0102030405060", 400, "span_id"),
        ("01020304", 400, "span_id"),
        ("0000000000000000", 400, "span_id"),
        ("zzzzzzzzzzzzzzzz", 400, "span_id"),
        ("%00%00%00%00%00%00%00%00", 400, "span_id"),
        ("0102030405060708?offset=3", 400, "offset"),
        ("0102030405060708?field=/span&offset=0", 400, "field"),
        ("0102030405060708?field=/span/name&offset=99", 400, "offset"),
        ("0102030405060708?field=/span/messages/0/text&offset=1", 400, "offset"),
        ("0102030405060708?field=/span/messages/0/text&offset=1e9", 400, "offset"),
        ("0102030405060708?fields=/span", 400, "fields"),
        ("ffffffff", 404, ""),
        ("ffffffffffffffff", 404, ""),
    ] {
        let answer = span(bad).await;
        assert_eq!(answer.status.as_u16(), status, "{bad}");
        assert_eq!(answer.json()["error"]["parameter"].as_str().unwrap_or(""), parameter, "{bad}");
    }
    assert_eq!(span("01020304050607").await.status, 400);
}

#[tokio::test]
async fn views_and_pages_that_do_not_exist() {
    let store = Store::new();
    let router = router_over(&store);
    for (bad, status, parameter) in [
        ("view=skeleton", 404, ""),
        ("view=bones", 400, "view"),
        ("view=skeleton&page=3", 400, "page"),
        ("view=skeleton&page=-1", 400, "page"),
        ("view=skeleton&page=99999999999999999999999", 400, "page"),
        ("page=0", 400, "page"),
        ("skeleton", 400, "skeleton"),
    ] {
        let answer = get(&router, &format!("/api/traces/{RUN}?{bad}")).await;
        assert_eq!(answer.status.as_u16(), status, "{bad}");
        assert_eq!(answer.json()["error"]["parameter"].as_str().unwrap_or(""), parameter, "{bad}");
    }
    let answer = get(&router, "/api/traces/zz?view=skeleton").await;
    assert_eq!(answer.json()["error"]["parameter"], "trace_id");
}

#[tokio::test]
async fn a_trace_that_is_too_long_for_one_answer_has_a_whole_skeleton() {
    let store = Store::new();
    let more = crate::limits::TRACE_SPANS as u64 + 50;
    let root = store::span(1, 0, "run", 0, 60_000);
    let steps = (2..=more).map(|number| {
        let mut step = store::span(2, 1, "step", number, number + 3);
        step.span_id = number.to_be_bytes().to_vec();
        step
    });
    store.append_spans(std::iter::once(root).chain(steps).collect()).await;
    let router = router_over(&store);
    assert!(store.index.trace(RUN.parse().unwrap()).unwrap().truncated);
    let skeleton = get(&router, &format!("/api/traces/{RUN}?view=skeleton")).await.json();
    assert_eq!((&skeleton["span_count"], &skeleton["truncated"]), (&json!(more), &json!(false)));
    // The last of them can be opened.
    let last = get(&router, &format!("/api/traces/{RUN}/spans/{more:016x}")).await;
    assert_eq!(last.status, 200);
}
