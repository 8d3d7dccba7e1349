//! What the book holds after calls were reported.

use super::*;
use crate::limits;

fn daily_tokens(limit: u64, enforced: bool) -> Plan {
    plan("UTC", |plan| {
        let tokens = [Some(limit), None];
        plan.add(Payer::Tenant, "acme", tokens, [None, None], (0.8, enforced));
    })
}

#[test]
fn a_call_counts_for_the_period_in_which_it_ended() {
    let (mut budgets, _) = budgets(daily_tokens(1_000, false));
    let call = Call { tokens: 10, usd: Some(0.25), ..Call::default() };
    report(&mut budgets, &call, true);
    assert_eq!(used(&budgets, NOON), [[10.0, 0.25], [10.0, 0.25]]);
    // The next day, of the same month, a call of yesterday arrives, and one of today.
    let late = Call { arrived_ns: NOON + DAY, ..call };
    report(&mut budgets, &late, true);
    report(&mut budgets, &Call { ended_ns: NOON + DAY, ..late }, true);
    assert_eq!(used(&budgets, NOON), [[20.0, 0.5], [30.0, 0.75]]);
    assert_eq!(used(&budgets, NOON + DAY), [[10.0, 0.25], [30.0, 0.75]]);
    // A day that is no longer kept: the month has it, and it is counted as late.
    report(&mut budgets, &Call { arrived_ns: NOON + 3 * DAY, ..call }, true);
    assert_eq!(used(&budgets, NOON + 3 * DAY), [[0.0, 0.0], [40.0, 1.0]]);
    assert_eq!(budgets.report(NOON).late, [1, 0]);
    report(&mut budgets, &Call { arrived_ns: NOON + 90 * DAY, ..call }, true);
    assert_eq!(budgets.report(NOON).late, [2, 1]);
    // The total has everything.
    assert_eq!(view(&budgets, Payer::Tenant, "acme", NOON).total, [50.0, 1.25]);
}

#[test]
fn a_clock_that_is_ahead_does_not_spend_the_budget_of_tomorrow() {
    let (mut budgets, _) = budgets(daily_tokens(1_000, false));
    report(&mut budgets, &Call { tokens: 7, ended_ns: u64::MAX, ..Call::default() }, true);
    assert_eq!(used(&budgets, NOON)[0][0], 7.0);
    assert_eq!(used(&budgets, NOON + DAY)[0][0], 0.0);
}

#[test]
fn money_does_not_depend_on_the_order() {
    let prices = [0.1, 0.2, 0.3, 1e-9, 12_345.678_9, 1.5e-7, 99_999.99];
    let sum = |order: &[f64]| {
        let (mut budgets, _) = budgets(daily_tokens(1, false));
        for usd in order {
            report(&mut budgets, &Call { usd: Some(*usd), ..Call::default() }, true);
        }
        budgets.snapshot()
    };
    let mut turned = prices;
    turned.reverse();
    assert_eq!(sum(&prices), sum(&turned));
}

#[test]
fn a_cost_that_nobody_knows_is_no_zero() {
    let (mut budgets, _) = budgets(daily_tokens(1, false));
    let unpriced = |budgets: &Budgets| {
        view(budgets, Payer::Tenant, "acme", NOON).periods.map(|period| period.unpriced_calls)
    };
    report(&mut budgets, &Call { tokens: 1, ..Call::default() }, true);
    report(&mut budgets, &Call { tokens: 1, ..Call::default() }, true);
    // Free of charge is known.
    report(&mut budgets, &Call { tokens: 1, usd: Some(0.0), ..Call::default() }, true);
    assert_eq!(unpriced(&budgets), [2, 2]);
    // A later report of one of these calls brings its price.
    let labels = CallLabels { provider: "openai".into(), model: "gpt".into() };
    let second = Settled {
        counts: false,
        usage: Usage::default(),
        cost_usd: Some(0.5),
        cost_state: Some(crate::model::CostState::Priced),
        labels: Arc::new(labels),
        ..Settled::default()
    };
    report_settled(&mut budgets, &Call::default(), &second, true);
    assert_eq!(unpriced(&budgets), [1, 1]);
    assert_eq!(used(&budgets, NOON)[0], [3.0, 0.5]);
    // Mistakes are left out and told apart.
    for wrong in [f64::NAN, -1.0, f64::INFINITY, limits::CALL_COST_USD * 2.0] {
        report(&mut budgets, &Call { usd: Some(wrong), ..Call::default() }, true);
    }
    report(&mut budgets, &Call { tokens: u64::MAX, ..Call::default() }, true);
    assert_eq!(used(&budgets, NOON)[0], [3.0, 0.5]);
    assert_eq!(budgets.report(NOON).implausible, 6);
}

#[test]
fn sums_far_beyond_a_budget_hold() {
    let (mut budgets, _) = budgets(daily_tokens(limits::BUDGET_TOKENS, true));
    let tokens = limits::CALL_TOKENS;
    let call = Call { tokens, usd: Some(limits::CALL_COST_USD), ..Call::default() };
    (0..1_000).for_each(|_| report(&mut budgets, &call, true));
    assert_eq!(used(&budgets, NOON)[0], [1e12, 1e8]);
    assert!(budgets.reserve(&ask(1, u64::MAX, Some(f64::MAX), NOON)).is_err());
    let mut other = super::budgets(daily_tokens(1, true)).0;
    other.restore(&budgets.snapshot()).unwrap();
    assert_eq!(used(&other, NOON)[0], [1e12, 1e8]);
}

#[test]
fn teams_and_calls_without_a_tenant() {
    let (mut budgets, _) = budgets(daily_tokens(1, false));
    let call = Call { tokens: 5, tenant: None, team: Some(" research\n"), ..Call::default() };
    report(&mut budgets, &call, true);
    let used = |payer, name| view(&budgets, payer, name, NOON).periods[0].units[0].used;
    assert_eq!(used(Payer::Tenant, "unknown"), 5.0);
    assert_eq!(used(Payer::Team, "research"), 5.0);
    let teams = budgets.report(NOON).budgets;
    assert_eq!(teams.iter().filter(|it| it.payer == Payer::Team).count(), 1);
}

#[test]
fn names_beyond_the_bound_share_one_account() {
    let (mut budgets, _) = budgets(plan("UTC", |plan| {
        plan.add(Payer::Tenant, "default", [Some(100), None], [None, None], (0.8, true));
        plan.add(Payer::Tenant, "late", [Some(100), None], [None, None], (0.8, true));
    }));
    let names = |from: usize| -> Vec<&'static str> {
        let names = (from..from + limits::BUDGET_ACCOUNTS + 5).map(|at| format!("tenant-{at}"));
        names.map(|name| &*name.leak()).collect()
    };
    let call = Call { tokens: 10, ..Call::default() };
    for tenant in names(0) {
        report(&mut budgets, &Call { tenant: Some(tenant), ..call }, true);
    }
    let report_now = budgets.report(NOON);
    assert_eq!(report_now.overflowed, [5, 0]);
    let other = view(&budgets, Payer::Tenant, "other", NOON);
    assert_eq!((other.shared, other.periods[0].units[0].used), (true, 50.0));
    // Who has a row of its own always has a place, and nothing is lost in sum.
    report(&mut budgets, &Call { tenant: Some("late"), ..call }, true);
    assert_eq!(view(&budgets, Payer::Tenant, "late", NOON).periods[0].units[0].used, 10.0);
    // Those without a place share what is left of one default budget.
    let stranger = |span| Ask { tenant: Some("stranger"), ..ask(span, 30, None, NOON) };
    assert!(budgets.reserve(&stranger(1)).is_ok());
    assert_eq!(budgets.reserve(&stranger(2)).unwrap_err().budget, "tenant other");
    // Months later the silent ones make room, and their sum is kept.
    let total = |budgets: &Budgets| -> f64 {
        let all = budgets.report(NOON).budgets;
        all.iter().filter(|it| it.payer == Payer::Tenant).map(|it| it.total[0]).sum()
    };
    let before = total(&budgets);
    let moment = NOON + 70 * DAY;
    let later = Call { ended_ns: moment, arrived_ns: moment, tenant: Some("new"), ..call };
    report(&mut budgets, &later, true);
    assert_eq!(view(&budgets, Payer::Tenant, "new", moment).periods[0].units[0].used, 10.0);
    assert_eq!(total(&budgets), before + 10.0);
    assert!(budgets.report(moment).budgets.len() < 10);
}

#[test]
fn each_limit_is_told_of_once_a_period() {
    let (mut budgets, heard) = budgets(daily_tokens(100, false));
    let names = |heard: &Heard| -> Vec<_> {
        heard.notices.lock().unwrap().drain(..).map(|notice| notice.name).collect()
    };
    let call = Call { tokens: 79, ..Call::default() };
    report(&mut budgets, &call, true);
    assert_eq!(names(&heard), [""; 0]);
    let one = Call { tokens: 1, ..call };
    (0..3).for_each(|_| report(&mut budgets, &one, true));
    assert_eq!(names(&heard), ["pharos.budget.soft_limit"]);
    // Not again after a restart, nor for what is replayed.
    let state = budgets.snapshot();
    let (mut again, heard_again) = super::budgets(daily_tokens(100, false));
    again.restore(&state).unwrap();
    report(&mut again, &one, true);
    report(&mut again, &Call { tokens: 50, ..call }, false);
    report(&mut again, &one, true);
    assert_eq!(names(&heard_again), [""; 0]);
    // The last token, and then the next day.
    report(&mut budgets, &Call { tokens: 18, ..call }, true);
    report(&mut budgets, &one, true);
    assert_eq!(names(&heard), ["pharos.budget.exhausted"]);
    let tomorrow = Call { ended_ns: NOON + DAY, arrived_ns: NOON + DAY, ..call };
    report(&mut budgets, &Call { tokens: 500, ..tomorrow }, true);
    assert_eq!(names(&heard), ["pharos.budget.exhausted"]);
    // A limit that was raised may be passed again.
    let (mut raised, heard) = super::budgets(daily_tokens(10_000, false));
    raised.restore(&budgets.snapshot()).unwrap();
    report(&mut raised, &Call { tokens: 1, ..tomorrow }, true);
    report(&mut raised, &Call { tokens: 9_000, ..tomorrow }, true);
    assert_eq!(names(&heard), ["pharos.budget.soft_limit"]);
}

#[test]
fn a_view_says_what_is_left() {
    let (mut budgets, _) = budgets(plan("Europe/Berlin", |plan| {
        let (tokens, usd) = ([Some(100), None], [None, Some(10.0)]);
        plan.add(Payer::Tenant, "acme", tokens, usd, (0.5, true));
        plan.add(Payer::Team, "idle", [Some(0), None], [None, None], (0.5, false));
    }));
    report(&mut budgets, &Call { tokens: 60, usd: Some(2.5), ..Call::default() }, true);
    budgets.reserve(&ask(9, 30, Some(0.5), NOON)).unwrap();
    let acme = view(&budgets, Payer::Tenant, "acme", NOON);
    let [day, month] = &acme.periods;
    let tokens = day.units[0].limited.unwrap();
    assert_eq!((tokens.limit, tokens.soft_limit, tokens.remaining), (100.0, 50.0, 40.0));
    assert_eq!((tokens.used_ratio, tokens.state), (0.6, LimitState::Soft));
    assert_eq!((day.units[0].used, day.units[0].reserved), (60.0, 30.0));
    assert!(day.units[1].limited.is_none() && month.units[0].limited.is_none());
    let usd = month.units[1].limited.unwrap();
    assert_eq!((usd.remaining, usd.state), (7.5, LimitState::Ok));
    assert_eq!(month.units[1].reserved, 0.5);
    // Midnight in Berlin is 23:00 UTC in winter.
    assert_eq!(day.resets_ns, NOON + 11 * HOUR);
    let idle = view(&budgets, Payer::Team, "idle", NOON).periods[0].units[0].limited.unwrap();
    assert_eq!((idle.state, idle.used_ratio, idle.remaining), (LimitState::Hard, 1.0, 0.0));
}
