//! `pharos investigate`: what happened in one trace, for a person at a terminal.

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::arguments::InvestigateArguments;
use super::client::{api_key, base_url, get};
use super::{Failure, output};

/// Spans of the tree that are printed; the whole answer is there with `--json`.
const SPANS_SHOWN: usize = 200;
const DEPTH_SHOWN: usize = 32;

pub(super) fn run(arguments: &InvestigateArguments) -> Result<(), Failure> {
    let id = arguments.trace_id.trim();
    if id.len() != 32 || !id.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Failure::Usage("a trace id has 32 hexadecimal digits".to_owned()));
    }
    let url = base_url(arguments.url.as_deref(), &arguments.flags)?;
    let key = api_key(arguments.api_key_file.as_deref())?;
    let url = format!("{url}/api/investigate/{}", id.to_ascii_lowercase());
    let answer = get(&url, key.as_ref(), arguments.timeout)?;
    if answer.status != 200 {
        return Err(refused(answer.status, &answer.body).into());
    }
    if arguments.json {
        return output::data(&answer.body);
    }
    let found: Value =
        serde_json::from_str(&answer.body).with_context(|| format!("{url} answered no JSON"))?;
    output::data(&readable(&found))
}

fn refused(status: u16, body: &str) -> anyhow::Error {
    let said: Option<Value> = serde_json::from_str(body).ok();
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    match (status, message) {
        (401, _) => anyhow!("Pharos asks for an API key: --api-key-file"),
        (404, _) => anyhow!("Pharos knows no such trace"),
        (_, Some(message)) => anyhow!("Pharos answered {status}: {}", printable(message)),
        (_, None) => anyhow!("Pharos answered {status}"),
    }
}

/// The summary first, then what else was found out, then the spans as a tree.
fn readable(found: &Value) -> String {
    let mut text = String::new();
    if let Some(summary) = found["summary"].as_object() {
        for (name, value) in summary {
            fact(&mut text, name, value, 0);
        }
    }
    if let Some(parts) = found.as_object() {
        let rest = |name: &&String| !matches!(name.as_str(), "summary" | "spans" | "debug_logs");
        for name in parts.keys().filter(rest) {
            fact(&mut text, name, &parts[name], 0);
        }
    }
    if let Some(spans) = found["spans"].as_array() {
        text.push_str("\nspans:\n");
        tree(&mut text, spans);
    }
    text
}

/// `name: value`, nested values indented below their name. What is empty is left out.
fn fact(text: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let label = printable(&name.replace('_', " "));
    match value {
        Value::Null => {}
        Value::Object(parts) if depth < DEPTH_SHOWN && !parts.is_empty() => {
            text.push_str(&format!("{indent}{label}:\n"));
            for (name, value) in parts {
                fact(text, name, value, depth + 1);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            text.push_str(&format!("{indent}{label}:\n"));
            for item in items {
                text.push_str(&format!("{indent}  - {}\n", on_one_line(item)));
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Object(_) => {}
        value => text.push_str(&format!("{indent}{label}: {}\n", on_one_line(value))),
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) => items.iter().map(on_one_line).collect::<Vec<_>>().join(", "),
        Value::Object(parts) => {
            let told = parts.iter().filter(|(_, value)| !value.is_null());
            let told = told.map(|(name, value)| match value {
                Value::Object(_) | Value::Array(_) => format!("{name} ({})", on_one_line(value)),
                value => format!("{name} {}", on_one_line(value)),
            });
            told.collect::<Vec<_>>().join(", ")
        }
        value => value.to_string(),
    }
}

fn tree(text: &mut String, spans: &[Value]) {
    let id = |span: &Value, name: &str| span[name].as_str().unwrap_or_default().to_owned();
    let ids: std::collections::HashSet<String> =
        spans.iter().map(|span| id(span, "span_id")).collect();
    let mut children: std::collections::HashMap<String, Vec<&Value>> = Default::default();
    for span in spans {
        let parent = id(span, "parent_span_id");
        let parent = if ids.contains(&parent) { parent } else { String::new() };
        children.entry(parent).or_default().push(span);
    }
    let mut open = below(children.remove(""), 1);
    let mut shown = 0;
    while let Some((span, depth)) = open.pop() {
        if shown == SPANS_SHOWN {
            text.push_str(&format!("  … {} spans in all; --json has them\n", spans.len()));
            return;
        }
        shown += 1;
        let failed = if span["status"] == "error" { "  ERROR" } else { "" };
        let duration =
            span["duration_ms"].as_f64().map_or_else(String::new, |ms| format!("  {ms} ms"));
        let name = printable(span["name"].as_str().unwrap_or("?"));
        text.push_str(&format!("{}{name}{duration}{failed}\n", "  ".repeat(depth)));
        let depth = (depth + 1).min(DEPTH_SHOWN);
        open.extend(below(children.remove(&id(span, "span_id")), depth));
    }
}

/// The spans with their depth, the first one last: it is taken from the end.
fn below(spans: Option<Vec<&Value>>, depth: usize) -> Vec<(&Value, usize)> {
    spans.unwrap_or_default().into_iter().rev().map(|span| (span, depth)).collect()
}

/// Names and messages come from outside; a terminal must not take orders from them.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_told_as_summary_and_tree() {
        let found = json!({
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "summary": {
                "outcome": "error", "duration_ms": 1200.5, "tools_used": ["search", "fetch"],
                "tokens": {"prompt": 10, "completion": 5}, "nothing": null, "none": []
            },
            "first_error": {"span": "search", "message": "timed\u{1b}[31m out"},
            "spans": [
                {"span_id": "a", "name": "run", "duration_ms": 1200.5, "status": "ok"},
                {"span_id": "b", "parent_span_id": "a", "name": "search", "status": "error"},
                {"span_id": "c", "parent_span_id": "lost", "name": "orphan"},
            ]
        });
        let text = readable(&found);
        for line in [
            "outcome: error\n",
            "tools used: search, fetch\n",
            "tokens:\n  completion: 5\n  prompt: 10\n",
            "first error:\n  message: timed [31m out\n  span: search\n",
            "  run  1200.5 ms\n    search  ERROR\n  orphan\n",
        ] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
        assert!(!text.contains("nothing") && !text.contains("none"), "{text}");
    }

    #[test]
    fn circles_and_crowds_end() {
        let circle = [
            json!({"span_id": "a", "parent_span_id": "b"}),
            json!({"span_id": "b", "parent_span_id": "a"}),
        ];
        let mut text = String::new();
        tree(&mut text, &circle);
        assert_eq!(text, "");
        let crowd: Vec<_> =
            (0..1_000).map(|number| json!({"span_id": number.to_string(), "name": "x"})).collect();
        tree(&mut text, &crowd);
        assert_eq!(text.lines().count(), SPANS_SHOWN + 1);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        assert!(refused(401, "").to_string().contains("--api-key-file"));
        assert!(refused(404, "<html>").to_string().contains("no such trace"));
        let body = r#"{"error": {"code": "overloaded", "message": "Too many."}}"#;
        assert_eq!(refused(503, body).to_string(), "Pharos answered 503: Too many.");
    }
}
