//! The cost of runs, compared with straight recursion over the whole tree.

use super::*;

/// A random tree of spans: each below one that came before it.
fn tree(dice: &mut fastrand::Rng, trace: u64) -> Vec<Made> {
    let spans = dice.u64(1..40);
    let one = |dice: &mut fastrand::Rng, id: u64| {
        let parent = if dice.u8(..12) == 0 { 0 } else { dice.u64(..id) };
        let what = match dice.u8(..10) {
            0 | 1 => What::Workflow(format!("w-{trace}-{id}")),
            2 | 3 => What::Agent(format!("a-{trace}-{id}")),
            4..=6 => llm(f64::from(dice.u32(..1_000)) / 1_000.0),
            7 if dice.bool() => What::Llm { usd: None, tenant: None },
            7 => tool("search", &format!("{id}")),
            _ => What::Plain,
        };
        made(trace, id, parent, what)
    };
    (1..=spans).map(|id| one(dice, id)).collect()
}

/// What the calls below a span cost, and whether one of them has no price.
fn cost(spans: &[Made], id: u64) -> (f64, usize, bool) {
    let mut sum = (0.0, 0, false);
    for child in spans.iter().filter(|it| it.parent == id) {
        let below = cost(spans, child.id);
        sum = (sum.0 + below.0, sum.1 + below.1, sum.2 | below.2);
        match child.what {
            What::Llm { usd: Some(usd), .. } => (sum.0, sum.1) = (sum.0 + usd, sum.1 + 1),
            What::Llm { usd: None, .. } => sum.2 = true,
            _ => {}
        }
    }
    sum
}

type Costs = Vec<(String, f64)>;

/// What straight recursion says: costs, and workflows of which only a part is known.
fn expected(trees: &[Vec<Made>]) -> (Costs, Vec<String>) {
    let (mut costs, mut incomplete) = (Vec::new(), Vec::new());
    for spans in trees {
        for span in spans {
            let What::Workflow(name) = &span.what else { continue };
            match cost(spans, span.id) {
                (.., true) => incomplete.push(name.clone()),
                (usd, 1.., _) => costs.push((name.clone(), usd)),
                _ => {}
            }
        }
    }
    costs.sort_by(|a, b| a.0.cmp(&b.0));
    incomplete.sort();
    (costs, incomplete)
}

fn check(heard: &Heard, trees: &[Vec<Made>], seed: u64) {
    let (mut costs, mut incomplete) = (heard.costs.clone(), heard.incomplete.clone());
    costs.sort_by(|a, b| a.0.cmp(&b.0));
    incomplete.sort();
    let (wanted, partly) = expected(trees);
    assert_eq!(incomplete, partly, "seed {seed}");
    assert_eq!(costs.len(), wanted.len(), "seed {seed}");
    for (found, wanted) in costs.iter().zip(&wanted) {
        let same = found.0 == wanted.0 && (found.1 - wanted.1).abs() < 1e-9;
        assert!(same, "seed {seed}: {found:?} is not {wanted:?}");
    }
}

#[test]
fn runs_cost_what_recursion_says_in_any_order_and_any_batches() {
    for seed in 0..300 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let trees: Vec<Vec<Made>> = (1..=4).map(|trace| tree(&mut dice, trace)).collect();
        let mut spans: Vec<&Made> = trees.iter().flatten().collect();
        dice.shuffle(&mut spans);
        let mut world = World::new(options());
        let mut second = 0.0_f64;
        for span in spans {
            // Sometimes in the same batch, never later than the grace in all.
            second += if dice.bool() { 0.0 } else { 0.1 };
            world.see(second.min(9.9), span);
        }
        assert!(world.heard().costs.is_empty(), "nothing is over yet");
        world.silence(20.0);
        check(&world.heard(), &trees, seed);
        assert_eq!((world.heard().late_usd, world.watch.lineage.sizes().1), (0.0, 0));
    }
}

#[test]
fn a_crash_at_any_point_changes_nothing() {
    let mut costs = 0;
    for seed in 0..60 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let trees: Vec<Vec<Made>> = (1..=6).map(|trace| tree(&mut dice, trace)).collect();
        let mut spans: Vec<Made> = trees.iter().flatten().cloned().collect();
        dice.shuffle(&mut spans);
        // Over three graces, so that some runs are closed, and some costs late, on the way.
        let step = 30.0 / spans.len() as f64;
        let mut straight = World::new(options());
        let mut crashing = World::new(options());
        for (at, span) in spans.iter().enumerate() {
            straight.see(at as f64 * step, span);
            crashing.see(at as f64 * step, span);
            if dice.u8(..5) == 0 {
                let bytes = crashing.watch.snapshot();
                let mut next = World::new(options());
                next.watch.restore(&bytes).unwrap();
                next.ear = crashing.ear.clone();
                next.watch.observer = Box::new(crashing.ear.clone());
                crashing = next;
            }
        }
        straight.silence(60.0);
        crashing.silence(60.0);
        let (mut one, mut other) = (straight.heard(), crashing.heard());
        // A new process announces its names once more.
        (one.expected, other.expected) = Default::default();
        assert_eq!(one, other, "seed {seed}");
        costs += one.costs.len();
    }
    assert!(costs > 100);
}

#[test]
fn what_comes_after_the_grace_is_late() {
    let mut world = World::new(options());
    world.see(0.0, &made(1, 2, 1, llm(0.25)));
    world.see(1.0, &made(1, 1, 0, workflow("order")));
    world.see(10.9, &made(1, 3, 1, llm(0.5)));
    assert_eq!(world.heard().costs, []);
    world.see(11.0, &made(2, 9, 0, What::Plain));
    assert_eq!(world.heard().costs, [("order".to_owned(), 0.75)]);
    world.see(12.0, &made(1, 5, 4, llm(2.0)));
    assert_eq!(world.heard().late_usd, 0.0, "nobody knows yet whose it is");
    world.see(13.0, &made(1, 4, 1, What::Plain));
    assert_eq!(world.heard().late_usd, 2.0);
    world.silence(60.0);
    assert_eq!(world.heard().costs.len(), 1);
}

#[test]
fn a_run_that_arrives_twice_and_parents_in_a_circle_count_once() {
    let mut world = World::new(options());
    for second in [0.0, 1.0] {
        world.see(second, &made(1, 1, 0, workflow("order")));
    }
    world.see(2.0, &made(1, 2, 1, llm(0.5)));
    // Its own parent, and two that are each other's.
    world.see(2.0, &made(2, 7, 7, workflow("self")));
    world.see(2.0, &made(2, 8, 7, llm(0.25)));
    world.see(2.0, &made(3, 1, 2, workflow("one")));
    world.see(2.0, &made(3, 2, 1, workflow("two")));
    world.see(2.0, &made(3, 3, 1, llm(0.125)));
    world.silence(60.0);
    let costs = world.heard().costs;
    assert_eq!(costs[..2], [("order".to_owned(), 0.5), ("self".to_owned(), 0.25)]);
    assert!(costs[2..].iter().all(|(_, usd)| *usd <= 0.25), "{costs:?}");
}

#[test]
fn silence_is_believed_only_when_it_is_silent() {
    let mut world = World::new(options());
    world.see(0.0, &made(1, 2, 1, llm(0.25)));
    world.see(0.0, &made(1, 1, 0, workflow("order")));
    // The clock is a minute on, but the log is still being read.
    world.watch.tick(at(60.0));
    world.see(0.1, &made(1, 3, 1, llm(0.25)));
    world.watch.tick(at(61.0));
    assert_eq!(world.heard().costs, []);
    world.watch.tick(at(62.0));
    assert_eq!(world.heard().costs, [("order".to_owned(), 0.5)]);
}
