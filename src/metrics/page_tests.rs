//! The whole page: after a fixed scenario, under hostile input, and in the eyes of `promtool`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use ::metrics::{Key, Label, Level, Metadata, Recorder};

use super::catalog::{self, Kind, Source};
use super::measures::tests::{failed, llm, origin, span, understood};
use super::*;
use crate::model::{
    AgentRun, CapabilityCall, DbQuery, GatewayExchange, HttpExchange, LlmCall, Operation,
    PatternExecution, ProviderRequest, RateLimit, Report, Reported, ServiceCall, Signal, SkillStep,
    Span, SpanId, ToolCall, Understanding, Unexplained, Usage, WorkflowRun, WorkflowStep,
};

const METADATA: Metadata<'static> = Metadata::new("tests", Level::INFO, None);

/// What `promtool check metrics` says; `None` where it is not installed.
///
/// `make test` installs it and sets `PHAROS_REQUIRE_TOOLS`, so that its absence cannot hide.
fn promtool(page: &str) -> Option<String> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("PHAROS_REQUIRE_TOOLS").is_none(), "promtool: {error}");
            return None;
        }
    };
    let mut input = child.stdin.take().unwrap();
    let page = page.to_owned();
    let writer = std::thread::spawn(move || input.write_all(page.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8(said).unwrap())
}

#[track_caller]
fn check_silent(page: &str) {
    if let Some(said) = promtool(page) {
        assert_eq!(said, "", "promtool complains about\n{}", &page[..page.len().min(4_000)]);
    }
}

/// A day in the life of a shop's agents, in which every family gets a value.
fn scenario(registry: &Registry) {
    spans(&mut Measures::new(registry));
    let ingest = Ingest::new(registry);
    ingest.received(Signal::Traces, 20);
    ingest.duplicate(Signal::Traces, 2);
    ingest.rejected(Signal::Traces, "invalid_id", 1);
    ingest.refused(Signal::Traces, "overloaded", 3);
    ingest.expect(&["invalid_id"], &["overloaded"]);
    ingest.rejected_request(Signal::Metrics, "malformed");
    ingest.refused_request(Signal::Metrics, "overloaded");
    ingest.inflight(1_024, 1 << 20);
    let wal = Wal::new(registry);
    wal.synced(0.003, 4_096);
    wal.sync_failed();
    let forward = Forward::new(registry);
    forward.target("jaeger");
    forward.sent("jaeger", Signal::Traces, 14);
    forward.request("jaeger", "delivered");
    let web = Web::new(registry);
    web.started();
    web.answered("/api/traces/{id}", 200, 0.012);
    let debugging = Debugging::new(registry);
    debugging.written("tool_call");
    debugging.lost("system_events", "queue_full", 3);
    debugging.scopes(2);
    let prices = super::PricePack::new(registry);
    prices.built(0.002, 31_400);
    prices.age(86_400.0, false, true);
    prices.failed();
    let findings = Findings::new(registry);
    findings.said("pharos.loop.detected");
    findings.dropped(1);
    let gateway = Gateway::new(registry);
    gateway.expect(["main"].into_iter(), &["idle_timeout"], &["coding"], &["queue_full"]);
    gateway.active("main").set(3.0);
    let environment = "test";
    let about = About { version: "1.2.3", revision: "abc", rust_version: "1.95", environment };
    registry.about(&about);
    registry.panics().increment(0);
    registry.log_lines("warn").increment(2);
    registry.redacted("api_key", 4);
    registry.projection_lag().set(512.0);
    watched(registry);
}

fn watched(registry: &Registry) {
    registry.histogram(&catalog::WORKFLOW_COST, &["refund"]).record(0.02);
    registry.counter(&catalog::WORKFLOW_COST_INCOMPLETE, &["refund"]).increment(1);
    registry.counter(&catalog::ANOMALIES, &["tool_loop", "search_orders"]).increment(1);
    registry.counter(&catalog::THRESHOLD_EXCEEDED, &["llm_call_seconds", "gpt-4o"]).increment(2);
    registry.gauge(&catalog::COST_VELOCITY, &[]).set(1.5);
    registry.gauge(&catalog::TENANT_COST_VELOCITY, &["acme"]).set(0.5);
}

fn spans(measures: &mut Measures) {
    let shop = origin("shop");
    let mut say = |seconds: f64, understanding: Understanding<'_>| {
        measures.span(&shop, &span(seconds), &understanding, None);
    };
    let http = |status_code, route| HttpExchange { method: "POST", route, status_code, peer: "" };
    say(1.5, understood(Operation::HttpServer(http(Some(200), Some("/chat")))));
    say(0.01, failed(Operation::HttpServer(http(Some(503), None)), Some("503")));
    let call = LlmCall {
        time_to_first_token_seconds: Some(0.25),
        cost: crate::model::Cost::reported(0.0125),
        usage: Usage {
            input: Some(1_000),
            output: Some(51),
            cached: Some(600),
            cache_write: Some(100),
            reasoning: Some(20),
        },
        ..llm("gpt-4o")
    };
    let planner = Some("planner");
    say(1.25, Understanding { agent: planner, ..understood(Operation::Llm(call)) });
    say(0.5, understood(Operation::Llm(llm("gpt-4o-mini"))));
    say(30.0, failed(Operation::Llm(llm("gpt-4o")), Some("RateLimitError")));
    let tool = ToolCall { name: "search_orders", ..Default::default() };
    say(0.2, Understanding { agent: planner, ..understood(Operation::Tool(tool)) });
    say(4.0, understood(Operation::Agent(AgentRun { name: "planner" })));
    say(90.0, understood(Operation::Workflow(WorkflowRun { name: "refund" })));
    say(20.0, understood(Operation::Step(WorkflowStep { name: "check", agent: "planner" })));
    let peer = "api.shop.example";
    let client = HttpExchange { method: "GET", route: None, status_code: Some(200), peer };
    say(0.05, understood(Operation::HttpClient(client)));
    let (operation, table) = ("SELECT".into(), "orders".into());
    say(
        0.004,
        understood(Operation::Db(DbQuery {
            system: "postgresql",
            operation,
            table,
            connections: Some(3.0),
        })),
    );
    events(measures);
    let mut say = |seconds: f64, understanding: Understanding<'_>| {
        measures.span(&shop, &span(seconds), &understanding, None);
    };
    let unexplained = Some(Unexplained { scope: "homemade", attribute: "llm.prompt" });
    say(1.0, Understanding { unexplained, ..Default::default() });
    measures.batch(Signal::Traces, 19, Arrival::Live);
}

/// What has names of Pharos' own.
fn events(measures: &mut Measures) {
    let shop = origin("shop");
    for operation in [
        Operation::Skill(SkillStep { skill: "refund", outcome: "" }),
        Operation::Pattern(PatternExecution { id: "map-reduce" }),
        Operation::Capability(CapabilityCall { agent: "planner", capability: "quote" }),
        Operation::Service(ServiceCall { service: "ledger", method: "Book" }),
        Operation::Provider(ProviderRequest { provider: "openai".into(), endpoint: "models" }),
    ] {
        measures.span(&shop, &span(0.5), &understood(operation), None);
    }
    let exchange = GatewayExchange { id: "main", method: "POST", ..Default::default() };
    let gateway = Some(GatewayExchange { status_code: Some(429), ..exchange });
    measures.span(&shop, &span(0.1), &Understanding { gateway, ..Default::default() }, None);
    let provider = "openai".into();
    let limit = RateLimit { provider, resource: "requests", remaining: 40.0, limit: None };
    let (tenant, team, user, agent) = (None, None, None, None);
    let said = Reported::RateLimit(limit);
    measures
        .report(&shop, &Report { said, id: None, tenant, team, user, agent, conversation: None });
}

#[test]
fn the_page_after_a_fixed_scenario() {
    let registry = Registry::default();
    scenario(&registry);
    let page = registry.render();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == golden, "{path} differs: UPDATE=1 cargo test --lib metrics, and look at it");
    check_silent(&page);
}

#[test]
fn the_page_as_openmetrics() {
    let registry = Registry::default();
    scenario(&registry);
    let page = Page::new(&registry);
    page.store(|| StoreReading { free_bytes: Some(1 << 30), ..Default::default() });
    page.targets(|| vec![TargetReading { target: "jaeger".to_owned(), ..Default::default() }]);
    page.render(Format::OpenMetrics);
    let text = page.render(Format::OpenMetrics);
    let families = page_grammar::read(&text, true).unwrap();
    let family = |name: &str| families.iter().find(|family| family.name == name).unwrap();
    let kind = |name: &str| family(name).kind.clone();
    assert_eq!(kind("pharos_build"), "info");
    assert_eq!(kind("process_cpu_seconds"), "counter");
    assert_eq!(family("llm_cost_usd").unit.as_deref(), Some("usd"));
    assert_eq!(family("pharos_store_bytes").unit.as_deref(), Some("bytes"));
    // The same series as in the other form.
    let plain = page_grammar::read(&page.render(Format::Text), false).unwrap();
    let count = |families: &[page_grammar::Family]| -> usize {
        families.iter().map(|family| family.samples.len()).sum()
    };
    assert_eq!(count(&families), count(&plain));
}

#[test]
fn exemplars_name_the_span_that_tells_most() {
    let registry = Registry::default();
    let mut measures = Measures::new(&registry);
    measures.arrived(1_800_000_000_123_000_000);
    let mut say = |digit: u8, seconds: f64, understanding: Understanding<'_>| {
        let span_id = SpanId::from_bytes(&[digit; 8]).unwrap();
        let span = Span { span_id, ..span(seconds) };
        measures.span(&origin("shop"), &span, &understanding, None);
    };
    let costs = |usd| LlmCall { cost: crate::model::Cost::reported(usd), ..llm("gpt-4o") };
    say(1, 1.2, understood(Operation::Llm(costs(0.5))));
    say(2, 1.8, understood(Operation::Llm(costs(0.25))));
    say(3, 1.5, failed(Operation::Llm(llm("gpt-4o")), Some("RateLimitError")));
    say(4, 9.5, failed(Operation::Llm(llm("gpt-4o")), Some("RateLimitError")));
    let page = registry.render_with(Format::OpenMetrics, &BTreeMap::new());
    page_grammar::read(&page, true).unwrap();
    let line = |start: &str| page.lines().find(|line| line.starts_with(start)).unwrap();
    let check = |start: &str, digit: &str, value: &str| {
        let span = digit.repeat(8);
        let expected = format!("span_id=\"{span}\"}} {value} 1800000000.123");
        assert!(line(start).ends_with(&expected), "{expected}\n{}", line(start));
        assert!(line(start).contains(" # {trace_id=\""));
    };
    let of = "{provider=\"openai\",model=\"gpt-4o\"";
    check(&format!("llm_cost_usd_total{of}}}"), "01", "0.5");
    check("errors_total{kind=\"RateLimitError\"}", "04", "1");
    check(&format!("llm_requests_total{of},status=\"error\"}}"), "04", "1");
    check(&format!("llm_request_duration_seconds_bucket{of},le=\"2.5\"}}"), "03", "1.5");
    check(&format!("llm_request_duration_seconds_bucket{of},le=\"10.0\"}}"), "04", "9.5");
    let success = line(&format!("llm_requests_total{of},status=\"success\"}}"));
    assert!(success.ends_with(" 2"), "{success}");
    assert!(!registry.render().contains(" # {"), "the text format has no place for them");
}

#[test]
fn the_scenario_fills_every_recorded_family() {
    let registry = Registry::default();
    scenario(&registry);
    registry.counter(&catalog::METRICS_CAPPED, &["m", "l"]).increment(1);
    let page = registry.render();
    let recorded = catalog::all().filter(|family| family.source != Source::Scrape);
    for family in recorded.filter(|family| **family != catalog::SCRAPE_DURATION) {
        assert!(page.contains(&format!("# TYPE {} ", family.name)), "{} is empty", family.name);
    }
}

#[test]
fn the_complete_page_pleases_promtool() {
    let registry = Registry::default();
    scenario(&registry);
    let page = Page::new(&registry);
    page.store(|| StoreReading { free_bytes: Some(1 << 30), ..Default::default() });
    page.targets(|| vec![TargetReading { target: "jaeger".to_owned(), ..Default::default() }]);
    page.render(Format::Text);
    check_silent(&page.render(Format::Text));
}

/// Values that break naive exporters.
fn hostile_values() -> Vec<String> {
    let mut values: Vec<String> = [
        "\\",
        "\\\\",
        "\"",
        "\\\"",
        "\n",
        "\\\n",
        "a\\nb",
        "\r\n",
        "\t",
        "\0",
        "\u{1b}[31m",
        "__name__",
        "le",
        "quantile",
        "{}",
        "a=\"b\"",
        "# TYPE x counter",
        "\u{202e}",
        "é",
        "💡",
        "\u{fffd}",
        "\u{2028}",
        "NaN",
        "+Inf",
        "",
        " ",
        "other",
        "unknown",
        "\u{feff}",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push("x".repeat(1 << 20));
    values.push("é".repeat(1 << 19));
    values.push(" ".repeat(1 << 20));
    values.push("\u{7}".repeat(1 << 20));
    values
}

#[test]
fn hostile_label_values_leave_the_page_readable() {
    let registry = Registry::default();
    let mut measures = Measures::new(&registry);
    for value in hostile_values() {
        let tool = ToolCall { name: &value, ..Default::default() };
        measures.span(
            &origin(&value),
            &span(0.1),
            &failed(Operation::Tool(tool), Some(&value)),
            None,
        );
        let exchange =
            HttpExchange { method: &value, route: Some(&value), status_code: None, peer: &value };
        let exchange = understood(Operation::HttpServer(exchange));
        measures.span(&origin("shop"), &span(0.1), &exchange, None);
        let call = LlmCall { provider: value.as_str().into(), ..llm(&value) };
        measures.span(&origin("shop"), &span(0.1), &understood(Operation::Llm(call)), None);
    }
    let page = registry.render();
    check_silent(&page);
    assert!(page.len() < 1 << 20, "long values are cut");
    assert!(!page.contains(['\r', '\0', '\u{1b}', '\u{202e}']), "control characters are replaced");
    // One backslash (also that before a newline) and two are different values.
    assert!(page.contains(r#"tool_calls_total{tool_name="\\",success="false"} 2"#), "{page}");
    assert!(page.contains(r#"tool_calls_total{tool_name="\\\\",success="false"} 1"#));
    assert_unique_series(&page);
}

#[test]
fn hostile_names_from_the_facade_leave_the_page_readable() {
    let registry = Registry::default();
    scenario(&registry);
    for name in hostile_values().into_iter().chain(
        ["http_requests", "x_sum", "x_total", "process_open_fds", "pharos_panics", "1x", "a:b"]
            .map(str::to_owned),
    ) {
        for value in ["v\n", "\\\""] {
            let labels = vec![Label::new(name.clone(), value), Label::new("le", "1")];
            let key = Key::from_parts(name.clone(), labels);
            registry.register_counter(&key, &METADATA).increment(1);
            registry.register_gauge(&key, &METADATA).set(f64::NAN);
            registry.register_histogram(&key, &METADATA).record(f64::INFINITY);
        }
    }
    let page = registry.render();
    if let Some(said) = promtool(&page) {
        // It may dislike the style of names that others chose, but it must be able to read them.
        assert!(!said.contains("error") && !said.contains("reserved"), "{said}");
    }
    assert_unique_series(&page);
    assert!(!page.contains("} NaN") && !page.contains("} inf"), "{page}");
}

/// No series stands twice and no family is described twice.
#[track_caller]
fn assert_unique_series(page: &str) {
    let mut seen = BTreeMap::new();
    for line in page.lines() {
        let series = match line.strip_prefix("# ") {
            Some(comment) => comment.split(' ').take(2).collect::<Vec<_>>().join(" "),
            None => line.rsplit_once(' ').unwrap().0.to_owned(),
        };
        assert_eq!(seen.insert(series, line), None, "{line} stands twice");
    }
}

/// Resident memory of this process, in bytes.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Memory is measured of a whole process, so this runs in one where nothing else does.
#[test]
fn a_million_values_cost_little_and_the_page_stays_small() {
    let test = "metrics::page_tests::a_million_values_alone";
    let arguments = [test, "--exact", "--ignored", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "runs in a process of its own, started by the test above"]
fn a_million_values_alone() {
    let registry = Registry::default();
    let mut measures = Measures::new(&registry);
    let before = resident_bytes();
    let (shop, work) = (origin("noisy"), span(0.1));
    for index in 0..1_000_000 {
        let value = format!("value-{index}-{}", index * 7);
        let operation = match index % 20 {
            0 => Operation::Llm(llm(&value)),
            1 => Operation::HttpServer(HttpExchange {
                method: "GET",
                route: Some(&value),
                status_code: Some(200),
                peer: "",
            }),
            2 => Operation::Db(DbQuery {
                system: "postgresql",
                operation: value.as_str().into(),
                table: value.as_str().into(),
                connections: None,
            }),
            3 => Operation::Tool(ToolCall { name: &value, ..Default::default() }),
            _ => Operation::Other,
        };
        measures.span(&shop, &work, &failed(operation, Some(&value)), None);
    }
    let page = registry.render();
    let grown = resident_bytes().saturating_sub(before);
    println!("{grown} bytes more after a million values");
    assert!(grown < 50 << 20, "{grown} bytes");
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series <= crate::limits::SERIES, "{series}");
    assert_eq!(registry.total(&catalog::ERRORS, &[]), 1e6, "nothing is lost");
    assert_eq!(registry.total(&catalog::METRICS_SERIES, &[]), series as f64);
    let offenders = registry.offenders();
    assert!(offenders.iter().all(|offender| offender.service.as_deref() == Some("noisy")));
    assert!(offenders.iter().any(|offender| offender.metric == "tool_calls_total"));
    check_silent(&page);
}

#[test]
fn every_family_full_still_fits_the_page() {
    let registry = Registry::default();
    let values: Vec<String> = (0..210).map(|index| format!("v{index}")).collect();
    for family in catalog::all().filter(|family| family.source != Source::Scrape) {
        for value in &values {
            for other in values.iter().take(10) {
                let labels: Vec<&str> = family
                    .labels
                    .iter()
                    .enumerate()
                    .map(|(index, label)| match label.values.first() {
                        Some(known) => known,
                        None if index == 0 => value.as_str(),
                        None => other.as_str(),
                    })
                    .collect();
                registry.resolve(family, &labels);
            }
        }
    }
    let page = registry.render();
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series <= crate::limits::SERIES, "{series}");
    assert!(series > crate::limits::SERIES * 9 / 10, "{series}: the room is used");
    let after = Registry::default();
    after.restore(&registry.snapshot()).unwrap();
    assert_eq!(after.readings(&catalog::HTTP_REQUESTS), registry.readings(&catalog::HTTP_REQUESTS));
}

#[test]
fn threads_record_while_pages_are_rendered() {
    let registry = Registry::default();
    let family = &catalog::LLM_REQUEST_DURATION;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let registry = registry.clone();
            scope.spawn(move || {
                for index in 0..20_000_u32 {
                    let model = format!("m{}", index % 10);
                    registry.histogram(family, &["p", &model]).record(f64::from(index % 7));
                    if index % 5_000 == 0 {
                        assert_unique_series(&registry.render());
                    }
                }
                Ingest::new(&registry).received(Signal::ALL[thread % 3], 5);
            });
        }
    });
    assert_eq!(registry.total(family, &[]), 80_000.0);
    assert_eq!(registry.total(&catalog::INGEST_RECEIVED, &[]), 20.0);
    let sums = registry.readings(family).into_iter().map(|reading| match reading.value {
        Value::Observations { sum, .. } => sum,
        Value::Number(number) => number,
    });
    let expected = 4.0 * (0..20_000).map(|index| f64::from(index % 7)).sum::<f64>();
    assert_eq!(sums.sum::<f64>(), expected);
    assert!(matches!(family.kind, Kind::Histogram(_)));
}
