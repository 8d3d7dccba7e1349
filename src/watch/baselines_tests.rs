//! What is usual, over made-up distributions.

use std::time::Duration;

use super::super::tests::options;
use super::*;
use crate::model::{SpanId, TraceId};
use crate::watch::sums::Money;

const SECOND_NS: u64 = 1_000_000_000;

fn run(seconds: f64, usd: f64) -> Run {
    let sums = crate::watch::sums::Sums {
        money: Money::of_usd(usd),
        priced: 1,
        ..crate::watch::sums::Sums::default()
    };
    Run {
        work: Work::Workflow,
        name: "order".into(),
        tenant: None,
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[1; 8]).unwrap(),
        seconds,
        failed: false,
        sums,
    }
}

/// Runs, one a second, that take so long; says which were slow.
fn slow(seconds: impl IntoIterator<Item = f64>) -> Vec<usize> {
    let (mut baselines, options) = (Baselines::default(), options());
    let judge = |(at, seconds): (usize, f64)| {
        let now_ns = 1_000_000 * SECOND_NS + at as u64 * SECOND_NS;
        let verdict = baselines.judge(&run(seconds, seconds / 10.0), now_ns, &options);
        verdict.slow.map(|_| at)
    };
    seconds.into_iter().enumerate().filter_map(judge).collect()
}

/// A hundred thousand values of a kind.
fn many(one: impl Fn(&mut fastrand::Rng, usize) -> f64) -> impl Iterator<Item = f64> {
    let mut dice = fastrand::Rng::with_seed(11);
    (0..100_000).map(move |at| one(&mut dice, at))
}

fn normal(dice: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0
}

#[test]
fn what_is_usual_is_no_alarm() {
    assert_eq!(slow(many(|_, _| 10.0)).len(), 0, "constant");
    assert_eq!(slow(many(|dice, _| 10.0 + 2.0 * dice.f64())).len(), 0, "even");
    let alarms = |spread: f64| slow(many(|dice, _| 5.0 * (spread * normal(dice)).exp())).len();
    assert!(alarms(0.3) < 30, "lognormal: {}", alarms(0.3));
    assert!(alarms(0.6) < 200, "wide: {}", alarms(0.6));
    assert!(alarms(1.0) < 500, "very wide: {}", alarms(1.0));
    let two = |dice: &mut fastrand::Rng, _| if dice.f64() < 0.1 { 60.0 } else { 2.0 + dice.f64() };
    assert!(slow(many(two)).len() < 30, "of two kinds: {}", slow(many(two)).len());
    // What grows a hundredfold within a day is followed.
    let drift = |dice: &mut fastrand::Rng, at: usize| {
        2.0 * 100_f64.powf(at as f64 / 100_000.0) * (0.2 * normal(dice)).exp()
    };
    assert!(slow(many(drift)).len() < 1_500, "drifting: {}", slow(many(drift)).len());
}

#[test]
fn what_is_five_times_as_much_is_found() {
    let kinds: [fn(&mut fastrand::Rng) -> f64; 3] =
        [|_| 10.0, |dice| 10.0 + 2.0 * dice.f64(), |dice| 10.0 * (0.25 * normal(dice)).exp()];
    for (kind, usual) in kinds.into_iter().enumerate() {
        let mut dice = fastrand::Rng::with_seed(4);
        let runs = (0..5_000).map(|at| match at % 500 {
            499 => 50.0,
            _ => usual(&mut dice),
        });
        let found = slow(runs);
        let outliers: Vec<usize> = (0..10).map(|it| it * 500 + 499).collect();
        assert!(outliers.iter().all(|it| found.contains(it)), "{kind}: {found:?}");
        assert!(found.len() <= 12, "{kind}: {found:?}");
    }
}

#[test]
fn a_new_normal_is_told_for_a_while_only() {
    let found = slow((0..20_000).map(|at| if at < 10_000 { 10.0 } else { 40.0 }));
    assert_eq!(found[0], 10_000);
    assert!((90..=200).contains(&found.len()), "{}", found.len());
}

#[test]
fn few_runs_and_small_ones_say_nothing() {
    let few = (0..50).map(|at| if at == 49 { 1_000.0 } else { 10.0 });
    assert_eq!(slow(few), [] as [usize; 0]);
    let enough = (0..51).map(|at| if at == 50 { 1_000.0 } else { 10.0 });
    assert_eq!(slow(enough), [50]);
    // 0.1 s and 0.01 USD are below what anybody looks at.
    let small = (0..500).map(|at| if at % 100 == 99 { 0.09 } else { 0.01 });
    assert_eq!(slow(small), [] as [usize; 0]);
}

#[test]
fn failed_and_unpriced_runs_are_judged_but_are_no_measure() {
    let (mut baselines, options) = (Baselines::default(), options());
    let mut judge = |run: Run| baselines.judge(&run, 1_000 * SECOND_NS, &options);
    for _ in 0..100 {
        judge(run(10.0, 1.0));
        judge(Run { failed: true, ..run(1_000.0, 100.0) });
    }
    let mut open = run(10.0, 40.0);
    open.sums.unpriced = 1;
    for _ in 0..100 {
        let verdict = judge(open.clone());
        assert!(verdict.expensive.is_some() && verdict.slow.is_none());
    }
    assert!(judge(run(40.0, 1.0)).slow.is_some());
    let all = baselines.all();
    assert_eq!((all[0].2.seconds.count(), all[0].2.usd.count()), (201, 101));
}

#[test]
fn names_that_never_come_again_push_nobody_out() {
    let (mut baselines, mut options) = (Baselines::default(), options());
    options.anomalies.window = Duration::from_secs(1_000_000);
    for _ in 0..60 {
        baselines.judge(&run(10.0, 1.0), 1, &options);
    }
    let mut forgotten = 0;
    for at in 0..20_000_u64 {
        let name = format!("run-{at}").into();
        let verdict = baselines.judge(&Run { name, ..run(1.0, 1.0) }, 2 + at, &options);
        forgotten += usize::from(verdict.forgotten);
    }
    assert_eq!(baselines.len(), limits::WATCH_NAMES);
    assert_eq!(forgotten, 20_001 - limits::WATCH_NAMES);
    assert!(baselines.judge(&run(100.0, 1.0), 30_000, &options).slow.is_some());
}
