//! What is found, counted and told.

use super::*;
use crate::model::{Fact, NoticeLevel};

fn long(made: Made, seconds: f64) -> Made {
    Made { seconds, ..made }
}

#[test]
fn thresholds_are_exceeded_by_more_not_by_as_much() {
    let mut world = World::new(options());
    for (what, limit) in
        [(workflow("order"), 600.0), (What::Step("plan".into()), 120.0), (llm(0.1), 30.0)]
    {
        world.see(0.0, &long(made(1, 1, 9, what.clone()), limit));
        assert_eq!(world.found(), []);
        world.see(0.0, &long(made(2, 2, 9, what), limit + 0.001));
        assert_eq!(world.found().len(), 1);
        world.ear.heard.lock().unwrap().found.clear();
    }
    let told = world.told();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|it| it.name == "pharos.threshold.exceeded"));
    assert_eq!(told[0].trace_id, Some(span(&made(2, 2, 9, What::Plain)).trace_id));
    assert_eq!(told[0].level, NoticeLevel::Warning);
    let facts = &told[2].facts;
    assert!(facts.contains(&("gen_ai.request.model", Fact::Text("gpt-4o".into()))), "{facts:?}");
    assert!(facts.contains(&("pharos.finding.limit", Fact::Number(30.0))));
    assert!(facts.contains(&("pharos.finding.kind", Fact::Text("llm_call_seconds".into()))));
}

#[test]
fn no_threshold_no_finding() {
    let mut options = options();
    options.thresholds.workflow_seconds = None;
    options.thresholds.workflow_cost_usd = None;
    let mut world = World::new(options);
    world.see(0.0, &made(1, 2, 1, llm(5.0)));
    world.see(0.0, &long(made(1, 1, 0, workflow("order")), 9_999.0));
    world.silence(60.0);
    assert_eq!(world.found(), []);
}

#[test]
fn a_dear_workflow_is_told_with_what_it_used() {
    let mut world = World::new(options());
    world.see(0.0, &made(1, 4, 2, llm(0.75)));
    world.see(0.0, &made(1, 5, 2, What::Llm { usd: None, tenant: None }));
    world.see(0.0, &made(1, 6, 2, tool("search", "{}")));
    world.see(0.0, &made(1, 3, 1, llm(0.5)));
    world.see(0.0, &made(1, 2, 1, What::Agent("planner".into())));
    world.see(0.0, &made(1, 1, 0, workflow("order")));
    world.silence(60.0);
    assert_eq!(world.found(), [(Kind::WorkflowCostUsd, "order".to_owned())]);
    assert_eq!(world.heard().incomplete, ["order"], "what has no price is no whole cost");
    assert_eq!(world.heard().costs, []);
    let findings = world.watch.handle().findings(|_| true, 10);
    assert_eq!(findings[0].used, Some(Used { llm_calls: 3, tool_calls: 1, tokens: 45 }));
    assert_eq!((findings[0].value, findings[0].limit), (1.25, 1.0));
}

#[test]
fn failing_workflows_are_told_by_their_part() {
    let mut world = World::new(options());
    for id in 1..=40 {
        let run = made(id, id, 0, workflow("order"));
        world.see(id as f64, &Made { failed: id % 10 == 0, ..run });
    }
    world.silence(90.0);
    assert_eq!(world.found(), [(Kind::ErrorRatio, "order".to_owned())]);
}

#[test]
fn a_loop_is_told_while_it_runs() {
    let mut world = World::new(options());
    for id in 1..=10 {
        let arguments = if id % 2 == 0 { r#"{"q":1,"p":2}"# } else { r#"{ "p": 2, "q": 1 }"# };
        world.see(id as f64, &made(1, id, 99, tool("search", arguments)));
    }
    assert_eq!(world.found(), vec![(Kind::ToolLoop, "search".to_owned()); 2]);
    assert_eq!(world.told().len(), 1, "the second is held back for a while");
    world.watch.tick(at(400.0));
    let told = world.told();
    assert_eq!(told.len(), 2);
    assert!(told[1].facts.contains(&("pharos.finding.value", Fact::Number(10.0))));
    assert!(told[1].facts.contains(&("pharos.finding.more", Fact::Count(1))));
    // Other traces, other arguments, and unknown ones are no loop.
    for id in 1..=50 {
        world.see(500.0, &made(100 + id, id, 99, tool("search", "{}")));
        world.see(500.0, &made(1_000, id, 99, tool("search", &id.to_string())));
        let unknown = What::Tool { name: "search".into(), arguments: None };
        world.see(500.0, &made(2_000, id, 99, unknown));
    }
    assert_eq!(world.found().len(), 2);
}

#[test]
fn a_circle_of_tools_is_told_as_one() {
    let mut world = World::new(options());
    for id in 1..=8 {
        let name = if id % 2 == 0 { "read" } else { "write" };
        world.see(id as f64, &made(1, id, 99, tool(name, "{}")));
    }
    assert_eq!(world.found(), [(Kind::ToolCycle, "read".to_owned())]);
}

#[test]
fn slow_and_dear_runs_are_found_among_their_own() {
    let mut world = World::new(options());
    let run = |world: &mut World, id: u64, name: &str, seconds: f64, usd: f64| {
        let second = id as f64 * 0.01;
        world.see(second, &made(id, 2, 1, llm(usd)));
        world.see(second, &long(made(id, 1, 0, workflow(name)), seconds));
    };
    for id in 1..=100 {
        run(&mut world, id, "short", 1.0, 0.02);
        run(&mut world, 1_000 + id, "long", 100.0, 0.5);
    }
    world.silence(60.0);
    run(&mut world, 9_001, "short", 5.0, 0.02);
    run(&mut world, 9_002, "short", 1.0, 0.2);
    run(&mut world, 9_003, "long", 100.0, 0.5);
    world.silence(200.0);
    let short = |kind| (kind, "short".to_owned());
    assert_eq!(world.found(), [short(Kind::SlowRun), short(Kind::ExpensiveRun)]);
    let usual = world.watch.handle().baselines();
    assert_eq!((usual[0].name.as_str(), usual[1].name.as_str()), ("long", "short"));
    assert_eq!((usual[1].duration.runs, usual[1].cost.runs), (102, 102));
    let close = |value: Option<f64>, real: f64| (value.unwrap() / real - 1.0).abs() < 0.03;
    assert!(close(usual[0].duration.p50, 100.0) && close(usual[1].cost.p95, 0.02));
}

#[test]
fn a_rush_of_money_is_told_of_the_tenant_and_of_all() {
    let mut world = World::new(options());
    let call = |tenant: &str, usd| What::Llm { usd: Some(usd), tenant: Some(tenant.to_owned()) };
    for hour in 0..6 {
        world.see(hour as f64 * 3_600.0, &made(hour + 1, 1, 9, call("acme", 1.0)));
        world.see(hour as f64 * 3_600.0, &made(hour + 1, 2, 9, call("globex", 2.0)));
    }
    assert_eq!(world.found(), []);
    world.see(5.5 * 3_600.0, &made(99, 1, 9, call("acme", 5.0)));
    assert_eq!(world.found(), [(Kind::CostVelocity, "acme".to_owned())]);
    world.see(5.6 * 3_600.0, &made(99, 2, 9, call("globex", 8.0)));
    assert_eq!(world.found()[1..], [(Kind::CostVelocity, "all".to_owned())]);
    world.watch.tick(at(5.7 * 3_600.0));
    assert_eq!(world.heard().velocity["acme"], 6.0);
    assert_eq!(world.heard().velocity[""], 16.0);
    world.watch.tick(at(9.0 * 3_600.0));
    assert_eq!(world.heard().velocity[""], 0.0);
}

#[test]
fn what_is_read_again_is_counted_and_not_told_again() {
    let mut world = World::new(options());
    let run = long(made(1, 1, 0, workflow("order")), 1_000.0);
    world.see_as(Moment { arrived_ns: at(0.0), live: false }, &run);
    assert_eq!((world.found().len(), world.told().len()), (1, 0));
}

#[test]
fn a_storm_is_a_notice_with_a_count() {
    let mut world = World::new(options());
    for id in 1..=1_000 {
        world.see(id as f64 / 10.0, &long(made(id, 1, 0, llm(0.0)), 60.0));
    }
    assert_eq!((world.found().len(), world.told().len()), (1_000, 1));
    assert_eq!(world.heard().held_back, 999);
    world.watch.tick(at(301.0));
    world.watch.tick(at(900.0));
    world.watch.tick(at(1_500.0));
    let told = world.told();
    assert_eq!(told.len(), 2);
    assert!(told[1].facts.contains(&("pharos.finding.more", Fact::Count(999))), "{told:?}");
    assert_eq!(world.watch.handle().findings(|_| true, 9_999).len(), limits::WATCH_FINDINGS);
}
