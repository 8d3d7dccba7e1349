//! The corpus of texts with and without secrets, each tried as it is and inside JSON.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value as Json;

use super::{Hits, ItemHead, RedactionOptions, Redactor, Verdict};
use crate::model::Signal;

struct Case {
    key: Option<String>,
    text: String,
    /// What the placeholders made.
    made: Vec<String>,
}

const CLASSES: [(&str, &str); 7] = [
    ("alnum", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("lower", "0123456789abcdefghijklmnopqrstuvwxyz"),
    ("upper", "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("hex", "0123456789abcdef"),
    ("digits", "123456789"),
    ("base64", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"),
    ("base64url", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"),
];

fn random(rng: &mut fastrand::Rng, class: &str, length: usize) -> String {
    let (_, letters) = CLASSES.into_iter().find(|(name, _)| *name == class).unwrap();
    let letters = letters.as_bytes();
    let mut text = String::new();
    for _ in 0..length {
        text.push(char::from(letters[rng.usize(..letters.len())]));
    }
    // Short random texts may lack a digit by chance, which keys of services do not.
    if length >= 3 {
        for (at, kind) in ["abcdef", "234567", "ABCDEF"].into_iter().enumerate() {
            let fits = |c: char| letters.contains(&(c as u8));
            if let Some(c) = kind.chars().cycle().skip(rng.usize(..6)).take(6).find(|c| fits(*c)) {
                text.replace_range(at + 1..at + 2, &c.to_string()[..0]);
                text.insert(at + 1, c);
            }
        }
        text.truncate(length);
    }
    text
}

fn uuid(rng: &mut fastrand::Rng) -> String {
    let mut part = |length| random(rng, "hex", length);
    [part(8), part(4), part(4), part(4), part(12)].join("-")
}

fn pem(rng: &mut fastrand::Rng, kind: &str) -> (String, Vec<String>) {
    let lines: Vec<_> = (0..6).map(|_| random(rng, "base64", 64)).collect();
    let text = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----", lines.join("\n"));
    (text, lines)
}

/// What a placeholder stands for, and which of it is secret.
fn make(rng: &mut fastrand::Rng, placeholder: &str) -> Option<(String, Vec<String>)> {
    let (name, rest) = placeholder.split_once(':').unwrap_or((placeholder, ""));
    let whole = |text: String| Some((text.clone(), vec![text]));
    match name {
        "rand" => {
            let (class, length) = rest.split_once(':')?;
            whole(random(rng, class, length.parse().ok()?))
        }
        "is" => whole(rest.to_owned()),
        "b64" => whole(STANDARD.encode(rest)),
        "uuid" => whole(uuid(rng)),
        "jwt" => {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
            let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{}"}}"#, uuid(rng)));
            let text = format!("{header}.{claims}.{}", random(rng, "base64url", 43));
            whole(text)
        }
        "pem" => Some(pem(rng, rest)),
        "pemcut" => {
            let (text, lines) = pem(rng, rest);
            Some((text.split("\n-----END").next()?.to_owned(), lines))
        }
        "pemjson" => {
            let (text, lines) = pem(rng, rest);
            Some((text.replace('\n', "\\n"), lines))
        }
        _ => None,
    }
}

fn expand(rng: &mut fastrand::Rng, template: &str) -> (String, Vec<String>) {
    let (mut text, mut made, mut rest) = (String::new(), Vec::new(), template);
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        text.push_str(before);
        let placeholder = after[1..]
            .split_once('}')
            .and_then(|(inside, behind)| Some((make(rng, inside)?, behind)));
        match placeholder {
            Some(((content, secrets), behind)) => {
                text.push_str(&content);
                made.extend(secrets);
                rest = behind;
            }
            None => {
                text.push('{');
                rest = &after[1..];
            }
        }
    }
    text.push_str(rest);
    (text, made)
}

fn corpus(name: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redaction");
    let file = fs::read_to_string(root.join(name)).unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    file.lines()
        .map(|line| {
            let case: Json = serde_json::from_str(line).unwrap();
            let (text, made) = expand(&mut rng, case["text"].as_str().unwrap());
            Case { key: case["key"].as_str().map(str::to_owned), text, made }
        })
        .collect()
}

/// The text as it is, as a string of a JSON document, and as JSON inside JSON.
fn settings(text: &str) -> [String; 3] {
    let message = serde_json::json!([{"role": "user", "content": text}]).to_string();
    let call = serde_json::json!({"name": "send", "arguments": message}).to_string();
    [text.to_owned(), message, call]
}

/// Sends the text through the copy pass as an attribute and reads it back.
fn through(redactor: &Redactor, key: &str, text: &str) -> String {
    let value = AnyValue { value: Some(Any::StringValue(text.to_owned())) };
    let attribute = KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() };
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        attributes: vec![attribute],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..Default::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..Default::default() }];
    let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let copied =
        redactor.copy(Signal::Traces, &body, &mut |_: &ItemHead<'_>| Verdict::Keep).unwrap();
    let request = ExportTraceServiceRequest::decode(&copied.body[..]).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    match span.attributes[0].value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// The first piece of a secret that is left in a text.
fn survivor<'a>(secret: &'a str, text: &str) -> Option<&'a str> {
    let length = secret.len().min(6);
    (0..=secret.len() - length)
        .filter_map(|at| secret.get(at..at + length))
        .find(|piece| text.contains(piece))
}

#[test]
fn secrets_of_the_corpus_go() {
    let redactor = Redactor::new(&RedactionOptions::default()).unwrap();
    let cases = corpus("positives.jsonl");
    let (mut tried, mut missed) = (0_u32, Vec::new());
    for case in &cases {
        assert!(!case.made.is_empty(), "{} has no secret", case.text);
        for text in settings(&case.text).iter().take(if case.key.is_some() { 1 } else { 3 }) {
            tried += 1;
            let left = through(&redactor, case.key.as_deref().unwrap_or("input"), text);
            if case.made.iter().any(|secret| survivor(secret, &left).is_some()) {
                missed.push(format!("{text}\n  -> {left}"));
            }
            if serde_json::from_str::<Json>(text).is_ok() && case.key.is_none() {
                let valid = serde_json::from_str::<Json>(&left).is_ok();
                assert!(valid, "no longer JSON: {text}\n -> {left}");
            }
        }
    }
    let recall = 1.0 - missed.len() as f64 / f64::from(tried);
    println!("{} positives, {tried} tried, recall {:.2} %", cases.len(), recall * 100.0);
    println!("{}", missed.join("\n"));
    assert!(cases.len() >= 100);
    assert!(recall >= 0.99, "recall {recall:.4}");
}

#[test]
fn texts_without_secrets_stay() {
    let redactor = Redactor::new(&RedactionOptions::default()).unwrap();
    let cases = corpus("negatives.jsonl");
    let (mut tried, mut changed) = (0_u32, Vec::new());
    for case in &cases {
        for text in settings(&case.text).iter().take(if case.key.is_some() { 1 } else { 3 }) {
            tried += 1;
            let left = through(&redactor, case.key.as_deref().unwrap_or("input"), text);
            if left != *text {
                changed.push(format!("{text}\n  -> {left}"));
            }
        }
    }
    let rate = changed.len() as f64 / f64::from(tried);
    println!("{} negatives, {tried} tried, {:.2} % changed", cases.len(), rate * 100.0);
    println!("{}", changed.join("\n"));
    assert!(cases.len() >= 100);
    assert!(rate <= 0.01, "false positives {rate:.4}");
}

#[test]
fn redacting_twice_changes_nothing_more() {
    let redactor = Redactor::new(&RedactionOptions::default()).unwrap();
    for case in corpus("positives.jsonl") {
        for text in settings(&case.text) {
            let Some(once) = redactor.text(&text, &mut Hits::default()) else { continue };
            let twice = redactor.text(&once, &mut Hits::default());
            assert_eq!(twice, None, "{once}");
        }
    }
}

/// A document made of pieces of the corpus, as keys and as values, some of them JSON themselves.
fn document(rng: &mut fastrand::Rng, pieces: &[String], depth: usize) -> Json {
    let piece = pieces[rng.usize(..pieces.len())].clone();
    match rng.u8(..if depth == 0 { 4 } else { 8 }) {
        0 => Json::from(rng.i32(..)),
        1 => Json::from(rng.bool()),
        2 | 3 => Json::from(piece),
        4 => Json::from(document(rng, pieces, depth - 1).to_string()),
        5 => (0..rng.usize(..4)).map(|_| document(rng, pieces, depth - 1)).collect(),
        _ => {
            let keys = ["password", "token", "name", "api_key", "value", "content", "credentials"];
            let entries = (0..rng.usize(1..5)).map(|_| {
                let key = match rng.u8(..4) {
                    0 => pieces[rng.usize(..pieces.len())].clone(),
                    _ => (*rng.choice(keys).unwrap()).to_owned(),
                };
                (key, document(rng, pieces, depth - 1))
            });
            Json::Object(entries.collect())
        }
    }
}

#[test]
fn json_stays_json() {
    let redactor = Redactor::new(&RedactionOptions::default()).unwrap();
    let mut pieces = Vec::new();
    for name in ["positives.jsonl", "negatives.jsonl"] {
        pieces.extend(corpus(name).into_iter().map(|case| case.text));
    }
    let halves: Vec<_> = pieces
        .iter()
        .map(|piece| piece[..piece.floor_char_boundary(piece.len() / 2)].to_owned())
        .collect();
    pieces.extend(halves);
    let mut redacted = 0;
    let seeds = std::env::var("PHAROS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(2_000) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let text = document(&mut rng, &pieces, 4).to_string();
        let Some(left) = redactor.text(&text, &mut Hits::default()) else { continue };
        redacted += 1;
        let valid = serde_json::from_str::<Json>(&left);
        assert!(valid.is_ok(), "seed {seed}: {}\n{text}\n -> {left}", valid.unwrap_err());
    }
    assert!(redacted > 500);
}
