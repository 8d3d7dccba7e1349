//! What the report says of senders.

use proptest::prelude::*;

use super::Mapping;
use crate::limits;
use crate::model::{Attribute, Moment, Origin, Projection as _, Scope, SeenSpan, Span, Value};
use crate::otlp::read;
use crate::semconv::{tests::span, understand};

fn origin<'a>(service: &'a str, scope: &'a str) -> Origin<'a> {
    let resource = vec![Attribute { key: "service.name", value: Value::Text(service) }];
    Origin { resource, scope: Scope { name: scope, version: "1.2", ..Scope::default() } }
}

fn see(report: &mut Mapping, origin: &Origin<'_>, span: &Span<'_>, second: u64) {
    let known = understand(origin, span);
    let moment = Moment { arrived_ns: second * 1_000_000_000, live: true };
    report.span(&SeenSpan { moment, origin, span, known: &known, settled: None });
}

fn names(list: &serde_json::Value, key: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

use Value::{Int, Text};

#[test]
fn a_sender_is_told_what_became_of_its_words() {
    let mut report = Mapping::default();
    let attributes = [
        ("gen_ai.operation.name", Text("chat")),
        ("gen_ai.system", Text("anthropic")),
        ("gen_ai.request.model", Text("openai/gpt-4o")),
        ("gen_ai.request.temprature", Text("0.5")),
        ("gen_ai.usage.input_tokens", Int(10)),
        ("gen_ai.usage.prompt_tokens", Int(11)),
        ("gen_ai.usage.output_tokens", Int(7)),
        ("gen_ai.usage.cache_read.input_tokens", Int(100)),
        ("gen_ai.usage.total_tokens", Int(200)),
        ("gen_ai.usage.reasoning.output_tokens", Int(8)),
        ("app.note", Text("x")),
    ];
    see(&mut report, &origin("agents", "my.sdk"), &span("chat", &attributes), 7);
    let odd = [("gen_ai.operation.name", Text("ponder"))];
    see(&mut report, &origin("agents", "my.sdk"), &span("x", &odd), 9);
    let answer = report.answer();
    let sender = &answer["senders"][0];
    assert_eq!(sender["service"], "agents");
    assert_eq!((&sender["scope"], &sender["scope_version"]), (&"my.sdk".into(), &"1.2".into()));
    assert_eq!((&sender["spans"], &sender["examined_spans"]), (&2.into(), &2.into()));
    assert_eq!(sender["first_seen"], "1970-01-01T00:00:07Z");
    assert_eq!(sender["last_seen"], "1970-01-01T00:00:09Z");
    assert_eq!(sender["dialects"], serde_json::json!({ "gen_ai": 1 }));
    assert_eq!(sender["operations"], serde_json::json!({ "chat": 1, "other": 1 }));
    assert_eq!(sender["cached_tokens"], serde_json::json!({ "exclusive by numbers": 1 }));
    assert_eq!(names(&sender["unknown"], "attribute"), ["gen_ai.request.temprature"]);
    assert_eq!(names(&sender["unexplained"], "attribute"), ["gen_ai.operation.name"]);
    let old = &sender["deprecated"];
    assert_eq!(names(old, "attribute"), ["gen_ai.system", "gen_ai.usage.prompt_tokens"]);
    assert_eq!(old[0]["replaced_by"], "gen_ai.provider.name");
    let mut kinds = names(&sender["contradictory"], "kind");
    kinds.sort();
    let expected = [
        "provider_and_model_disagree",
        "reasoning_exceeds_output",
        "total_is_not_the_sum",
        "two_names_disagree",
    ];
    assert_eq!(kinds, expected);
    assert!(!answer.to_string().contains("app.note"));
}

/// Real instrumentations use words that are known, and say nothing that contradicts itself.
#[test]
fn recorded_senders_are_understood_word_for_word() {
    let mut report = Mapping::default();
    for (name, body) in crate::semconv::recorded::bodies() {
        if name.ends_with(".traces") {
            read::spans(&body, |origin, span| see(&mut report, origin, span, 1)).unwrap();
        }
    }
    let answer = report.answer();
    let mut wrong = Vec::new();
    for sender in answer["senders"].as_array().unwrap() {
        for key in ["unknown", "unexplained", "contradictory"] {
            if sender[key] != serde_json::json!([]) {
                wrong.push(format!("{} {key}: {}", sender["scope"], sender[key]));
            }
        }
        assert_eq!(sender["overflowed"], 0, "{}", sender["scope"]);
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(answer["other_spans"], 0);
}

#[test]
fn attributes_are_looked_at_of_a_sample_and_spans_counted_of_all() {
    let mut report = Mapping::default();
    let (origin, attributes) = (origin("a", "b"), [("gen_ai.request.model", Text("m"))]);
    let many = limits::MAPPING_FIRST_SPANS + 10 * limits::MAPPING_EVERY_SPANS;
    for _ in 0..many {
        see(&mut report, &origin, &span("x", &attributes), 1);
    }
    let sender = &report.answer()["senders"][0];
    assert_eq!(sender["spans"], many);
    assert_eq!(sender["examined_spans"], limits::MAPPING_FIRST_SPANS + 10);
    assert_eq!(sender["recognised"][0]["spans"], limits::MAPPING_FIRST_SPANS + 10);
}

#[test]
fn senders_and_names_without_end_are_bounded_and_said() {
    let mut report = Mapping::default();
    let long = "é".repeat(1_000);
    for number in 0..limits::MAPPING_SENDERS + 5 {
        let service = format!("{long}{number}");
        let scope = format!("{number}{long}");
        see(&mut report, &origin(&service, &scope), &span("x", &[]), 1);
    }
    let answer = report.answer();
    assert_eq!(answer["senders"].as_array().unwrap().len(), limits::MAPPING_SENDERS);
    assert_eq!(answer["other_spans"], 5);
    // One that has been silent for long makes room.
    see(&mut report, &origin("new", "new"), &span("x", &[]), limits::MAPPING_SILENT_SECONDS + 1);
    let answer = report.answer();
    assert!(names(&answer["senders"], "service").contains(&"new".to_owned()));

    let keys: Vec<_> = (0..300).map(|number| format!("gen_ai.x{number}")).collect();
    let attributes: Vec<_> = keys.iter().map(|key| (key.as_str(), Int(1))).collect();
    let mut report = Mapping::default();
    see(&mut report, &origin("a", "b"), &span("x", &attributes), 1);
    let sender = &report.answer()["senders"][0];
    assert_eq!(sender["unknown"].as_array().unwrap().len(), limits::MAPPING_NAMES);
    assert_eq!(sender["overflowed"], 300 - limits::MAPPING_NAMES as u64);
}

#[test]
fn a_snapshot_brings_everything_back() {
    let mut report = Mapping::default();
    let attributes = [("gen_ai.system", Text("x")), ("gen_ai.y", Int(1))];
    see(&mut report, &origin("a", "b"), &span("x", &attributes), 1);
    let mut restored = Mapping::default();
    restored.restore(&report.snapshot()).unwrap();
    assert_eq!(restored.answer(), report.answer());
    see(&mut report, &origin("a", "b"), &span("x", &attributes), 2);
    see(&mut restored, &origin("a", "b"), &span("x", &attributes), 2);
    assert_eq!(restored.answer(), report.answer());
    assert!(restored.restore(b"{").is_err());
    assert_eq!(restored.answer(), report.answer());
}

proptest! {
    /// Whatever is sent: an answer within its bounds.
    #[test]
    fn nothing_that_is_sent_breaks_the_report(
        keys in prop::collection::vec("(gen_ai|llm|ai)\\.[a-zé0-9.]{0,200}", 0..20),
        number in any::<i64>(),
    ) {
        let mut report = Mapping::default();
        let mut attributes: Vec<_> = keys.iter().map(|key| (key.as_str(), Int(number))).collect();
        attributes.push(("gen_ai.usage.input_tokens", Int(number)));
        attributes.push(("gen_ai.usage.total_tokens", Int(number / 2)));
        attributes.push(("llm.request.type", Text("chat")));
        see(&mut report, &origin("a", "b"), &span("x", &attributes), 1);
        for item in report.answer()["senders"][0]["unknown"].as_array().unwrap() {
            prop_assert!(item["attribute"].as_str().unwrap().len() <= limits::MAPPING_NAME_BYTES);
        }
    }
}
