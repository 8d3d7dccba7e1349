//! An investigation as text: what happened, what failed first, where time and money went.
//!
//! Everything is read leniently: an answer of a later version still tells what it shares.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value;

/// Spans of the tree that are printed; the whole answer is there with `--json`.
const SPANS_SHOWN: usize = 200;
/// Steps of the critical path that are printed, those that took longest.
const STEPS_SHOWN: usize = 8;
const LOGS_SHOWN: usize = 10;
const DEPTH_SHOWN: usize = 32;
/// Characters of a prompt that is told because it was repeated.
const PROMPT_SHOWN: usize = 120;

/// The whole story.
pub(super) fn story(found: &Value) -> String {
    let mut text = String::new();
    summary(&mut text, &found["summary"]);
    first_error(&mut text, &found["first_error"]);
    compared(&mut text, &found["compared_with_median"]);
    critical_path(&mut text, list(found, "critical_path"));
    for (name, title) in
        [("by_model", "By model"), ("by_agent", "By agent"), ("by_tool", "By tool")]
    {
        accounts(&mut text, title, list(found, name));
    }
    repeats(&mut text, list(found, "repeated_calls"));
    prompts(&mut text, list(found, "repeated_prompts"));
    loops(&mut text, list(found, "loops"));
    logs(&mut text, list(found, "logs"));
    let spans = list(found, "spans");
    if !spans.is_empty() {
        text.push_str("\nSpans\n");
        tree(&mut text, spans);
    }
    if found["truncated"] == true {
        text.push_str("\nThe trace is larger than what was read of it.\n");
    }
    text
}

/// Names and messages come from outside; a terminal must not take orders from them.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn summary(text: &mut String, summary: &Value) {
    let count = |name: &str| summary[name].as_u64().unwrap_or(0);
    line(text, &format!("{}  {}", word(summary, "name"), word(summary, "outcome").to_uppercase()));
    line(
        text,
        &format!(
            "{} in {}, {} spans ({} failed), {} model calls, {} tool calls, began {}",
            milliseconds(&summary["duration_ms"]),
            word(summary, "service"),
            count("span_count"),
            count("error_spans"),
            count("llm_calls"),
            count("tool_calls"),
            word(summary, "start_time"),
        ),
    );
    line(text, &format!("tokens {}", tokens(&summary["tokens"])));
    line(text, &format!("cost   {}", cost(&summary["cost"])));
    let tools: Vec<String> =
        list(summary, "tools_used").iter().filter_map(Value::as_str).map(printable).collect();
    if !tools.is_empty() {
        line(text, &format!("tools  {}", tools.join(", ")));
    }
}

fn first_error(text: &mut String, error: &Value) {
    if !error.is_object() {
        return;
    }
    text.push_str("\nWhat failed first\n");
    line(text, &format!("  {}", failure(error)));
    line(text, &format!("  {}", word(error, "message")));
    let (said, cause) = (error["message"].as_str(), &error["cause"]);
    if let Some(kind) = cause["type"].as_str() {
        let message = cause["message"].as_str().filter(|message| Some(*message) != said);
        let message = message.map_or_else(String::new, |message| format!(": {message}"));
        line(text, &printable(&format!("  raised {kind}{message}")));
    }
    for above in list(error, "propagated_to") {
        // What every span on the way repeats is told once.
        let message = above["message"].as_str().filter(|message| Some(*message) != said);
        let message = message.map_or_else(String::new, |message| format!("  {message}"));
        line(text, &printable(&format!("    → {}{message}", failure(above))));
    }
}

/// What failed, where, and with what class of error.
fn failure(failed: &Value) -> String {
    let kind = failed["error_type"].as_str().map_or_else(String::new, |kind| format!("  {kind}"));
    let service = failed["service"].as_str();
    let service = service.map_or_else(String::new, |service| format!(" in {service}"));
    printable(&format!("{}{service}{kind}", word(failed, "name")))
}

fn compared(text: &mut String, compared: &Value) {
    let Some(runs) = compared["runs"].as_u64() else { return };
    let _ = writeln!(text, "\nAgainst the median of {runs} earlier runs");
    for difference in list(compared, "figures") {
        let number = |name: &str| match difference[name].as_f64() {
            Some(number) => format!("{}", (number * 1e6).round() / 1e6),
            None => "unknown".to_owned(),
        };
        let (this, median) = (number("this"), number("median"));
        let ratio = difference["ratio"].as_f64().map_or_else(String::new, |it| format!("  ×{it}"));
        line(
            text,
            &format!("  {:<12} {this} instead of {median}{ratio}", word(difference, "figure")),
        );
    }
    for (name, title) in [("unusual_tools", "unusual"), ("missing_tools", "not called")] {
        let tools: Vec<String> =
            list(compared, name).iter().filter_map(Value::as_str).map(printable).collect();
        if !tools.is_empty() {
            line(text, &format!("  {title:<12} {}", tools.join(", ")));
        }
    }
}

fn critical_path(text: &mut String, steps: &[Value]) {
    if steps.is_empty() {
        return;
    }
    let own = |step: &Value| step["self_ms"].as_f64().unwrap_or(0.0);
    let mut longest: Vec<&Value> = steps.iter().collect();
    longest.sort_by(|one, other| own(other).total_cmp(&own(one)));
    text.push_str("\nWhere the time went\n");
    for step in longest.into_iter().take(STEPS_SHOWN) {
        let failed = if step["failed"] == true { "  ERROR" } else { "" };
        let time = milliseconds(&step["self_ms"]);
        line(text, &format!("  {time:>10}  {}{failed}", word(step, "name")));
    }
}

fn accounts(text: &mut String, title: &str, accounts: &[Value]) {
    if accounts.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for account in accounts {
        let mut told = format!(
            "  {:<24} {} calls, {} failed, {}",
            word(account, "name"),
            account["calls"].as_u64().unwrap_or(0),
            account["errors"].as_u64().unwrap_or(0),
            milliseconds(&account["duration_ms"]),
        );
        if account["tokens"]["total"].as_u64().is_some() {
            let _ = write!(told, ", {} tokens", tokens(&account["tokens"]));
            let _ = write!(told, ", {}", cost(&account["cost"]));
        }
        line(text, &told);
    }
}

fn repeats(text: &mut String, repeats: &[Value]) {
    if repeats.is_empty() {
        return;
    }
    text.push_str("\nThe same call again and again\n");
    for repeat in repeats {
        let count = repeat["count"].as_u64().unwrap_or(0);
        let arguments = word(repeat, "arguments");
        line(text, &format!("  {count} × {} {arguments}", word(repeat, "tool")));
    }
}

fn prompts(text: &mut String, prompts: &[Value]) {
    if prompts.is_empty() {
        return;
    }
    text.push_str("\nThe same prompt again and again\n");
    for repeat in prompts {
        let count = repeat["count"].as_u64().unwrap_or(0);
        let mut prompt = word(repeat, "prompt");
        if let Some((end, _)) = prompt.char_indices().nth(PROMPT_SHOWN) {
            prompt.truncate(end);
            prompt.push('…');
        }
        line(text, &format!("  {count} × {}  {prompt}", word(repeat, "model")));
    }
}

fn loops(text: &mut String, loops: &[Value]) {
    if loops.is_empty() {
        return;
    }
    text.push_str("\nRound in circles\n");
    for found in loops {
        let rounds = found["rounds"].as_u64().unwrap_or(0);
        let calls = list(found, "calls").iter();
        let calls = calls.map(|call| format!("{} {}", word(call, "tool"), word(call, "arguments")));
        line(text, &format!("  {rounds} × {}", calls.collect::<Vec<_>>().join(" → ")));
    }
}

fn logs(text: &mut String, logs: &[Value]) {
    if logs.is_empty() {
        return;
    }
    text.push_str("\nLogs\n");
    for log in logs.iter().take(LOGS_SHOWN) {
        let body = log["body"].as_str().map_or_else(|| log["body"].to_string(), printable);
        line(text, &format!("  {}  {:<7} {body}", word(log, "time"), word(log, "severity_text")));
    }
    if logs.len() > LOGS_SHOWN {
        let _ = writeln!(text, "  … {} in all; --json has them", logs.len());
    }
}

fn tree(text: &mut String, spans: &[Value]) {
    let id = |span: &Value, name: &str| span[name].as_str().unwrap_or_default().to_owned();
    let ids: HashSet<String> = spans.iter().map(|span| id(span, "span_id")).collect();
    let mut children: HashMap<String, Vec<&Value>> = HashMap::new();
    for span in spans {
        let parent = id(span, "parent_span_id");
        let parent = if ids.contains(&parent) { parent } else { String::new() };
        children.entry(parent).or_default().push(span);
    }
    let mut open = below(children.remove(""), 1);
    let mut shown = 0;
    while let Some((span, depth)) = open.pop() {
        if shown == SPANS_SHOWN {
            let _ = writeln!(text, "  … {} spans in all; --json has them", spans.len());
            return;
        }
        shown += 1;
        let failed = if span["status"] == "error" { "  ERROR" } else { "" };
        let time = milliseconds(&span["duration_ms"]);
        line(text, &format!("{}{}  {time}{failed}", "  ".repeat(depth), word(span, "name")));
        let depth = (depth + 1).min(DEPTH_SHOWN);
        open.extend(below(children.remove(&id(span, "span_id")), depth));
    }
}

/// The spans with their depth, the first one last: it is taken from the end.
fn below(spans: Option<Vec<&Value>>, depth: usize) -> Vec<(&Value, usize)> {
    spans.unwrap_or_default().into_iter().rev().map(|span| (span, depth)).collect()
}

fn tokens(tokens: &Value) -> String {
    let count = |name: &str| tokens[name].as_u64();
    let Some(total) = count("total") else { return "unknown".to_owned() };
    let parts = ["input", "output", "cached", "cache_write", "reasoning"];
    let parts = parts.iter().filter_map(|name| Some(format!("{name} {}", count(name)?)));
    format!("{total} ({})", parts.collect::<Vec<_>>().join(", "))
}

/// An unpriced call is never told as one that cost nothing.
fn cost(cost: &Value) -> String {
    let unpriced = cost["unpriced_calls"].as_u64().unwrap_or(0);
    match (cost["usd"].as_f64(), unpriced) {
        (Some(usd), 0) => format!("{usd:.6} USD"),
        (Some(usd), calls) => format!("{usd:.6} USD and {calls} unpriced calls"),
        (None, 0) => "none".to_owned(),
        (None, calls) => format!("unpriced ({calls} calls)"),
    }
}

fn milliseconds(value: &Value) -> String {
    match value.as_f64() {
        None => "? ms".to_owned(),
        Some(time) if time >= 1_000.0 => format!("{:.2} s", time / 1_000.0),
        Some(time) => format!("{time:.1} ms"),
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value, name: &str) -> String {
    printable(value[name].as_str().unwrap_or("?"))
}

fn line(text: &mut String, content: &str) {
    text.push_str(content.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "summary": {
                "name": "run", "service": "support", "outcome": "error", "duration_ms": 1200.5,
                "start_time": "2026-11-21T09:00:00Z", "span_count": 3, "error_spans": 1,
                "llm_calls": 2, "tool_calls": 1, "tools_used": ["search", "fetch"],
                "tokens": {"total": 15, "input": 10, "output": 5, "reasoning": null},
                "cost": {"usd": null, "state": "unpriced", "unpriced_calls": 2}
            },
            "first_error": {
                "name": "search", "service": "support", "error_type": "Timeout",
                "message": "timed\u{1b}[31m out",
                "cause": {"type": "TimeoutError", "message": "5 s", "stacktrace": "line 1"},
                "propagated_to": [
                    {"name": "step", "service": "support", "message": "timed\u{1b}[31m out"},
                    {"name": "run", "service": "web", "error_type": "500", "message": "no answer"}
                ]
            },
            "compared_with_median": {
                "runs": 12, "figures": [
                    {"figure": "duration_ms", "this": 1200.5, "median": 600.0, "ratio": 2.001},
                    {"figure": "cost_usd", "this": null, "median": 0.1, "ratio": null}
                ], "unusual_tools": ["fetch"], "missing_tools": []
            },
            "critical_path": [
                {"name": "run", "self_ms": 2.0, "failed": true}, {"name": "chat", "self_ms": 900}
            ],
            "by_tool": [{"name": "search", "calls": 2, "errors": 1, "duration_ms": 5}],
            "repeated_calls": [{"tool": "search", "arguments": "{\"q\":1}", "count": 4}],
            "repeated_prompts": [{"model": "gpt-4o", "prompt": "é".repeat(200), "count": 2}],
            "loops": [{"rounds": 3, "calls": [
                {"tool": "a", "arguments": "1"}, {"tool": "b", "arguments": "2"}
            ]}],
            "logs": [{"time": "t", "severity_text": "WARNING", "body": "late"}],
            "spans": [
                {"span_id": "a", "name": "run", "duration_ms": 1200.5, "status": "ok"},
                {"span_id": "b", "parent_span_id": "a", "name": "search", "status": "error"},
                {"span_id": "c", "parent_span_id": "lost", "name": "orphan", "duration_ms": 1}
            ]
        })
    }

    #[test]
    fn an_answer_is_told_as_a_story() {
        let text = story(&answer());
        let expected = "\
run  ERROR
1.20 s in support, 3 spans (1 failed), 2 model calls, 1 tool calls, began 2026-11-21T09:00:00Z
tokens 15 (input 10, output 5)
cost   unpriced (2 calls)
tools  search, fetch

What failed first
  search in support  Timeout
  timed [31m out
  raised TimeoutError: 5 s
    → step in support
    → run in web  500  no answer

Against the median of 12 earlier runs
  duration_ms  1200.5 instead of 600  ×2.001
  cost_usd     unknown instead of 0.1
  unusual      fetch

Where the time went
    900.0 ms  chat
      2.0 ms  run  ERROR

By tool
  search                   2 calls, 1 failed, 5.0 ms

The same call again and again
  4 × search {\"q\":1}

The same prompt again and again
  2 × gpt-4o  PROMPT…

Round in circles
  3 × a 1 → b 2

Logs
  t  WARNING late

Spans
  run  1.20 s
    search  ? ms  ERROR
  orphan  1.0 ms
";
        assert_eq!(text, expected.replace("PROMPT", &"é".repeat(PROMPT_SHOWN)));
    }

    #[test]
    fn circles_crowds_and_strangers_end() {
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
        assert!(story(&json!([1, "two", null])).starts_with("?  ?"));
    }

    #[test]
    fn a_cost_is_never_made_up() {
        let told = |usd: Value, calls: u64| cost(&json!({"usd": usd, "unpriced_calls": calls}));
        assert_eq!(told(json!(0.5), 0), "0.500000 USD");
        assert_eq!(told(json!(0.5), 1), "0.500000 USD and 1 unpriced calls");
        assert_eq!(told(Value::Null, 3), "unpriced (3 calls)");
        assert_eq!(told(Value::Null, 0), "none");
    }
}
