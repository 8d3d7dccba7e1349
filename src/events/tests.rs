//! Every kind of event, from its JSON to the lines of the page; and everything that is wrong.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits;
use crate::metrics::{Measures, Registry};
use crate::model::{CallBook as _, Operation, SpanId, TraceId};
use crate::otlp::read as otlp;
use crate::runs::{Begun, Known};
use crate::semconv::{self, Ledger, Uids};

/// 2023-11-14T22:13:20Z.
const NOW_NS: u64 = 1_700_000_000_000_000_000;

fn take_with(
    body: &[u8],
    lines: bool,
    run: &dyn Fn(TraceId, SpanId) -> Known,
) -> Result<Batch, Unread> {
    let terms =
        Terms { now_ns: NOW_NS, header: None, lines, most: 1_000, run, room: &mut |_| true };
    read(body, terms)
}

fn take(body: &str) -> Result<Batch, Unread> {
    take_with(body.as_bytes(), false, &|_, _| Known::Nothing)
}

/// Measures a batch as the projector does, and gives the page.
fn page(registry: &Registry, batch: &Batch) -> String {
    let mut measures = Measures::new(registry);
    let (mut ledger, mut uids) = (Ledger::new(100), Uids::default());
    otlp::log_records(&batch.logs, |origin, record| {
        let report = semconv::report(origin, record);
        if let Some(report) = report.filter(|report| uids.first(origin, report)) {
            measures.report(origin, &report);
        }
    })
    .unwrap();
    otlp::spans(&batch.traces, |origin, span| {
        let known = semconv::understand(origin, span);
        let settled = match &known.operation {
            Operation::Llm(call) => Some(ledger.settle(span, origin.scope.name, call)),
            _ => None,
        };
        assert_eq!(known.unexplained, None, "{}", span.name);
        measures.span(origin, span, &known, settled.as_ref());
    })
    .unwrap();
    registry.render()
}

const RUN: &str = r#""run_id":"r1""#;

/// An event of every kind and what it adds to the page; nothing for what only tells.
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn kinds() -> Vec<(String, &'static [&'static str])> {
    let start = |kind: &str, more: &str| format!(r#"{{"type":"{kind}",{RUN}{more}}}"#);
    let event = |kind: &str, more: &str| {
        format!(r#"{{"type":"{kind}","duration":2,"tenant":"acme",{more}}}"#)
    };
    vec![
        (start("request_start", r#","method":"GET","endpoint":"/a""#), &[]),
        (
            start(
                "request_end",
                r#","status":200,"endpoint":"/a","method":"GET","duration_ms":30"#,
            ),
            &["http_requests_total{method=\"GET\",endpoint=\"/a\",status=\"200\"} 1"],
        ),
        (
            event("request", r#""method":"post","endpoint":"/b","status_code":503"#),
            &[
                "http_requests_total{method=\"POST\",endpoint=\"/b\",status=\"503\"} 1",
                "errors_total{kind=\"503\"} 1",
            ],
        ),
        (
            event(
                "llm_call",
                r#""model":"openai/gpt-4o","usage":{"input_tokens":100,"output_tokens":21.0,
                "cached_tokens":40},"cost_usd":0.25,"time_to_first_token_ms":500,
                "agent":"planner","input":"hello","finish_reason":"stop""#,
            ),
            &[
                "llm_requests_total{provider=\"openai\",model=\"gpt-4o\",status=\"success\"} 1",
                "llm_tokens_total{provider=\"openai\",model=\"gpt-4o\",token_type=\"prompt\"} 100",
                "llm_cached_tokens_total{provider=\"openai\",model=\"gpt-4o\"} 40",
                "llm_cost_usd_total{provider=\"openai\",model=\"gpt-4o\"} 0.25",
                "llm_time_to_first_token_seconds_sum{provider=\"openai\",model=\"gpt-4o\"} 0.5",
                "agent_steps_total{agent_type=\"planner\"} 1",
            ],
        ),
        (
            event("tool_call", r#""tool":"search","success":false,"arguments":{"q":1}"#),
            &[
                "tool_calls_total{tool_name=\"search\",success=\"false\"} 1",
                "tool_duration_seconds_sum{tool_name=\"search\"} 2",
            ],
        ),
        (
            event("skill_step", r#""skill":"refund","outcome":"approved""#),
            &["skill_steps_total{skill=\"refund\",outcome=\"approved\"} 1"],
        ),
        (start("agent_run_start", r#","agent":"planner""#), &[]),
        (
            start("agent_run_end", r#","agent":"planner","status":"timeout","duration":5"#),
            &[
                "agent_runs_total{agent_type=\"planner\",status=\"error\"} 1",
                "errors_total{kind=\"timeout\"} 1",
            ],
        ),
        (
            event("agent_run", r#""agent":"planner""#),
            &["agent_run_duration_seconds_sum{agent_type=\"planner\",status=\"success\"} 2"],
        ),
        (
            event("agent_step", r#""agent":"writer","step":"draft""#),
            &["agent_steps_total{agent_type=\"writer\"} 1"],
        ),
        (start("workflow_start", r#","workflow":"refund""#), &[]),
        (
            start("workflow_end", r#","workflow":"refund","duration":5"#),
            &["workflow_runs_total{workflow=\"refund\",status=\"success\"} 1"],
        ),
        (
            event("workflow", r#""workflow":"refund","error":"it broke""#),
            &["workflow_duration_seconds_sum{workflow=\"refund\",status=\"error\"} 2"],
        ),
        (
            event("workflow_step", r#""step":"check","agent":"planner""#),
            &["workflow_step_duration_seconds_sum{agent=\"planner\",status=\"success\"} 2"],
        ),
        (
            event("pattern_execution", r#""pattern_id":"map-reduce","status":"failed""#),
            &[
                "pattern_executions_total{pattern_id=\"map-reduce\",status=\"error\"} 1",
                "pattern_execution_duration_seconds_sum{pattern_id=\"map-reduce\"} 2",
            ],
        ),
        (
            event("capability_call", r#""capability":"quote","agent":"seller""#),
            &[
                "agent_capability_calls_total{agent_name=\"seller\",capability=\"quote\",\
                status=\"success\"} 1",
                "agent_capability_duration_seconds_sum{agent_name=\"seller\",\
                capability=\"quote\"} 2",
            ],
        ),
        (
            event("service_call", r#""target":"ledger","method":"Book","status_code":502"#),
            &["service_calls_total{service_name=\"ledger\",method=\"Book\",status=\"error\"} 1"],
        ),
        (
            event("db_query", r#""statement":"SELECT * FROM orders","connections_active":7"#),
            &[
                "db_queries_total{operation=\"SELECT\",table=\"orders\"} 1",
                "db_connections_active 7",
            ],
        ),
        (
            event("provider_request", r#""provider":"azure","endpoint":"models""#),
            &["provider_requests_total{provider=\"azure.ai.openai\",endpoint=\"models\",\
                status=\"success\"} 1"],
        ),
        (
            r#"{"type":"rate_limit","provider":"openai","remaining":40}"#.to_owned(),
            &["provider_rate_limit_remaining{provider=\"openai\"} 40"],
        ),
        (
            event("gateway_request", r#""gateway":"edge","status_code":502"#),
            &["gateway_requests_total{gateway_id=\"edge\",method=\"POST\",status=\"502\"} 1"],
        ),
        (r#"{"type":"token_budget","tenant":"acme","remaining":5}"#.to_owned(), &[]),
        (r#"{"type":"spend","team":"blue","usd":1.5}"#.to_owned(), &[]),
        (r#"{"type":"db_connections","active":3}"#.to_owned(), &["db_connections_active 3"]),
        (r#"{"type":"debug","event_type":"plan","text":{"a":1}}"#.to_owned(), &[]),
        (
            r#"{"type":"security","event":"failed_login"}"#.to_owned(),
            &["errors_total{kind=\"security.failed_login\"} 1"],
        ),
        (
            r#"{"type":"error","error_type":"Crash","message":"gone"}"#.to_owned(),
            &["errors_total{kind=\"Crash\"} 1"],
        ),
    ]
}

#[test]
fn every_kind_is_measured() {
    let mut told: HashMap<&str, u32> = KINDS.iter().map(|kind| (kind.name, 0)).collect();
    let all = kinds();
    for (event, lines) in &all {
        let kind: Value = serde_json::from_str(event).unwrap();
        *told.get_mut(kind["type"].as_str().unwrap()).unwrap() += 1;
        let batch = take(event).unwrap();
        assert_eq!(batch.rejected, [], "{event}");
        assert_eq!(batch.spans.len() + batch.records.len(), 1);
        let page = page(&Registry::default(), &batch);
        for line in *lines {
            assert!(page.lines().any(|it| it == *line), "{line}\nof {event} in\n{page}");
        }
    }
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    // All at once, in each of the three forms, they are as many.
    let events: Vec<&str> = all.iter().map(|(event, _)| event.as_str()).collect();
    let flat = |event: &&str| event.replace('\n', " ");
    let lines: Vec<String> = events.iter().map(flat).collect();
    for body in [format!("[{}]", events.join(",")), lines.join("\n")] {
        let batch = take(&body).unwrap();
        assert_eq!(batch.rejected, []);
        assert_eq!(batch.spans.len() + batch.records.len(), events.len());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn what_is_wrong_is_named() {
    for (event, field, reason) in [
        (json!({}), "type", "is missing"),
        (json!({"type": "lm_call"}), "type", "did you mean llm_call?"),
        (json!({"type": 5}), "type", "is a number; text is needed"),
        (json!({"type": "llm_call", "duration": 1}), "model", "is missing"),
        (json!({"type": "llm_call", "model": "m"}), "duration", "say how long it took"),
        (json!({"type": "llm_call", "model": "m", "duration": "1"}), "duration", "is text"),
        (json!({"type": "llm_call", "model": "m", "duration": -1}), "duration", "is negative"),
        (json!({"type": "llm_call", "model": "m", "duration": 1e12}), "duration", "cannot be"),
        (json!({"type": "llm_call", "model": "", "duration": 1}), "model", "is empty"),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "usage": {"input_tokens": -5}}),
            "usage.input_tokens",
            "is negative",
        ),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "usage": {"in": 5}}),
            "usage.in",
            "is no field of llm_call",
        ),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "prompt_tokens": "12"}),
            "prompt_tokens",
            "is text; a whole number",
        ),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "input_tokens": 1,
                "usage": {"input_tokens": 1}}),
            "usage.input_tokens",
            "says again",
        ),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "input_tokens": 1e18}),
            "input_tokens",
            "is no whole number",
        ),
        (
            json!({"type": "llm_call", "model": "m", "duration": 1, "inptu_tokens": 1}),
            "inptu_tokens",
            "did you mean input_tokens?",
        ),
        (json!({"type": "spend", "usd": -0.5}), "usd", "is negative"),
        (json!({"type": "spend", "usd": "0.5"}), "usd", "is text"),
        (json!({"type": "spend", "usd": 1e9}), "usd", "cannot be"),
        (json!({"type": "spend"}), "cost_usd", "is missing"),
        (json!({"type": "tool_call", "tool": "t", "start": 1}), "start", "before the year 2000"),
        (
            json!({"type": "tool_call", "tool": "t", "start": 1_700_000_000, "end": 1_600_000_000}),
            "end",
            "before the start",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "start": 1_700_000_000, "duration": 3,
                "end": 1_700_000_001}),
            "duration",
            "contradicts",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "duration": 1, "status": "ok", "error": "x"}),
            "error_type",
            "of what succeeded",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "duration": 1, "status": "fine"}),
            "status",
            "is none of",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "duration": 1, "trace_id": "xyz"}),
            "trace_id",
            "32 hexadecimal digits",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "duration": 1,
                "attributes": {"gen_ai.tool.name": "u"}}),
            "attributes.gen_ai.tool.name",
            "says again",
        ),
        (
            json!({"type": "tool_call", "tool": "t", "duration": 1,
                "attributes": {"pharos.event.type": "u"}}),
            "attributes.pharos.event.type",
            "Pharos' own",
        ),
        (json!({"type": "agent_run_start", "agent": "a"}), "run_id", "is missing"),
        (
            json!({"type": "agent_run_start", "agent": "a", "span_id": "00f067aa0ba902b7"}),
            "trace_id",
            "is missing",
        ),
        (
            json!({"type": "agent_run_end", "agent": "a", "run_id": "nobody began it"}),
            "duration",
            "no beginning of this run is known",
        ),
        (json!({"type": "request", "duration": 1, "status": 99}), "status", "no HTTP status"),
        (json!({"type": "db_query", "duration": 1}), "operation", "needs one of"),
        (json!(7), "", "an event is an object"),
        (json!([]), "", "an event is an object"),
    ] {
        let batch = take(&format!("[{event}]")).unwrap();
        let rejected = batch.rejected.first().unwrap_or_else(|| panic!("{event} was taken"));
        assert_eq!(rejected.field, field, "{event}: {rejected:?}");
        assert!(rejected.reason.contains(reason), "{event}: {rejected:?}");
    }
}

#[test]
fn broken_json_has_a_place() {
    let good = r#"{"type":"error","message":"a"}"#;
    let Err(Unread::Broken(broken)) =
        take(&format!("[{good},{{\"type\":\"spend\",\n\"usd\":NaN}}]"))
    else {
        panic!("it is broken")
    };
    assert_eq!((broken.index, broken.field.as_str()), (1, "usd"));
    assert_eq!(broken.place.map(|place| place.0), Some(2));
    // A broken line costs only itself.
    for bad in [
        r#"{"type":"spend","usd":NaN}"#,
        r#"{"type":"spend","usd":1e999}"#,
        r#"{"type":"spend","usd":"#,
        r#"{"type":"error","message":"\ud800"}"#,
        "nonsense",
        r#"{"type":"error","message":"a"} {"type":"error","message":"b"}"#,
    ] {
        let batch = take_with(format!("{good}\n\n{bad}\n{good}\r\n").as_bytes(), true, &|_, _| {
            Known::Nothing
        });
        let batch = batch.unwrap();
        assert_eq!((batch.records.as_slice(), batch.rejected_count), (&[0, 2][..], 1), "{bad}");
        let rejected = &batch.rejected[0];
        assert_eq!((rejected.index, rejected.place.map(|it| it.0)), (1, Some(3)), "{bad}");
    }
    let bytes = [good.as_bytes(), b"\n{\"type\":\"error\",\"message\":\"\xff\"}\n"].concat();
    let batch = take_with(&bytes, false, &|_, _| Known::Nothing).unwrap();
    assert_eq!((batch.records.len(), batch.rejected[0].reason.as_str()), (1, "is not valid UTF-8"));
    let Err(Unread::Broken(_)) = take_with(b"[\"\xff\"]", false, &|_, _| Known::Nothing) else {
        panic!("it is broken")
    };
    // One object over several lines is one event.
    let pretty = "{\n  \"type\": \"error\",\n  \"message\": \"a\"\n}\n";
    assert_eq!(take(pretty).unwrap().records, [0]);
    assert!(take("[]").unwrap().records.is_empty());
    let twice = r#"{"type":"spend","usd":1,"usd":2}"#;
    assert!(take(twice).unwrap().rejected[0].reason.contains("again"));
}

#[test]
fn floods_are_bounded() {
    let deep = format!(
        r#"{{"type":"error","message":"a","attributes":{{"a":{}{}}}}}"#,
        "[".repeat(60),
        "]".repeat(60)
    );
    assert_eq!(take(&deep).unwrap().rejected[0].reason, "nests too deeply");
    let wide = format!(
        r#"[{{"type":"error","message":"a","attributes":{{"a":[{}0]}}}}]"#,
        "0,".repeat(limits::EVENT_VALUES)
    );
    assert_eq!(take(&wide).unwrap().rejected[0].reason, "holds too many values");
    let many = format!("[{}0]", "{},".repeat(2_000));
    assert_eq!(take(&many).unwrap_err(), Unread::TooMany(1_000));
    let bad = format!("[{}0]", "{},".repeat(900));
    let batch = take(&bad).unwrap();
    assert_eq!((batch.rejected.len(), batch.rejected_count), (limits::EVENTS_REJECTED_NAMED, 901));
    let mut room = |_| false;
    let run = &|_, _| Known::Nothing;
    let terms = Terms { now_ns: NOW_NS, header: None, lines: false, most: 9, run, room: &mut room };
    let good = br#"{"type":"error","message":"a"}"#;
    assert_eq!(read(good, terms).unwrap_err(), Unread::NoRoom);
}

/// The only span of a batch, as text.
fn span_of(batch: &Batch) -> Value {
    let mut found = Value::Null;
    otlp::spans(&batch.traces, |origin, span| {
        let attributes: serde_json::Map<_, _> = span
            .attributes
            .iter()
            .map(|it| (it.key.to_owned(), it.value.as_text().unwrap_or("?").into()))
            .collect();
        found = json!({
            "service": origin.service(), "trace": span.trace_id.to_string(),
            "span": span.span_id.to_string(), "start": span.start_ns, "end": span.end_ns,
            "parent": span.parent_span_id.map(|id| id.to_string()), "name": span.name,
            "attributes": attributes,
        });
    })
    .unwrap();
    found
}

#[test]
fn a_run_is_named_by_its_beginning_and_its_end() {
    let start = json!({"type": "agent_run_start", "run_id": "r", "agent": "planner",
        "time": 1_699_999_990, "service": "shop", "tenant": "acme"});
    let end = json!({"type": "agent_run_end", "run_id": "r", "service": "shop",
        "time": 1_699_999_999.5});
    let tool = json!({"type": "tool_call", "tool": "t", "duration": 1, "run_id": "r",
        "service": "shop"});
    let both = take(&format!("[{start},{end}]")).unwrap();
    assert_eq!((both.records.as_slice(), both.spans.as_slice()), (&[0][..], &[1][..]));
    let span = span_of(&both);
    assert_eq!(span["name"], "invoke_agent planner");
    assert_eq!(span["attributes"]["tenant.id"], "acme");
    assert_eq!(span["end"].as_u64().unwrap() - span["start"].as_u64().unwrap(), 9_500_000_000);
    let below = span_of(&take(&tool.to_string()).unwrap());
    assert_eq!((&below["trace"], &below["parent"]), (&span["trace"], &span["span"]));
    // In a body of its own the end finds what its beginning said.
    let (_, trace, id, begun) = both.begun[0].clone();
    let known = |trace_id, span_id| match (trace_id, span_id) == (trace, id) {
        true => Known::Begun(Box::new(begun.clone())),
        false => Known::Nothing,
    };
    let later = take_with(end.to_string().as_bytes(), false, &known).unwrap();
    assert_eq!(span_of(&later), span);
    let given_up = |_, _| Known::Abandoned;
    for event in [end, json!({"type": "agent_run", "run_id": "r", "agent": "a", "duration": 1})] {
        let late = take_with(event.to_string().as_bytes(), false, &given_up).unwrap();
        assert!(late.rejected[0].reason.contains("abandoned"), "{event}");
    }
    assert_eq!(Begun::default().name, "");
}

#[test]
fn ids_come_from_the_event_the_header_or_its_own_id() {
    let above = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let header = traceparent(above);
    let with = |event: &Value| {
        let run = &|_, _| Known::Nothing;
        let room = &mut |_| true;
        let terms = Terms { now_ns: NOW_NS, header, lines: false, most: 9, run, room };
        span_of(&read(event.to_string().as_bytes(), terms).unwrap())
    };
    let mut event = json!({"type": "tool_call", "tool": "t", "duration": 1});
    let span = with(&event);
    assert_eq!(span["trace"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parent"], "b7ad6b7169203331");
    assert_ne!(with(&event)["span"], span["span"], "made up each time");
    event["id"] = "e1".into();
    assert_eq!(with(&event)["span"], with(&event)["span"], "made of the event's id");
    event["trace_id"] = "5b8efff7-9803-8103-d269-b633813fc60c".into();
    event["span_id"] = "eee19b7ec3c1b174".into();
    let span = with(&event);
    assert_eq!(span["trace"], "5b8efff798038103d269b633813fc60c");
    assert_eq!((&span["span"], &span["parent"]), (&json!("eee19b7ec3c1b174"), &Value::Null));
}

#[test]
fn a_repeated_record_counts_once() {
    let event = r#"{"type":"error","error_type":"Crash","id":"e1"}"#;
    let batch = take(&format!("[{event},{event}]")).unwrap();
    assert_eq!(batch.records.len(), 2);
    let page = page(&Registry::default(), &batch);
    assert!(page.contains("errors_total{kind=\"Crash\"} 1\n"), "{page}");
}

#[test]
fn the_schema_names_every_field() {
    let schema = json_schema();
    for kind in KINDS {
        let event = &schema["$defs"][kind.name];
        assert_eq!(event["additionalProperties"], false, "{}", kind.name);
        for field in kind.all_fields() {
            let at = format!("/properties/{}", field.name.replace("usage.", "usage/properties/"));
            assert!(event.pointer(&at).is_some(), "{}: {}", kind.name, field.name);
        }
    }
}

#[test]
fn the_reference_is_written_from_the_table() {
    const MARK: &str = "<!-- Written from src/events/kinds.rs";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/EVENTS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let at = page.find(MARK).expect("the mark");
    let end = at + page[at..].find("-->\n").unwrap() + "-->\n".len();
    let written = format!("{}{}", &page[..end], reference::reference());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &written).unwrap();
        return;
    }
    assert!(page == written, "docs/EVENTS.md is stale: UPDATE=1 cargo test --lib reference");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is done to events, each is taken or rejected, and what is taken can be read.
    #[test]
    fn nothing_is_lost_of_mutated_events(
        picked in prop::collection::vec((0_usize..28, any::<u16>(), any::<u8>(), 0_u8..6), 1..12),
        lines: bool,
    ) {
        let all = kinds();
        let mut events = Vec::new();
        for (kind, at, byte, how) in picked {
            let mut event = all[kind % all.len()].0.replace('\n', " ").into_bytes();
            let at = usize::from(at) % event.len();
            match how {
                0 => event[at] = if byte == b'\n' { b' ' } else { byte },
                1 => drop(event.remove(at)),
                2 => event.truncate(at),
                3 => event.insert(at, if byte == b'\n' { b'"' } else { byte }),
                _ => {}
            }
            if !event.trim_ascii().is_empty() {
                events.push(event);
            }
        }
        let body = match lines {
            true => events.join(&b'\n'),
            false => [b"[", &*events.join(&b','), b"]"].concat(),
        };
        match take_with(&body, lines, &|_, _| Known::Nothing) {
            Ok(batch) => {
                let taken = batch.spans.len() + batch.records.len();
                if lines {
                    prop_assert_eq!(taken + batch.rejected_count, events.len());
                }
                let (mut spans, mut records) = (0, 0);
                otlp::spans(&batch.traces, |_, _| spans += 1).unwrap();
                otlp::log_records(&batch.logs, |_, _| records += 1).unwrap();
                prop_assert_eq!((spans, records), (batch.spans.len(), batch.records.len()));
            }
            Err(Unread::Broken(_)) => prop_assert!(!lines),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
