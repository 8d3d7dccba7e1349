//! A book after crashes is the book that there would be without them.

use proptest::prelude::*;

use super::*;

fn any_call() -> impl Strategy<Value = Call> {
    let names = prop_oneof![Just(None), Just(Some("acme")), Just(Some("globex")), Just(Some(""))];
    let teams = prop_oneof![Just(None), Just(Some("research")), Just(Some("sales"))];
    let usd = prop_oneof![Just(None), Just(Some(f64::NAN)), (0.0..5.0_f64).prop_map(Some)];
    let times = (0..80 * 24_u64, 0..60 * 24_u64);
    (names, teams, 0..5_000_u64, usd, times).prop_map(|(tenant, team, tokens, usd, times)| {
        let arrived_ns = NOON + times.0 * HOUR;
        let ended_ns = arrived_ns.saturating_sub(times.1 * HOUR / 20);
        Call { span: 1, tenant, team, tokens, usd, ended_ns, arrived_ns }
    })
}

fn some_plan() -> Plan {
    plan("America/New_York", |plan| {
        let (tokens, usd) = ([Some(9_000), Some(40_000)], [Some(7.0), Some(30.0)]);
        plan.add(Payer::Tenant, "default", tokens, usd, (0.7, true));
        plan.add(Payer::Team, "research", tokens, usd, (0.5, false));
    })
}

proptest! {
    #[test]
    fn crashes_change_nothing(
        mut calls in prop::collection::vec(any_call(), 1..60),
        ordered in any::<bool>(),
        snapshot_every in 1..20_usize,
        crash_every in 1..20_usize,
    ) {
        if ordered {
            calls.sort_by_key(|call| call.arrived_ns);
        }
        let (mut straight, _) = budgets(some_plan());
        calls.iter().for_each(|call| report(&mut straight, call, true));

        // The log is read from the last snapshot after each crash; what is reserved is gone.
        let (mut crashing, _) = budgets(some_plan());
        let (mut saved, mut saved_at) = (crashing.snapshot(), 0);
        for (at, call) in calls.iter().enumerate() {
            if at % snapshot_every == 0 {
                (saved, saved_at) = (crashing.snapshot(), at);
            }
            let _ = crashing.reserve(&ask(at as u64, 10, Some(0.1), call.arrived_ns));
            if at % crash_every == 0 {
                crashing = budgets(some_plan()).0;
                crashing.restore(&saved).unwrap();
                calls[saved_at..at].iter().for_each(|call| report(&mut crashing, call, false));
            }
            report(&mut crashing, call, true);
            crashing.tick(call.arrived_ns);
        }
        prop_assert_eq!(crashing.snapshot(), straight.snapshot());
    }
}

#[test]
fn damaged_states_are_refused_and_leave_nothing_behind() {
    let (mut budgets, _) = budgets(some_plan());
    report(&mut budgets, &Call { tokens: 5, ..Call::default() }, true);
    let good = budgets.snapshot();
    for bad in [&b""[..], b"{}", b"[]", &good[..good.len() - 1], b"\xff\xff"] {
        assert!(budgets.restore(bad).is_err(), "{bad:?}");
        assert!(budgets.report(NOON).budgets.iter().all(|it| it.total == [0.0, 0.0]));
        assert!(budgets.restore(&good).is_ok());
    }
    let text = String::from_utf8(good).unwrap();
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    assert!(budgets.restore(newer.as_bytes()).unwrap_err().contains("form 2"));
}
