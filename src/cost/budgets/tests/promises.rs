//! What was promised to a call is kept: asking, reserving, counting.

use std::thread;

use proptest::prelude::*;

use super::*;
use crate::limits;

fn hard(tokens: [Option<u64>; 2], usd: [Option<f64>; 2]) -> Plan {
    plan("UTC", |plan| plan.add(Payer::Tenant, "acme", tokens, usd, (0.8, true)))
}

#[test]
fn a_refusal_says_what_and_until_when() {
    let (mut budgets, heard) = budgets(hard([Some(100), Some(1_000)], [None, None]));
    report(&mut budgets, &Call { tokens: 60, ..Call::default() }, true);
    let leave = budgets.reserve(&ask(1, 30, None, NOON)).unwrap();
    let warning = leave.warning.unwrap();
    assert_eq!(
        warning,
        "The daily budget of tenant acme runs low: 90 tokens of 100 tokens are used or \
         reserved. It begins anew at 2026-03-11T00:00:00+00:00."
    );
    let refused = budgets.reserve(&ask(2, 11, None, NOON)).unwrap_err();
    let expected = Exhausted {
        why: Why::UsedUp,
        budget: "tenant acme".to_owned(),
        period: "daily",
        unit: "tokens",
        limit: 100.0,
        used: 90.0,
        resets_at_ns: NOON + 12 * HOUR,
    };
    assert_eq!(refused, expected);
    assert_eq!(*heard.refused.lock().unwrap(), [(Payer::Tenant, Period::Daily, Unit::Tokens)]);
    // What is given back can be asked for again, and so can all of the next day.
    budgets.release(span_id(1));
    assert!(budgets.reserve(&ask(2, 11, None, NOON)).is_ok());
    assert!(budgets.reserve(&ask(3, 89, None, NOON + 12 * HOUR)).is_ok());
    // Where the month is over too, it is the one that counts.
    report(&mut budgets, &Call { tokens: 1_000, ..Call::default() }, true);
    assert_eq!(budgets.reserve(&ask(4, 1, None, NOON)).unwrap_err().period, "monthly");
    // Nobody is told of a low budget that has nothing to do with it.
    let other = Ask { tenant: Some("globex"), ..ask(5, 1 << 40, None, NOON) };
    assert_eq!(budgets.reserve(&other).unwrap().warning, None);
}

#[test]
fn budgets_that_are_not_enforced_only_warn() {
    let (mut budgets, heard) = budgets(plan("UTC", |plan| {
        plan.add(Payer::Tenant, "acme", [Some(10), None], [Some(0.0), None], (0.8, false));
    }));
    report(&mut budgets, &Call { tokens: 60, ..Call::default() }, true);
    let leave = budgets.reserve(&ask(1, 30, Some(5.0), NOON)).unwrap();
    assert!(leave.warning.unwrap().contains("acme"));
    assert!(heard.refused.lock().unwrap().is_empty());
}

#[test]
fn a_call_must_fit_its_tenant_and_its_team() {
    let (budgets, _) = budgets(plan("UTC", |plan| {
        plan.add(Payer::Tenant, "acme", [Some(100), None], [None, None], (0.8, true));
        plan.add(Payer::Team, "default", [None, None], [None, Some(1.0)], (0.8, true));
    }));
    let of_team =
        |span, tokens, usd| Ask { team: Some("research"), ..ask(span, tokens, usd, NOON) };
    assert!(budgets.reserve(&of_team(1, 10, Some(0.9))).is_ok());
    let refused = budgets.reserve(&of_team(2, 10, Some(0.2))).unwrap_err();
    assert_eq!((&*refused.budget, refused.unit), ("team research", "usd"));
    // What was refused reserved nothing of the tenant.
    assert!(budgets.reserve(&ask(3, 90, Some(9.0), NOON)).is_ok());
    assert!(budgets.reserve(&ask(4, 1, None, NOON)).is_err());
}

#[test]
fn a_call_without_a_price_goes_by_the_configuration() {
    let usd = [Some(1.0), None];
    for (allowed, wrong) in [(true, None), (false, None), (false, Some(f64::NAN))] {
        let mut plan = Plan::new("UTC", allowed).unwrap();
        plan.add(Payer::Tenant, "acme", [None, None], usd, (0.8, true));
        let (mut budgets, heard) = budgets(plan);
        let refused = budgets.reserve(&ask(1, 10, wrong, NOON)).err().map(|it| it.why);
        assert_eq!(refused, (!allowed).then_some(Why::Unpriced));
        assert_eq!(*heard.unpriced.lock().unwrap(), [allowed]);
        // Where all is spent, no call is made, with a price or without.
        report(&mut budgets, &Call { usd: Some(1.0), ..Call::default() }, true);
        assert!(budgets.reserve(&ask(2, 10, None, NOON)).is_err());
        assert!(budgets.reserve(&ask(2, 10, Some(0.0), NOON)).is_err());
        // Without a budget in USD nobody asks for the price.
        let other = Ask { tenant: Some("globex"), ..ask(3, 10, None, NOON) };
        assert!(budgets.reserve(&other).is_ok());
    }
}

#[test]
fn what_is_never_reported_is_released_after_a_time() {
    let (mut budgets, heard) = budgets(hard([Some(100), None], [None, None]));
    assert!(budgets.reserve(&ask(1, 100, None, NOON)).is_ok());
    let end = NOON + limits::BUDGET_RESERVATION_SECONDS * 1_000_000_000;
    budgets.tick(end - 1);
    assert!(budgets.reserve(&ask(2, 1, None, NOON)).is_err());
    budgets.tick(end);
    assert_eq!(*heard.expired.lock().unwrap(), 1);
    assert!(budgets.reserve(&ask(2, 1, None, NOON)).is_ok());
    // One that was asked for anew lives as long as the later.
    budgets.reserve(&ask(2, 2, None, NOON + HOUR / 2)).unwrap();
    budgets.tick(end);
    assert_eq!(budgets.report(NOON).reservations, 1);
    assert_eq!(view(&budgets, Payer::Tenant, "acme", NOON).periods[0].units[0].reserved, 2.0);
}

#[test]
fn reservations_are_bounded() {
    let (budgets, _) = budgets(hard([Some(u64::MAX >> 20), None], [None, None]));
    for span in 0..limits::BUDGET_RESERVATIONS as u64 {
        budgets.reserve(&ask(span, 1, None, NOON)).unwrap();
    }
    assert!(budgets.reserve(&ask(1 << 40, 1, None, NOON)).is_err());
    let free = Ask { tenant: Some("globex"), ..ask(1 << 41, 1, None, NOON) };
    assert!(budgets.reserve(&free).is_ok());
    assert_eq!(budgets.report(NOON).reservations, limits::BUDGET_RESERVATIONS);
    budgets.release(span_id(0));
    assert!(budgets.reserve(&ask(1 << 40, 1, None, NOON)).is_ok());
    // Asking and giving back again and again takes no room.
    for span in 0..10_000 {
        budgets.release(span_id(7));
        budgets.reserve(&ask(7, 1, None, NOON + span)).unwrap();
    }
}

#[test]
fn of_many_that_ask_for_the_last_tokens_one_wins() {
    for round in 0..50 {
        let (mut budgets, heard) = budgets(hard([Some(100), None], [None, None]));
        report(&mut budgets, &Call { tokens: 95, ..Call::default() }, true);
        let won: usize = thread::scope(|scope| {
            let askers: Vec<_> = (0..8)
                .map(|asker| {
                    let budgets = budgets.clone();
                    scope.spawn(move || budgets.reserve(&ask(asker, 5, None, NOON)).is_ok())
                })
                .collect();
            askers.into_iter().map(|it| usize::from(it.join().unwrap())).sum()
        });
        assert_eq!(won, 1, "round {round}");
        assert_eq!(heard.refused.lock().unwrap().len(), 7);
    }
}

#[test]
fn threads_that_ask_and_report_never_pass_the_limit() {
    let (budgets, _) = budgets(hard([Some(10_000), None], [None, Some(50.0)]));
    thread::scope(|scope| {
        for asker in 0..4_u64 {
            let mut budgets = budgets.clone();
            scope.spawn(move || {
                for call in 0..500 {
                    let span = asker * 1_000 + call;
                    if budgets.reserve(&ask(span, 17, Some(0.05), NOON)).is_err() {
                        continue;
                    }
                    match call % 3 {
                        0 => budgets.release(span_id(span)),
                        _ => {
                            let usd = Some(0.05);
                            let call = Call { span, tokens: 17, usd, ..Call::default() };
                            report(&mut budgets, &call, true);
                        }
                    }
                }
            });
        }
    });
    let [day, month] = used(&budgets, NOON);
    assert!(day[0] <= 10_000.0 && day[0] > 10_000.0 - 17.0, "{day:?}");
    assert!(month[1] <= 50.0, "{month:?}");
    assert_eq!(budgets.report(NOON).reservations, 0);
}

/// One step of a day at the gateway.
#[derive(Debug, Clone)]
enum Step {
    Ask {
        span: u64,
        tokens: u64,
        usd: f64,
    },
    /// The call ends, having used this part of what was reserved.
    End {
        span: u64,
        part: f64,
        after: u64,
    },
    Release(u64),
    Pass {
        minutes: u64,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let part = prop_oneof![Just(1.0), Just(0.0), 0.0..1.0_f64];
    prop_oneof![
        4 => (0..12_u64, 0..60_u64, 0.0..2.0_f64)
            .prop_map(|(span, tokens, usd)| Step::Ask { span, tokens, usd }),
        3 => (0..12_u64, part, 0..120_u64)
            .prop_map(|(span, part, after)| Step::End { span, part, after }),
        1 => (0..12_u64).prop_map(Step::Release),
        1 => (0..55_u64).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

proptest! {
    /// Whatever the order: what calls with leave have used, with what is reserved for the
    /// others, is never more than a hard limit, in no period, unit or account.
    #[test]
    fn calls_with_leave_never_pass_a_limit(
        steps in prop::collection::vec(any_step(), 1..120),
        begin in 0..48_u64,
    ) {
        let (mut budgets, _) = budgets(plan("Europe/Berlin", |plan| {
            let usd = [Some(4.0), Some(9.0)];
            plan.add(Payer::Tenant, "acme", [Some(100), Some(250)], usd, (0.8, true));
            plan.add(Payer::Team, "research", [Some(70), None], [None, Some(5.0)], (0.8, true));
        }));
        // Around the end of a month.
        let mut now = NOON + 20 * DAY + begin * HOUR;
        let mut open: Vec<(u64, u64, f64, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Ask { span, tokens, usd } => {
                    let team = (span % 2 == 0).then_some("research");
                    let asked = Ask { team, ..ask(span, tokens, Some(usd), now) };
                    if open.iter().all(|(known, ..)| *known != span)
                        && budgets.reserve(&asked).is_ok()
                    {
                        open.push((span, tokens, usd, now));
                    }
                }
                Step::End { span, part, after } => {
                    let Some(at) = open.iter().position(|(known, ..)| *known == span) else {
                        continue;
                    };
                    let (_, tokens, usd, _) = open.swap_remove(at);
                    // It ended some seconds before Pharos reads of it.
                    let (ended_ns, arrived_ns) = (now, now + after * 1_000_000_000);
                    now = arrived_ns;
                    let team = (span % 2 == 0).then_some("research");
                    let (tokens, usd) = ((tokens as f64 * part) as u64, Some(usd * part));
                    let tenant = Some("acme");
                    let call = Call { span, tenant, team, tokens, usd, ended_ns, arrived_ns };
                    report(&mut budgets, &call, true);
                }
                Step::Release(span) => {
                    open.retain(|(known, ..)| *known != span);
                    budgets.release(span_id(span));
                }
                Step::Pass { minutes } => {
                    now += minutes * HOUR / 60;
                    // Calls that are older than any can be have ended, and reported nothing.
                    budgets.tick(now);
                    let longest = limits::BUDGET_RESERVATION_SECONDS * 1_000_000_000;
                    open.retain(|(.., since)| since + longest > now);
                }
            }
            for account in budgets.report(now).budgets {
                for unit in account.periods.iter().flat_map(|period| &period.units) {
                    let Some(limited) = unit.limited else { continue };
                    let taken = unit.used + unit.reserved;
                    prop_assert!(taken <= limited.limit + 1e-9, "{} {unit:?}", account.name);
                }
            }
        }
    }
}
