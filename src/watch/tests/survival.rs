//! Bounds, and what a damaged snapshot does.

use super::*;

#[test]
fn a_million_traces_workflows_and_tools_stay_within_bounds() {
    let mut world = World::new(options());
    let mut watched = 0;
    for trace in 1..=1_000_000_u64 {
        // Three in four traces are plain: their cost is what matters.
        let second = trace as f64 / 50_000.0;
        let name = format!("name-{trace}");
        let what = match trace % 4 {
            0 if trace % 40 == 0 => What::Workflow(name),
            0 => What::Agent(format!("agent-{}", trace % 97)),
            1 => tool(&name, &name),
            2 => What::Llm { usd: Some(0.001), tenant: Some(name) },
            _ => What::Plain,
        };
        watched += usize::from(what != What::Plain);
        world.see(second, &made(trace, trace, trace + 1, what));
    }
    let (waiting, open) = world.watch.lineage.sizes();
    assert!(waiting <= 2 * limits::WATCH_WAITING && open <= limits::WATCH_OPEN_RUNS);
    assert!(world.watch.loops.len() <= 2 * limits::WATCH_LOOP_RUNS);
    assert_eq!(world.watch.velocity.len(), limits::WATCH_TENANTS);
    let names = world.watch.shared.lock().baselines.len();
    assert!(names <= 2 * limits::WATCH_NAMES, "{names}");
    let expected = world.heard().expected.len();
    assert!(expected < 5 * 4 * limits::WATCH_EXPECTED_NAMES, "{expected}");
    let forgotten = world.heard().forgotten;
    for what in ["waiting", "calls", "baseline", "tenant"] {
        assert!(forgotten.get(what).is_some_and(|count| *count > 0), "{what}: {forgotten:?}");
    }
    let bytes = world.watch.snapshot();
    assert!(bytes.len() < 16 << 20, "{} bytes", bytes.len());
    assert!(watched > 700_000);
}

#[test]
fn no_bytes_that_are_no_snapshot_are_taken() {
    let mut world = World::new(options());
    for id in 1..200 {
        let what = match id % 4 {
            0 => workflow("order"),
            1 => llm(0.1),
            2 => tool("search", "{}"),
            _ => What::Plain,
        };
        world.see(id as f64 / 10.0, &made(id / 20 + 1, id, id / 2, what));
    }
    let bytes = world.watch.snapshot();
    let mut other = World::new(options());
    assert_eq!(other.watch.restore(&bytes), Ok(()));
    assert_eq!(other.watch.snapshot().len(), bytes.len());
    let mut dice = fastrand::Rng::with_seed(1);
    for _ in 0..500 {
        let cut = dice.usize(..bytes.len());
        assert!(World::new(options()).watch.restore(&bytes[..cut]).is_err());
        // Anything may be in there; it must neither panic nor take much memory.
        let mut damaged = bytes.clone();
        damaged[dice.usize(..bytes.len())] ^= 1 << dice.u8(..8);
        let _ = World::new(options()).watch.restore(&damaged);
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(World::new(options()).watch.restore(&longer).is_err());
    assert!(World::new(options()).watch.restore(&[]).is_err());
}
