//! A log, a toggle and files together, with recorded telemetry.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Handle;

use super::*;
use crate::limits;
use crate::model::{Signal, TraceId};
use crate::otlp::read;
use crate::otlp::write::{bytes_field, fixed64_field, message_field};
use crate::storage::fs::RealFs;
use crate::storage::{Batch, LogOptions};

/// Hears everything; appends to the log as `app` does.
struct Surroundings {
    log: Arc<Log>,
    runtime: Handle,
    refuses: bool,
    appended: Mutex<u64>,
    written: Mutex<Vec<EventKind>>,
    lost: Mutex<Vec<(&'static str, Loss, u64)>>,
}

impl Onward for Surroundings {
    fn append(&self, request: Vec<u8>, items: u32) -> bool {
        *self.appended.lock().unwrap() += u64::from(items);
        let (signal, arrived_ns) = (Signal::Logs, clock::unix_nanos());
        let batch = Batch { signal, arrived_ns, items, body: request.into() };
        !self.refuses && self.runtime.block_on(self.log.append(batch)).is_ok()
    }
}

impl DebugObserver for Surroundings {
    fn written(&self, kind: EventKind) {
        self.written.lock().unwrap().push(kind);
    }
    fn lost(&self, file: &'static str, loss: Loss, events: u64) {
        self.lost.lock().unwrap().push((file, loss, events));
    }
    fn scopes(&self, _: usize) {}
}

struct World {
    folder: tempfile::TempDir,
    log: Arc<Log>,
    around: Arc<Surroundings>,
    debug: Debug,
}

fn options(folder: &Path, enabled: bool) -> DebugOptions {
    let bounds = FileBounds { bytes: 10 << 20, files: 3 };
    DebugOptions { storage: folder.to_owned(), folder: folder.join("events"), enabled, bounds }
}

impl World {
    fn new(enabled: bool) -> Self {
        Self::within(tempfile::tempdir().unwrap(), enabled, false)
    }

    fn within(folder: tempfile::TempDir, enabled: bool, refuses: bool) -> Self {
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let log = Log::open(Arc::clone(&fs), folder.path(), LogOptions::default());
        let log = Arc::new(log.unwrap());
        let around = Arc::new(Surroundings {
            log: Arc::clone(&log),
            runtime: Handle::current(),
            refuses,
            appended: Mutex::default(),
            written: Mutex::default(),
            lost: Mutex::default(),
        });
        let options = options(folder.path(), enabled);
        let debug = Debug::start(&options, Arc::clone(&log), fs, around.clone(), around.clone());
        Self { folder, log, around, debug: debug.unwrap() }
    }

    async fn send(&self, signal: Signal, body: impl Into<Bytes>) {
        let arrived_ns = clock::unix_nanos();
        let batch = Batch { signal, arrived_ns, items: 1, body: body.into() };
        self.log.append(batch).await.unwrap();
    }

    fn change(&self, change: Change) {
        self.debug.handle().toggle.change(change, Some("ops"), clock::unix_nanos()).unwrap();
    }

    fn everybody(&self) {
        self.change(Change::On { subject: Subject::default(), until_ns: None });
    }

    /// Stops everything; the lines that were written.
    async fn end(self) -> (Vec<Value>, Arc<Surroundings>, tempfile::TempDir) {
        let Self { folder, log, around, mut debug } = self;
        let stopping = tokio::task::spawn_blocking(move || {
            debug.stop();
            drop(debug);
            log.stop();
        });
        stopping.await.unwrap();
        let text = fs::read_to_string(folder.path().join("events/debug_logs.jsonl"));
        let lines = text.unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines, around, folder)
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp").join(name);
    fs::read(path).unwrap()
}

fn traces_of(body: &[u8]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    read::spans(body, |_, span| ids.extend([span.trace_id.to_string()])).unwrap();
    ids
}

fn of<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["event_type"] == kind).collect()
}

/// A request with one span: its trace, parent and name, and attributes of text.
fn span(ids: (u8, u8, Option<u8>), name: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let (trace, id, parent) = ids;
    message_field(&mut out, 1, |out| {
        message_field(out, 2, |out| {
            message_field(out, 2, |out| {
                bytes_field(out, 1, &[trace; 16]);
                bytes_field(out, 2, &[id; 8]);
                if let Some(parent) = parent {
                    bytes_field(out, 4, &[parent; 8]);
                }
                bytes_field(out, 5, name.as_bytes());
                fixed64_field(out, 7, 1_700_000_000_000_000_000);
                fixed64_field(out, 8, 1_700_000_001_000_000_000);
                for (key, text) in attributes {
                    message_field(out, 9, |out| {
                        bytes_field(out, 1, key.as_bytes());
                        message_field(out, 2, |out| bytes_field(out, 1, text.as_bytes()));
                    });
                }
            });
        });
    });
    out
}

/// A chat under an agent's run that alone names the agent.
fn run_of_agent(trace: u8, agent: &str) -> Vec<u8> {
    let invoke = [("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.name", agent)];
    let chat = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-4o"),
        (
            "gen_ai.input.messages",
            "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hello\"}]}]",
        ),
    ];
    let mut body = span((trace, 1, None), "invoke_agent", &invoke);
    body.extend(span((trace, 2, Some(1)), "chat", &chat));
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_runs_become_prompts_answers_and_tool_calls() {
    let world = World::new(true);
    let mut ids = BTreeSet::new();
    for name in ["openinference-langchain/101.traces.pb", "openllmetry-openai/101.traces.pb"] {
        let body = fixture(name);
        ids.extend(traces_of(&body));
        world.send(Signal::Traces, body).await;
    }
    let (lines, around, _folder) = world.end().await;
    for kind in ["completion_prompt", "completion_response", "tool_call"] {
        assert!(!of(&lines, kind).is_empty(), "no {kind} in {lines:#?}");
    }
    for line in &lines {
        assert!(ids.contains(line["trace_id"].as_str().unwrap()), "{line}");
        assert!(!line["text"].as_str().unwrap().is_empty(), "{line}");
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    }
    // One line, one count, one record onward; nothing of its own comes back.
    assert_eq!(around.written.lock().unwrap().len(), lines.len());
    assert_eq!(*around.appended.lock().unwrap(), lines.len() as u64);
    assert!(around.lost.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn message_events_of_instrumentations_are_prompts_and_answers() {
    let world = World::new(true);
    world.send(Signal::Logs, fixture("official-openai/102.logs.pb")).await;
    let (lines, ..) = world.end().await;
    assert!(!of(&lines, "completion_prompt").is_empty(), "{lines:#?}");
    assert!(!of(&lines, "completion_response").is_empty(), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_off_nothing_is_written() {
    let world = World::new(false);
    world.send(Signal::Traces, fixture("openllmetry-openai/101.traces.pb")).await;
    let (lines, around, folder) = world.end().await;
    assert!(lines.is_empty() && *around.appended.lock().unwrap() == 0);
    assert!(!folder.path().join("debug.cursor").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_arrives_while_it_is_on_is_written() {
    let world = World::new(false);
    world.send(Signal::Traces, span((1, 1, None), "before", &[("debug.plan", "no")])).await;
    world.everybody();
    world.send(Signal::Traces, span((1, 2, None), "during", &[("debug.plan", "yes")])).await;
    // At once: what was let in is written although it is off again before anybody has looked.
    world.change(Change::AllOff);
    world.send(Signal::Traces, span((1, 3, None), "after", &[("debug.plan", "no")])).await;
    let (lines, ..) = world.end().await;
    let texts: Vec<_> = lines.iter().map(|line| &line["text"]).collect();
    assert_eq!(texts, ["yes"]);
    assert_eq!(lines[0]["event_type"], "plan");
    assert_eq!(lines[0]["timestamp"], "2023-11-14T22:13:20.000000000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_take_one_tenant_one_agent_or_one_trace() {
    let world = World::new(false);
    let on = |subject: Subject| Change::On { subject, until_ns: None };
    world.change(on(Subject { agent: Some("planner".to_owned()), ..Subject::default() }));
    world.change(on(Subject { trace_id: TraceId::from_bytes(&[7; 16]), ..Subject::default() }));
    world.change(on(Subject { tenant: Some("acme".to_owned()), ..Subject::default() }));
    for (trace, agent) in [(3, "planner"), (4, "writer"), (7, "writer")] {
        world.send(Signal::Traces, run_of_agent(trace, agent)).await;
    }
    for (trace, tenant) in [(8, "acme"), (9, "globex")] {
        let said = [("tenant.id", tenant), ("debug.request", "what")];
        world.send(Signal::Traces, span((trace, 1, None), "request", &said)).await;
    }
    let (lines, ..) = world.end().await;
    let ids: BTreeSet<_> = lines.iter().filter_map(|line| line["trace_id"].as_str()).collect();
    let expected =
        [3, 7, 8].map(|trace: u8| TraceId::from_bytes(&[trace; 16]).unwrap().to_string());
    assert_eq!(ids, expected.iter().map(String::as_str).collect());
    // The chat names no agent; the run around it does.
    assert_eq!(of(&lines, "completion_prompt")[0]["agent"], "planner");
    assert_eq!(of(&lines, "request")[0]["tenant"], "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_senders_call_debug_is_cut_and_bounded() {
    let world = World::new(true);
    let long = "語".repeat(limits::DEBUG_TEXT_CHARS + 5);
    let said = [("debug.history", long.as_str()), ("debug.unheard_of", "x"), ("debug.", "x")];
    world.send(Signal::Traces, span((1, 1, None), "long", &said)).await;
    let many: Vec<_> = (0..100).map(|_| ("debug.plan", "again")).collect();
    world.send(Signal::Traces, span((1, 2, None), "many", &many)).await;
    let (lines, around, _folder) = world.end().await;
    let history = of(&lines, "history");
    let text = history[0]["text"].as_str().unwrap();
    let kept = "語".repeat(limits::DEBUG_TEXT_CHARS);
    assert_eq!((history.len(), text), (1, format!("{kept}… [5 more characters]").as_str()));
    assert_eq!(history[0]["cut_chars"], 5);
    assert_eq!(of(&lines, "plan").len(), limits::DEBUG_EVENTS_PER_ITEM);
    let left_out = 100 - limits::DEBUG_EVENTS_PER_ITEM as u64;
    assert_eq!(*around.lost.lock().unwrap(), [("debug_logs", Loss::TooMany, left_out)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_loses_lines_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("events"), "a file in the way").unwrap();
    let world = World::within(folder, true, false);
    world.send(Signal::Traces, span((1, 1, None), "x", &[("debug.plan", "one")])).await;
    let (lines, around, _folder) = world.end().await;
    assert!(lines.is_empty());
    let lost = around.lost.lock().unwrap().clone();
    assert!(lost.contains(&("debug_logs", Loss::Disk, 1)), "{lost:?}");
    // The record onward does not depend on the file.
    assert_eq!(*around.appended.lock().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_lines_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("events")).unwrap();
    let full = folder.path().join("events/debug_logs.jsonl");
    std::os::unix::fs::symlink("/dev/full", full).unwrap();
    let world = World::within(folder, true, true);
    world.send(Signal::Traces, span((1, 1, None), "x", &[("debug.plan", "one")])).await;
    let World { log, around, mut debug, .. } = world;
    tokio::task::spawn_blocking(move || debug.stop()).await.unwrap();
    let expected = [("debug_logs", Loss::Disk, 1), ("log", Loss::Refused, 1)];
    assert_eq!(*around.lost.lock().unwrap(), expected);
    drop(log);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_stopped() {
    let world = World::new(true);
    world.send(Signal::Traces, span((1, 1, None), "x", &[("debug.plan", "first")])).await;
    world.everybody();
    let (lines, _, folder) = world.end().await;
    assert_eq!(lines.len(), 1);
    assert!(folder.path().join("debug.cursor").exists());
    // Something comes in while the follower is not there, as between a crash and a start.
    let log = Log::open(Arc::new(RealFs), folder.path(), LogOptions::default()).unwrap();
    let body = span((1, 2, None), "x", &[("debug.plan", "second")]).into();
    let arrived_ns = clock::unix_nanos();
    log.append(Batch { signal: Signal::Traces, arrived_ns, items: 1, body }).await.unwrap();
    log.stop();
    drop(log);
    let (lines, ..) = World::within(folder, false, false).end().await;
    let texts: Vec<_> = lines.iter().map(|line| &line["text"]).collect();
    assert_eq!(texts, ["first", "second"]);
}

/// What a chat-like content attribute looks like.
fn messages(said: &[(&str, &str)]) -> String {
    let message = |(role, text): &(&str, &str)| {
        let part = serde_json::json!({ "type": "text", "content": text });
        serde_json::json!({ "role": role, "parts": [part] })
    };
    Value::from(said.iter().map(message).collect::<Vec<_>>()).to_string()
}

/// The events of one span, as `event_type part: text`.
fn taken(name: &str, attributes: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let body = span((1, 1, None), name, attributes);
    read::spans(&body, |origin, span| {
        let known = crate::semconv::understand(origin, span);
        let about = sources::About { known: &known, tenant: None, agent: None };
        for event in sources::of_span(origin, span, about).events {
            found.push(format!("{} {}: {}", event.kind.name(), event.part, event.text));
        }
    })
    .unwrap();
    found
}

#[test]
fn an_agents_run_is_a_request_and_its_history() {
    let input = messages(&[("user", "hello"), ("assistant", "hi"), ("user", "book a flight")]);
    let output = messages(&[("assistant", "booked")]);
    let run = |name: &str, output: &str| {
        taken(
            "invoke_agent",
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", name),
                ("gen_ai.input.messages", &input),
                ("gen_ai.output.messages", output),
            ],
        )
    };
    let asked = ["request prompt: book a flight", "history prompt: user: hello\nassistant: hi"];
    let expected = |last: &str| [&asked.map(str::to_owned)[..], &[last.to_owned()]].concat();
    assert_eq!(run("travel", &output), expected("history completion: booked"));
    assert_eq!(run("travel-planner", &output), expected("plan completion: booked"));
    assert_eq!(run("Supervisor", &output), expected("supervisor completion: booked"));
    // Half a word is another word.
    assert_eq!(run("explanations", &output), expected("history completion: booked"));
    let plan = r#"{"steps": ["search", "book"]}"#;
    let last = format!("plan completion: {plan}");
    assert_eq!(run("travel", &messages(&[("assistant", plan)])), expected(&last));
}

#[test]
fn a_chat_is_a_prompt_with_its_instructions_and_an_answer() {
    let input = messages(&[("user", "why?")]);
    let output = messages(&[("assistant", "because")]);
    let said = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.system_instructions", "[{\"type\":\"text\",\"content\":\"be brief\"}]"),
        ("gen_ai.input.messages", &input),
        ("gen_ai.output.messages", &output),
    ];
    let expected = [
        "completion_prompt prompt: system: be brief\nuser: why?",
        "completion_response completion: because",
    ];
    assert_eq!(taken("chat gpt-4o", &said), expected);
    // Without content there is nothing to tell.
    assert!(taken("chat gpt-4o", &said[..2]).is_empty());
}

#[test]
fn a_tool_tells_its_arguments_and_its_result() {
    let said = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "search"),
        ("gen_ai.tool.call.arguments", "{\"q\":\"flights\"}"),
        ("gen_ai.tool.call.result", "none left"),
        ("debug.tool_call", "the sender's own words"),
    ];
    let expected = [
        "tool_call tool_arguments: {\"q\":\"flights\"}",
        "tool_call tool_result: none left",
        "tool_call : the sender's own words",
    ];
    assert_eq!(taken("execute_tool search", &said), expected);
}

#[test]
fn steps_of_skills_are_told_and_other_spans_are_not() {
    let skill = ("gen_ai.skill.name", "refunds");
    assert_eq!(taken("look up order", &[skill]), ["skill_step : refunds"]);
    assert!(taken("GET /orders", &[("http.request.method", "GET")]).is_empty());
    assert!(taken("look up order", &[("input.value", "{}")]).is_empty());
}
