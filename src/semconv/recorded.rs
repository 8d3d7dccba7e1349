//! What recorded bodies are understood as, span by span, against `expected.txt`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Ledger, understand, understand_log};
use crate::model::{CallBook as _, LlmCall, Operation, Settled, Span, Understanding, Usage};
use crate::otlp::read;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp")
}

/// The recorded bodies of traces and logs, in a fixed order.
pub(super) fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root()).unwrap().flatten().filter(|it| it.path().is_dir()) {
        for file in fs::read_dir(folder.path()).unwrap().flatten() {
            let path = file.path();
            let name = path.strip_prefix(root()).unwrap().with_extension("");
            let name = name.display().to_string();
            if name.ends_with(".traces") || name.ends_with(".logs") {
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn recorded_bodies_are_understood_as_expected() {
    let mut said = String::new();
    for (name, body) in bodies() {
        writeln!(said, "\n[{name}]").unwrap();
        if name.ends_with(".logs") {
            read::log_records(&body, |origin, record| {
                if let Some(event) = understand_log(origin, record) {
                    let content = if event.has_content { " with content" } else { "" };
                    writeln!(said, "{} | {}{content}", event.name, event.role).unwrap();
                }
            })
            .unwrap();
            continue;
        }
        let mut ledger = Ledger::new(1_000);
        let (mut calls, mut usage) = (0, Usage::default());
        read::spans(&body, |origin, span| {
            let understanding = understand(origin, span);
            let settled = match &understanding.operation {
                Operation::Llm(call) => Some(ledger.settle(span, origin.scope.name, call)),
                _ => None,
            };
            writeln!(said, "{}", line(span, &understanding, settled.as_ref())).unwrap();
            if let Some(settled) = settled {
                calls += u32::from(settled.counts);
                usage.input = Some(usage.input.unwrap_or(0) + settled.usage.input.unwrap_or(0));
                usage.output = Some(usage.output.unwrap_or(0) + settled.usage.output.unwrap_or(0));
            }
        })
        .unwrap();
        writeln!(said, "= {calls} calls{}", tokens(&usage)).unwrap();
    }
    let expected = fs::read_to_string(root().join("expected.txt")).unwrap();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let (said, expected) = (lines(&said), lines(&expected));
    let mut folder = "";
    for (at, line) in said.iter().enumerate() {
        if line.starts_with('[') {
            folder = line;
        }
        let wanted = expected.get(at).map_or("nothing", String::as_str);
        assert_eq!(line, wanted, "in {folder}, line {}", at + 1);
    }
    assert_eq!(said.len(), expected.len());
}

/// `name | what it is | whose work | failure | what is counted`, the last three where there.
fn line(span: &Span<'_>, understanding: &Understanding<'_>, settled: Option<&Settled>) -> String {
    let mut line = format!("{} | {}", span.name, operation(&understanding.operation));
    if let Some(dialect) = understanding.dialect {
        write!(line, " ({dialect})").unwrap();
    }
    for (label, value) in [
        ("tenant", understanding.tenant),
        ("user", understanding.user),
        ("agent", understanding.agent),
    ] {
        if let Some(value) = value {
            write!(line, " | {label} {value}").unwrap();
        }
    }
    if understanding.failed {
        write!(line, " | failed {}", understanding.error_type.unwrap_or("?")).unwrap();
    }
    if let Some(unexplained) = understanding.unexplained {
        write!(line, " | unexplained {}", unexplained.attribute).unwrap();
    }
    if let Some(settled) = settled {
        let counts = if settled.counts { "counts" } else { "repeats" };
        let labels = (&settled.labels.provider, &settled.labels.model);
        write!(line, " | {counts} {}/{}{}", labels.0, labels.1, tokens(&settled.usage)).unwrap();
        if let Some(cost) = settled.cost_usd {
            write!(line, " {cost:.9} USD").unwrap();
        }
        if settled.time_to_first_token_seconds.is_some() {
            line.push_str(" first-token");
        }
    }
    line
}

fn operation(operation: &Operation<'_>) -> String {
    match operation {
        Operation::Llm(call) => llm(call),
        Operation::Tool(tool) => {
            format!("tool {} {}", tool.name, tool.arguments.unwrap_or("-"))
        }
        Operation::Agent(agent) => format!("agent {}", agent.name),
        Operation::Workflow(workflow) => format!("workflow {}", workflow.name),
        Operation::Step(step) => format!("step {} of {}", step.name, step.agent),
        Operation::HttpServer(http) | Operation::HttpClient(http) => {
            let code = http.status_code.map_or("-".to_owned(), |code| code.to_string());
            let (name, route) = (operation.name(), http.route.unwrap_or("-"));
            format!("{name} {} {route} {code} {}", http.method, http.peer).trim_end().to_owned()
        }
        Operation::Db(query) => format!("db {} {} {}", query.system, query.operation, query.table),
        other => other.name().to_owned(),
    }
}

fn llm(call: &LlmCall<'_>) -> String {
    let (requested, answered) = (call.request_model, call.response_model);
    let models = format!("{}>{}", requested.unwrap_or("-"), answered.unwrap_or("-"));
    let id = call.response_id.unwrap_or("-");
    // Made up by the client, another one in every recording.
    let id = if id.len() > 16 { "(long id)" } else { id };
    let reason = call.finish_reason.unwrap_or("-");
    format!("{} {} {models} {id} {reason}{}", call.operation, call.provider, tokens(&call.usage))
}

fn tokens(usage: &Usage) -> String {
    let mut text = String::new();
    for (label, count) in [
        ("in", usage.input),
        ("out", usage.output),
        ("cached", usage.cached),
        ("written", usage.cache_write),
        ("reasoning", usage.reasoning),
    ] {
        if let Some(count) = count {
            write!(text, " {label}={count}").unwrap();
        }
    }
    text
}
