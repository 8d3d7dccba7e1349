//! What each recorder records: metric lines, spans, log records.

use std::future::pending;

use opentelemetry::trace::{SpanKind, Status};

use super::*;
use crate::metrics::Registry;
use crate::metrics::catalog;
use crate::telemetry::meter::doubles::{fresh, lines};
use crate::telemetry::spans::{Kept, attributes};
use crate::telemetry::{Context, Guard, Kind, scope};

/// What a test records, and where it is kept.
fn setup() -> (&'static Registry, Kept, tracing::subscriber::DefaultGuard) {
    let (kept, guard) = Kept::install();
    (fresh(), kept, guard)
}

/// The lines that work adds to the page, without those of durations' sums.
fn recorded(work: impl FnOnce()) -> Vec<String> {
    let registry = fresh();
    let before = lines(registry);
    work();
    lines(registry).into_iter().filter(|line| !before.contains(line)).collect()
}

fn ended<K: Kind>(mut work: Guard<K>) {
    work.success();
}

fn failed<K: Kind>(mut work: Guard<K>) {
    work.failed("Timeout");
}

#[test]
fn a_call_of_a_model() {
    let (registry, kept, _subscriber) = setup();
    let context = Context::new().with_tenant("acme").with_user("u-1").with_agent("planner");
    context.run(|| {
        let mut call = llm_call("openai", "gpt-4o");
        call.first_token();
        call.answered_by("gpt-4o-2024-11-20", "resp-1").finish_reason("stop");
        call.tokens(1_200, 80).cached(1_000).cache_write(50).reasoning(30).cost_usd(0.25);
        call.success();
        // It has ended: nothing more is recorded.
        call.tokens(7, 7).failed("Timeout");
    });
    let of = |family, status: &str| registry.total(family, &[("status", status)]);
    let model = [("provider", "openai"), ("model", "gpt-4o")];
    assert_eq!(of(&catalog::LLM_REQUESTS, "success"), 1.0);
    assert_eq!(of(&catalog::LLM_REQUESTS, "error"), 0.0);
    assert_eq!(of(&catalog::PROVIDER_REQUESTS, "success"), 1.0);
    assert_eq!(registry.total(&catalog::LLM_TOKENS, &[("token_type", "prompt")]), 1_200.0);
    assert_eq!(registry.total(&catalog::LLM_TOKENS, &[("token_type", "completion")]), 80.0);
    for (family, value) in [
        (&catalog::LLM_CACHED_TOKENS, 1_000.0),
        (&catalog::LLM_CACHE_WRITE_TOKENS, 50.0),
        (&catalog::LLM_REASONING_TOKENS, 30.0),
        (&catalog::LLM_COST, 0.25),
        (&catalog::LLM_REQUEST_DURATION, 1.0),
        (&catalog::LLM_TIME_TO_FIRST_TOKEN, 1.0),
        (&catalog::LLM_TIME_PER_OUTPUT_TOKEN, 1.0),
    ] {
        assert_eq!(registry.total(family, &model), value, "{}", family.name);
    }
    assert_eq!(registry.total(&catalog::LLM_UNPRICED_REQUESTS, &[]), 0.0);
    assert_eq!(registry.total(&catalog::AGENT_STEPS, &[("agent_type", "planner")]), 1.0);
    let span = kept.span("chat gpt-4o");
    assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Client, Status::Unset));
    let said: Vec<_> = attributes(&span);
    let said: Vec<_> = said.iter().filter(|it| !it.contains("time_to_first")).collect();
    assert_eq!(
        said,
        [
            "gen_ai.agent.name=planner",
            "gen_ai.operation.name=chat",
            "gen_ai.provider.name=openai",
            "gen_ai.request.model=gpt-4o",
            "gen_ai.response.finish_reasons=stop",
            "gen_ai.response.id=resp-1",
            "gen_ai.response.model=gpt-4o-2024-11-20",
            "gen_ai.usage.cache_creation.input_tokens=50",
            "gen_ai.usage.cache_read.input_tokens=1000",
            "gen_ai.usage.cost.amount=0.25",
            "gen_ai.usage.cost.currency=USD",
            "gen_ai.usage.input_tokens=1200",
            "gen_ai.usage.output_tokens=80",
            "gen_ai.usage.reasoning.output_tokens=30",
            "tenant.id=acme",
            "user.id=u-1",
        ]
    );
}

#[test]
fn tokens_and_costs_that_cannot_be_true() {
    let registry = fresh();
    let mut call = llm_call("openai", "gpt-4o");
    call.tokens(u64::MAX, 1).cost_usd(f64::NAN).success();
    for cost in [-1.0, f64::INFINITY, 1e300] {
        llm_call("openai", "gpt-4o").cost_usd(cost).success();
    }
    llm_call("openai", "gpt-4o").cost_usd(0.0).success();
    llm_call("openai", "gpt-4o").failed("RateLimited");
    assert_eq!(registry.total(&catalog::LLM_TOKENS, &[]), 1.0);
    assert_eq!(registry.total(&catalog::LLM_COST, &[]), 0.0);
    assert_eq!(registry.total(&catalog::LLM_UNPRICED_REQUESTS, &[]), 5.0);
    assert!(registry.render().contains("pharos_metrics_invalid_values_total 5"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all of them")]
fn every_kind_of_work_has_its_lines() {
    let check = |work: fn(), expected: &[&str]| assert_eq!(recorded(work), expected);
    check(
        || failed(tool_call("search")),
        &[
            "errors_total{kind=\"Timeout\"} 1",
            "tool_calls_total{tool_name=\"search\",success=\"false\"} 1",
            "tool_duration_seconds_count{tool_name=\"search\"} 1",
        ],
    );
    check(
        || ended(workflow("refund")),
        &[
            "workflow_duration_seconds_count{workflow=\"refund\",status=\"success\"} 1",
            "workflow_runs_total{workflow=\"refund\",status=\"success\"} 1",
        ],
    );
    check(
        || ended(workflow_step("look up", "clerk")),
        &["workflow_step_duration_seconds_count{agent=\"clerk\",status=\"success\"} 1"],
    );
    check(
        || {
            skill_step("billing").outcome("escalated").success();
            ended(skill_step("billing"));
        },
        &[
            "skill_steps_total{skill=\"billing\",outcome=\"escalated\"} 1",
            "skill_steps_total{skill=\"billing\",outcome=\"success\"} 1",
        ],
    );
    check(
        || ended(pattern_execution("map-reduce")),
        &[
            "pattern_execution_duration_seconds_count{pattern_id=\"map-reduce\"} 1",
            "pattern_executions_total{pattern_id=\"map-reduce\",status=\"success\"} 1",
        ],
    );
    check(
        || ended(capability_call("clerk", "refund")),
        &[
            "agent_capability_calls_total{agent_name=\"clerk\",capability=\"refund\",\
         status=\"success\"} 1",
            "agent_capability_duration_seconds_count{agent_name=\"clerk\",capability=\"refund\"} 1",
        ],
    );
    check(
        || ended(service_call("billing", "Charge")),
        &[
            "service_call_duration_seconds_count{service_name=\"billing\",method=\"Charge\"} 1",
            "service_calls_total{service_name=\"billing\",method=\"Charge\",status=\"success\"} 1",
        ],
    );
    check(
        || ended(db_query("postgresql", "SELECT", "orders")),
        &[
            "db_queries_total{operation=\"SELECT\",table=\"orders\"} 1",
            "db_query_duration_seconds_count{operation=\"SELECT\",table=\"orders\"} 1",
        ],
    );
    check(
        || ended(provider_request("openai", "models")),
        &[
            "provider_request_duration_seconds_count{provider=\"openai\",endpoint=\"models\"} 1",
            "provider_requests_total{provider=\"openai\",endpoint=\"models\",status=\"success\"} 1",
        ],
    );
    check(|| rate_limit("openai", 40), &["provider_rate_limit_remaining{provider=\"openai\"} 40"]);
    check(
        || request("GET", "/chat/{id}").answered(503),
        &[
            "errors_total{kind=\"503\"} 1",
            "http_request_duration_seconds_count{method=\"GET\",endpoint=\"/chat/{id}\"} 1",
            "http_requests_total{method=\"GET\",endpoint=\"/chat/{id}\",status=\"503\"} 1",
        ],
    );
    check(
        || gateway_request("openai", "POST").answered(429),
        &[
            "errors_total{kind=\"429\"} 1",
            "gateway_requests_total{gateway_id=\"openai\",method=\"POST\",status=\"429\"} 1",
        ],
    );
    check(
        || drop(gateway_request("openai", "GET")),
        &[
            "errors_total{kind=\"abandoned\"} 1",
            "gateway_requests_total{gateway_id=\"openai\",method=\"GET\",status=\"499\"} 1",
        ],
    );
    check(|| error("Timeout"), &["errors_total{kind=\"Timeout\"} 1"]);
    check(|| security_event("failed_login"), &["errors_total{kind=\"security.failed_login\"} 1"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all of them")]
fn every_kind_of_work_has_its_span() {
    let (_, kept, _subscriber) = setup();
    let check = |name: &str, expected: &[&str]| {
        assert_eq!(attributes(&kept.span(name)), expected, "{name}");
    };
    failed(tool_call("search"));
    check(
        "execute_tool search",
        &["error.type=Timeout", "gen_ai.operation.name=execute_tool", "gen_ai.tool.name=search"],
    );
    assert!(matches!(kept.span("execute_tool search").status, Status::Error { .. }));
    ended(agent_run("planner"));
    check(
        "invoke_agent planner",
        &["gen_ai.agent.name=planner", "gen_ai.operation.name=invoke_agent"],
    );
    ended(agent_step("reflect"));
    check("reflect", &["pharos.event.type=agent_step", "pharos.step.name=reflect"]);
    ended(workflow("refund"));
    check(
        "invoke_workflow refund",
        &["gen_ai.operation.name=invoke_workflow", "gen_ai.workflow.name=refund"],
    );
    ended(workflow_step("look up", "clerk"));
    check(
        "look up",
        &["gen_ai.agent.name=clerk", "pharos.event.type=workflow_step", "pharos.step.name=look up"],
    );
    ended(skill_step("billing"));
    check("skill_step billing", &["pharos.event.type=skill_step", "skill.name=billing"]);
    ended(pattern_execution("map-reduce"));
    check(
        "pattern map-reduce",
        &["pharos.event.type=pattern_execution", "pharos.pattern.id=map-reduce"],
    );
    ended(capability_call("clerk", "refund"));
    check(
        "capability refund",
        &[
            "gen_ai.agent.name=clerk",
            "pharos.capability.name=refund",
            "pharos.event.type=capability_call",
        ],
    );
    ended(service_call("billing", "Charge"));
    check(
        "billing Charge",
        &[
            "pharos.event.type=service_call",
            "pharos.service.method=Charge",
            "pharos.service.name=billing",
        ],
    );
    ended(db_query("postgresql", "SELECT", "orders"));
    check(
        "SELECT orders",
        &["db.collection.name=orders", "db.operation.name=SELECT", "db.system.name=postgresql"],
    );
    ended(provider_request("openai", "models"));
    check(
        "openai models",
        &[
            "gen_ai.provider.name=openai",
            "pharos.event.type=provider_request",
            "pharos.provider.endpoint=models",
        ],
    );
    request("GET", "/chat/{id}").answered(503);
    check(
        "GET /chat/{id}",
        &[
            "error.type=503",
            "http.request.method=GET",
            "http.response.status_code=503",
            "http.route=/chat/{id}",
        ],
    );
    assert_eq!(kept.span("GET /chat/{id}").span_kind, SpanKind::Server);
}

#[test]
fn reports_become_log_records_under_their_names() {
    let (_, kept, _subscriber) = setup();
    Context::new().with_tenant("acme").run(|| {
        token_budget("daily", 1_000, 1_200);
        spend(0.5, "sandbox");
        spend(f64::NAN, "nothing");
        rate_limit("openai", 40);
        debug_event(DebugKind::Plan, "first this, then that");
        security_event("failed_login");
        error("Timeout");
        ended(agent_run("planner"));
    });
    let records = kept.records();
    let names: Vec<_> = records.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "pharos.token_budget",
            "pharos.spend",
            "pharos.rate_limit",
            "pharos.debug.plan",
            "pharos.security",
            "pharos.error",
            "pharos.agent_run.started",
        ]
    );
    let said = |at: usize, key: &str| {
        let found = records[at].1.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(said(0, "pharos.budget.remaining_tokens"), Some("0"));
    assert_eq!((said(0, "tenant.id"), said(1, "pharos.cost_usd")), (Some("acme"), Some("0.5")));
    assert_eq!(said(2, "pharos.rate_limit.remaining"), Some("40"));
    assert_eq!(said(4, "pharos.security.event"), Some("failed_login"));
    assert_eq!(said(6, "gen_ai.agent.name"), Some("planner"));
}

#[test]
fn work_that_is_dropped_was_abandoned_or_panicked() {
    let registry = fresh();
    drop(tool_call("search"));
    let caught = std::panic::catch_unwind(|| {
        let _call = tool_call("search");
        panic!("expected");
    });
    assert!(caught.is_err());
    let of = |kind| registry.total(&catalog::ERRORS, &[("kind", kind)]);
    assert_eq!((of("abandoned"), of("panic")), (1.0, 1.0));
    assert_eq!(registry.total(&catalog::TOOL_CALLS, &[("success", "false")]), 2.0);
    assert_eq!(registry.total(&catalog::TOOL_CALLS, &[("success", "true")]), 0.0);
}

#[test]
fn what_is_under_way_is_shown_until_it_ends_however_it_ends() {
    let registry = fresh();
    let active = || {
        let gauges = [&catalog::ACTIVE_AGENT_RUNS, &catalog::ACTIVE_CONNECTIONS];
        let more = [&catalog::ACTIVE_WORKFLOW_RUNS, &catalog::DB_CONNECTIONS_ACTIVE];
        [gauges, more].concat().into_iter().map(|it| registry.total(it, &[])).collect::<Vec<_>>()
    };
    let begin = || (agent_run("planner"), request("GET", "/"), workflow("refund"), db_connection());
    let under_way = begin();
    let mut early = agent_run("planner");
    assert_eq!(active(), [2.0, 1.0, 1.0, 1.0]);
    early.success();
    drop(early);
    let caught = std::panic::catch_unwind(|| {
        let _under_way = begin();
        assert_eq!(active(), [2.0, 2.0, 2.0, 2.0]);
        panic!("expected");
    });
    assert!(caught.is_err());
    assert_eq!(active(), [1.0, 1.0, 1.0, 1.0]);
    drop(under_way);
    assert_eq!(active(), [0.0, 0.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_future_that_is_dropped_abandons_its_work_once() {
    let registry = fresh();
    let never = agent_run("planner")
        .run(async { tool_call("search").run(pending::<Result<(), ()>>()).await });
    let ended = tokio::select! {
        biased;
        ended = never => ended,
        () = tokio::task::yield_now() => Ok(()),
    };
    assert!(ended.is_ok());
    assert_eq!(registry.total(&catalog::AGENT_RUNS, &[("status", "error")]), 1.0);
    assert_eq!(registry.total(&catalog::TOOL_CALLS, &[("success", "false")]), 1.0);
    assert_eq!(registry.total(&catalog::AGENT_STEPS, &[("agent_type", "planner")]), 1.0);
    assert_eq!(registry.total(&catalog::ERRORS, &[("kind", "abandoned")]), 2.0);
}

#[tokio::test]
async fn work_inside_of_work_is_its_child_and_its_agents() {
    let (_, kept, _subscriber) = setup();
    let context = Context::new().with_tenant("acme").with_request_id("r-1");
    let run = agent_run("planner").run(async {
        tokio::task::yield_now().await;
        let found = tool_call("search").run(async { "7".parse::<u8>() }).await;
        tracing::warn!(found = found.is_ok(), "Searched.");
        llm_call("openai", "gpt-4o").tokens(1, 1).success();
        "x".parse::<u8>()
    });
    assert!(scope(context.clone(), run).await.is_err());
    let (run, tool, call) = (
        kept.span("invoke_agent planner"),
        kept.span("execute_tool search"),
        kept.span("chat gpt-4o"),
    );
    for child in [&tool, &call] {
        assert_eq!(child.parent_span_id, run.span_context.span_id());
        assert_eq!(child.span_context.trace_id(), run.span_context.trace_id());
        assert!(attributes(child).contains(&"gen_ai.agent.name=planner".to_owned()));
    }
    assert!(attributes(&run).contains(&"error.type=ParseIntError".to_owned()));
    let lines = kept.lines();
    let line = lines.iter().find(|line| line["message"] == "Searched.").unwrap();
    assert_eq!(line["trace_id"], run.span_context.trace_id().to_string());
    assert_eq!(line["span_id"], run.span_context.span_id().to_string());
    assert_eq!((&line["agent_id"], &line["found"]), (&"planner".into(), &true.into()));
}

#[test]
fn lines_carry_whose_work_it_is() {
    let (_, kept, _subscriber) = setup();
    let context = Context::new().with_tenant("acme").with_user("u-1").with_request_id("r-1");
    context.with_conversation("c-1").run(|| tracing::info!(tenant_id = "mine", "Done."));
    let line = &kept.lines()[0];
    let said = ["tenant_id", "user_id", "request_id", "conversation_id", "level", "message"];
    let said = said.map(|key| line[key].as_str().unwrap_or("?").to_owned());
    assert_eq!(said, ["mine", "u-1", "r-1", "c-1", "INFO", "Done."]);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z') && line.get("agent_id").is_none());
}
