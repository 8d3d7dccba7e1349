//! What apps report themselves.

use super::*;
use crate::model::{LogRecord, Report, Reported, SeenRecord, Spend, TokenBudget, Value};

fn tell(budgets: &mut Budgets, said: Reported<'_>, whose: [Option<&str>; 2], at_ns: u64) {
    let [tenant, team] = whose;
    let (user, agent, conversation) = (None, None, None);
    let report = Report { said, id: None, tenant, team, user, agent, conversation };
    let record = LogRecord {
        time_ns: at_ns,
        observed_ns: at_ns,
        severity: 9,
        severity_text: "",
        event_name: "",
        body: Value::Empty,
        attributes: Vec::new(),
        trace_id: None,
        span_id: None,
    };
    let moment = Moment { arrived_ns: at_ns.max(NOON), live: true };
    let origin = Origin::default();
    budgets.record(&SeenRecord { moment, origin: &origin, record: &record, report: Some(&report) });
}

fn spend(usd: f64, model: Option<&str>) -> Reported<'_> {
    Reported::Spend(Spend { usd, provider: None, model, reason: None })
}

fn standing(period: &str, numbers: [Option<u64>; 3]) -> Reported<'_> {
    let [limit, used, remaining] = numbers;
    Reported::TokenBudget(TokenBudget { period, limit, used, remaining })
}

fn team_plan() -> Plan {
    plan("UTC", |plan| {
        plan.add(Payer::Team, "research", [None, None], [None, Some(10.0)], (0.8, true));
        plan.add(Payer::Tenant, "acme", [Some(100), None], [None, None], (0.8, true));
    })
}

#[test]
fn spend_that_no_call_carries_is_added_and_what_repeats_calls_is_not() {
    let (mut budgets, heard) = budgets(team_plan());
    let call = Call { team: Some("research"), usd: Some(2.0), ..Call::default() };
    report(&mut budgets, &call, true);
    let research = [None, Some("research")];
    tell(&mut budgets, spend(1.5, None), research, NOON);
    tell(&mut budgets, spend(2.0, Some("gpt")), research, NOON);
    let spent =
        |budgets: &Budgets| view(budgets, Payer::Team, "research", NOON).periods[1].units[1].used;
    assert_eq!(spent(&budgets), 3.5);
    // Nobody's money, and mistakes.
    tell(&mut budgets, spend(1.0, None), [None, None], NOON);
    tell(&mut budgets, spend(f64::NAN, None), research, NOON);
    tell(&mut budgets, spend(-1.0, None), research, NOON);
    assert_eq!(spent(&budgets), 3.5);
    assert_eq!(budgets.report(NOON).reports[What::Spend as usize], [1, 1, 0, 3]);
    // No tenant is made up for it, and no call of unknown price.
    let accounts = budgets.report(NOON).budgets;
    assert!(accounts.iter().all(|it| it.name != "unknown"));
    assert_eq!(view(&budgets, Payer::Team, "research", NOON).periods[1].unpriced_calls, 0);
    // It passes limits like calls do. A record without a time is of when it came.
    tell(&mut budgets, spend(6.5, None), research, 0);
    assert_eq!(heard.notices.lock().unwrap()[0].name, "pharos.budget.exhausted");
}

#[test]
fn a_budget_that_an_app_keeps_is_shown_where_there_is_none() {
    let (mut budgets, _) = budgets(team_plan());
    let tokens = |budgets: &Budgets, name, period: usize, at| {
        view(budgets, Payer::Tenant, name, at).periods[period].units[0]
    };
    let globex = [Some("globex"), None];
    tell(&mut budgets, standing("daily", [Some(50), Some(20), None]), globex, NOON);
    tell(&mut budgets, standing("monthly", [None, Some(30), Some(70)]), globex, NOON);
    let day = tokens(&budgets, "globex", 0, NOON);
    let limited = day.limited.unwrap();
    assert_eq!((limited.limit, day.used, limited.remaining), (50.0, 20.0, 30.0));
    assert!(limited.reported);
    assert_eq!(tokens(&budgets, "globex", 1, NOON).limited.unwrap().limit, 100.0);
    // The last word holds, until the period ends.
    tell(&mut budgets, standing("daily", [Some(50), None, Some(0)]), globex, NOON + 1);
    assert_eq!(tokens(&budgets, "globex", 0, NOON).limited.unwrap().state, LimitState::Hard);
    assert!(tokens(&budgets, "globex", 0, NOON + DAY).limited.is_none());
    // It is kept over a restart, and refuses nobody: Pharos did not set it.
    let (mut again, _) = super::budgets(team_plan());
    again.restore(&budgets.snapshot()).unwrap();
    assert_eq!(again.report(NOON), budgets.report(NOON));
    let ask = Ask { tenant: Some("globex"), ..ask(1, 1_000, None, NOON) };
    assert!(again.reserve(&ask).is_ok());
    // What is configured here wins; what says too little, or the impossible, is left out.
    tell(&mut budgets, standing("daily", [Some(5), Some(5), None]), [Some("acme"), None], NOON);
    assert_eq!(tokens(&budgets, "acme", 0, NOON).limited.unwrap().limit, 100.0);
    for numbers in [[Some(5), None, None], [None, None, None], [Some(5), None, Some(6)]] {
        tell(&mut budgets, standing("daily", numbers), globex, NOON);
    }
    tell(&mut budgets, standing("hourly", [Some(5), Some(5), None]), globex, NOON);
    tell(&mut budgets, standing("daily", [Some(u64::MAX), Some(1), None]), globex, NOON);
    tell(&mut budgets, standing("daily", [Some(5), Some(1), None]), [None, None], NOON);
    assert_eq!(budgets.report(NOON).reports[What::TokenBudget as usize], [3, 0, 1, 6]);
}
