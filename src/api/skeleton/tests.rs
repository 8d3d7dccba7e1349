//! Sizes, and that a skeleton can be read back.

use super::gathering::{Gathering, Skeleton};
use super::page;
use crate::api::encoding::{gzip, gzip_small};
use crate::limits;
use crate::model::{Origin, Span, SpanId, SpanKind, Status, TraceId, Understanding, Usage};
use crate::storage::query::SpanRow;
use base64::Engine as _;
use serde_json::Value;

const START_NS: u64 = 1_795_248_000_000_000_000;

fn trace_id() -> TraceId {
    TraceId::from_bytes(&[7; 16]).unwrap()
}

/// A row of which nothing is known but its name.
pub(in crate::api) fn row<'a>(id: u64, parent: u64, name: &'a str) -> SpanRow<'a> {
    let span = Span {
        trace_id: trace_id(),
        span_id: SpanId::from_bytes(&id.to_be_bytes()).unwrap(),
        parent_span_id: SpanId::from_bytes(&parent.to_be_bytes()),
        trace_state: "",
        name,
        kind: SpanKind::Internal,
        start_ns: START_NS,
        end_ns: START_NS,
        status: Status::Unset,
        status_message: "",
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    };
    let known = Understanding::default();
    let row = SpanRow::of(&Origin::default(), &span, &known, None);
    // Nothing in it is borrowed from what goes out of scope but the name.
    SpanRow {
        name,
        service: "agents",
        operation: "other",
        error_type: None,
        agent: None,
        tenant: None,
        user: None,
        conversation: None,
        skill: None,
        provider: None,
        model: None,
        response_model: None,
        tool: None,
        workflow: None,
        http_method: None,
        http_route: None,
        ..row
    }
}

/// A run of an agent platform: agents, one after the other, that call models and tools, with
/// random ids as SDKs make them.
fn platform(spans: usize, random: &mut fastrand::Rng) -> Skeleton {
    let mut gathering = Gathering::default();
    let root = random.u64(1..);
    let mut at = START_NS;
    let mut left = spans - 1;
    let mut send = |row: &SpanRow<'_>, from: u64, to: u64| {
        gathering.take(&SpanRow { start_ns: from, end_ns: to, ..row.clone() });
    };
    let tools: Vec<String> = (0..15).map(|number| format!("tool_{number}")).collect();
    let names: Vec<String> = tools.iter().map(|tool| format!("execute_tool {tool}")).collect();
    while left > 0 {
        let (agent, began) = (random.u64(1..), at);
        left -= 1;
        for _ in 0..random.usize(4..14).min(left) {
            let end = at + random.u64(200_000_000..3_000_000_000);
            if left > 0 && random.bool() {
                let name = if random.bool() { "chat gpt-4o" } else { "chat claude-sonnet-4" };
                let (input, output) = (random.u64(500..9_000), random.u64(20..900));
                let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
                let cost_usd = Some((input * 25 + output * 100) as f64 / 1e7);
                let call = SpanRow {
                    operation: "chat",
                    model: Some(&name[5..]),
                    counts: true,
                    usage,
                    cost_usd,
                    kind: SpanKind::Client,
                    ..row(random.u64(1..), agent, name)
                };
                send(&call, at, end);
                left -= 1;
            } else if left > 0 {
                let which = random.usize(0..tools.len());
                let failed = random.u8(0..20) == 0;
                let call = SpanRow {
                    operation: "execute_tool",
                    tool: Some(&tools[which]),
                    failed,
                    status: if failed { Status::Error } else { Status::Unset },
                    ..row(random.u64(1..), agent, &names[which])
                };
                send(&call, at, end);
                left -= 1;
            }
            at = end + random.u64(50_000..2_000_000);
        }
        let run = SpanRow {
            operation: "invoke_agent",
            agent: Some("planner"),
            ..row(agent, root, "invoke_agent planner")
        };
        send(&run, began, at);
    }
    send(&row(root, 0, "POST /run"), START_NS, at);
    gathering.finish(false)
}

#[test]
fn ten_thousand_spans_are_small() {
    for seed in 0..3 {
        let trace = platform(10_000, &mut fastrand::Rng::with_seed(seed));
        assert_eq!(trace.lines.len(), 10_000);
        let written = page::write(trace_id(), &trace, 0);
        let plain = written.len() / trace.lines.len();
        assert!(plain <= 40, "{plain} bytes a span");
        let packed = gzip_small(written.as_bytes()).len();
        assert!(packed < 120_000, "{packed} bytes packed");
        assert!(gzip(written.as_bytes()).len() > packed);
    }
}

/// Reads a page as a client does: name, places back to the parent, start and duration in
/// nanoseconds.
fn read(page: &Value) -> Vec<(String, i64, u64, u64)> {
    let numbers = |value: &Value| -> Vec<i64> {
        value.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
    };
    let spans = &page["spans"];
    let unit = page["unit_us"].as_u64().unwrap() * 1_000;
    let names = numbers(&page["shapes"]["name"]);
    let (parents, durations) = (numbers(&spans["parent_back"]), numbers(&spans["duration"]));
    let mut start = 0;
    let shapes = numbers(&spans["shape"]);
    let columns = shapes.iter().zip(numbers(&spans["start"])).zip(parents).zip(durations);
    columns
        .map(|(((shape, delta), parent), duration)| {
            start += delta as u64;
            let name = &page["tables"]["names"][names[*shape as usize] as usize];
            (name.as_str().unwrap().to_owned(), parent, start * unit, duration as u64 * unit)
        })
        .collect()
}

#[test]
fn a_client_reads_what_was_sent() {
    let mut gathering = Gathering::default();
    let at = |row: SpanRow<'static>, from_us: u64, to_us: u64| SpanRow {
        start_ns: START_NS + from_us * 1_000,
        end_ns: START_NS + to_us * 1_000,
        ..row
    };
    let usage = Usage { input: Some(7), ..Usage::default() };
    // In any order, one of them twice.
    gathering.take(&SpanRow {
        usage,
        cost_usd: Some(0.5),
        counts: true,
        model: Some("m"),
        operation: "chat",
        ..at(row(3, 1, "chat"), 30, 60)
    });
    gathering.take(&at(row(2, 1, "late"), 20, 25));
    gathering.take(&SpanRow { failed: true, ..at(row(4, 99, "orphan"), 40, 41) });
    gathering.take(&at(row(1, 0, "root"), 0, 100));
    gathering.take(&at(row(2, 1, "late"), 20, 25));
    let page: Value =
        serde_json::from_str(&page::write(trace_id(), &gathering.finish(true), 0)).unwrap();
    let expected =
        [("root", 0, 0, 100), ("late", 1, 20, 5), ("chat", 2, 30, 30), ("orphan", 0, 40, 1)];
    let expected = expected
        .map(|(name, parent, from, long)| (name.to_owned(), parent, from * 1_000, long * 1_000));
    assert_eq!(read(&page), expected);
    assert_eq!((&page["truncated"], &page["next"]), (&Value::Bool(true), &Value::Null));
    assert_eq!((page["span_count"].as_u64(), page["error_spans"].as_u64()), (Some(4), Some(1)));
    assert_eq!(
        page["token_counts"],
        serde_json::json!({"span": [2], "input": [7], "output": [null]})
    );
    assert_eq!(page["costs"], serde_json::json!({"span": [2], "usd": [0.5]}));
    assert_eq!(page["cost"]["state"], "priced");
    // These ids differ in their last byte only, so all of each is told.
    assert_eq!(page["spans"]["id_bytes"], 8);
    let ids = page["spans"]["ids"].as_str().unwrap();
    let ids = base64::engine::general_purpose::STANDARD.decode(ids).unwrap();
    assert_eq!(ids.chunks(8).map(|id| id[7]).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let models = &page["tables"]["models"];
    assert_eq!(
        (models, &page["shapes"]["model"]),
        (&serde_json::json!(["m"]), &serde_json::json!([-1, -1, 0, -1]))
    );
}

#[test]
fn long_traces_come_in_pages_and_coarser_units() {
    let spans = limits::SKELETON_SPANS as u64 + 5;
    let mut gathering = Gathering::default();
    for id in 1..=spans {
        let start_ns = START_NS + id * 1_000_000;
        let end_ns = start_ns + 2_000_000;
        gathering.take(&SpanRow { start_ns, end_ns, ..row(id, id - 1, "step") });
    }
    let trace = gathering.finish(false);
    let page = |number| -> Value {
        serde_json::from_str(&page::write(trace_id(), &trace, number)).unwrap()
    };
    let (first, second, third) = (page(0), page(1), page(2));
    assert_eq!((&first["next"], &second["next"]), (&serde_json::json!(1), &Value::Null));
    // 100 seconds and a little are more than a million units of 100 microseconds.
    assert_eq!(first["unit_us"], 200);
    let (one, two) = (read(&first), read(&second));
    assert_eq!((one.len() as u64, two.len()), (spans - 5, 5));
    // The parent of the first one stands on the page before.
    assert_eq!(two[0].1, 1);
    let from_first: u64 = one.last().unwrap().2;
    assert_eq!((from_first, two[0].2), ((spans - 6) * 1_000_000, (spans - 5) * 1_000_000));
    assert!(read(&third).is_empty());
}

#[test]
fn names_that_never_end_are_cut() {
    let mut gathering = Gathering::default();
    let long = "é".repeat(10_000);
    let texts = limits::SKELETON_TEXT_BYTES / 200 + 2;
    for id in 1..=texts as u64 {
        let name = format!("{id:0>200}{long}");
        let start_ns = START_NS + id;
        gathering.take(&SpanRow { start_ns, ..row(id, 0, &name) });
    }
    let trace = gathering.finish(false);
    assert!(trace.truncated);
    assert!(trace.texts.iter().map(String::len).sum::<usize>() <= limits::SKELETON_TEXT_BYTES + 9);
}
