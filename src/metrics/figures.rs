//! Figures in processor time, printed and not asserted:
//! `cargo test --release --lib metrics::figures -- --ignored --nocapture --test-threads 1`.

use std::time::Duration;

use super::catalog;
use super::measures::tests::{failed, llm, origin, span, understood};
use super::{CardinalityOptions, Measures, Registry};
use crate::clock;
use crate::model::{
    HttpExchange, LlmCall, Operation, Settled, SpanId, ToolCall, Understanding, Usage,
};

const ROUNDS: u32 = 1_000_000;

/// Processor time since `begun`.
fn used(begun: f64) -> Duration {
    Duration::from_secs_f64((clock::process_cpu_seconds() - begun).max(0.0))
}

#[test]
#[ignore = "prints figures"]
fn nanoseconds_per_span() {
    let call = LlmCall {
        time_to_first_token_seconds: Some(0.1),
        usage: Usage { cached: Some(10), ..llm("gpt-4o").usage },
        cost: crate::model::Cost::reported(0.001),
        ..llm("gpt-4o")
    };
    let agent = Some("planner");
    let route = Some("/chat/{id}");
    let exchange = HttpExchange { method: "GET", route, status_code: Some(200), peer: "" };
    let tool = ToolCall { name: "search", ..Default::default() };
    let kinds = [
        ("LLM call", Understanding { agent, ..understood(Operation::Llm(call)) }),
        ("tool call", Understanding { agent, ..understood(Operation::Tool(tool.clone())) }),
        ("failed tool call", failed(Operation::Tool(tool), Some("Timeout"))),
        ("HTTP request", understood(Operation::HttpServer(exchange))),
        ("plain span", understood(Operation::Other)),
    ];
    let registry = Registry::default();
    let mut measures = Measures::new(&registry);
    let (shop, mut work) = (origin("shop"), span(0.5));
    for (name, understanding) in &kinds {
        let begun = clock::process_cpu_seconds();
        let settled = match &understanding.operation {
            Operation::Llm(call) => Some(Settled::whole(call)),
            _ => None,
        };
        for index in 0..ROUNDS {
            work.span_id = SpanId::from_bytes(&u64::from(index + 1).to_be_bytes()).unwrap();
            measures.span(&shop, &work, understanding, settled.as_ref());
        }
        println!("{name}: {:?} each", used(begun) / ROUNDS);
    }
    let names: Vec<String> = (0..ROUNDS / 10).map(|index| format!("tool-{index}")).collect();
    let begun = clock::process_cpu_seconds();
    for name in &names {
        let tool = Operation::Tool(ToolCall { name, ..Default::default() });
        measures.span(&shop, &work, &understood(tool), None);
    }
    println!("tool call that overflows: {:?} each", used(begun) / (ROUNDS / 10));
}

#[test]
#[ignore = "prints figures"]
fn milliseconds_per_page() {
    let options = CardinalityOptions { label_values: 1_000, ..Default::default() };
    for family in [&catalog::TOOL_CALLS, &catalog::LLM_REQUEST_DURATION] {
        let options = CardinalityOptions { series_per_metric: 20_000, ..options.clone() };
        let registry = Registry::new(options);
        for index in 0..20_000 {
            let (a, b) = (format!("first-{}", index / 100), format!("second-{}", index % 100));
            registry.resolve(family, &[&a, &b]);
        }
        let begun = clock::process_cpu_seconds();
        let page = registry.render();
        let took = used(begun);
        let series = page.lines().filter(|line| !line.starts_with('#')).count();
        println!("{}: {series} series, {} bytes, {took:?}", family.name, page.len());
        let begun = clock::process_cpu_seconds();
        let snapshot = registry.snapshot();
        println!("its snapshot: {} bytes, {:?}", snapshot.len(), used(begun));
        let begun = clock::process_cpu_seconds();
        Registry::default().restore(&snapshot).unwrap();
        println!("restored in {:?}", used(begun));
    }
}
