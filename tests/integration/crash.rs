//! kill -9 under load: nothing acknowledged is lost, nothing appears that was not sent, and the
//! counters equal what was stored. `PHAROS_KILLS` sets how often; `make crash` runs it 100 times.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::{Page, count, start};
use crate::load::process::Process;
use crate::load::template::Profile;
use crate::oracle::Oracle;

const SENDERS: u64 = 4;

#[test]
fn kill_9_under_load_loses_nothing_and_counts_right() {
    // Some 50,000 spans a second: what a hundred rounds store stays far below what retention
    // keeps, and can be looked at trace by trace.
    kill_and_look(&[], Duration::from_millis(1));
}

/// With segments this small some are always being made blocks, merged or removed.
#[test]
fn kill_9_while_segments_become_blocks_loses_nothing_and_counts_right() {
    let page = kill_and_look(&["--storage.segment-bytes", "1048576"], Duration::from_millis(4));
    assert!(page.sum("pharos_store_blocks", &[]) > 0.0, "{}", page.text());
    assert_eq!(page.sum("pharos_store_quarantined_total", &[]), 0.0, "{}", page.text());
}

fn kill_and_look(arguments: &[&str], pause: Duration) -> Page {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let oracle = Oracle::new(Profile::Lean);
    let mut dice = fastrand::Rng::with_seed(42);
    for round in 0..count("PHAROS_KILLS", 4) {
        let pharos = start(folder.path(), arguments);
        oracle.check_counters(&pharos, &format!("round {round}"));
        let time = Duration::from_millis(dice.u64(50..1_500));
        load_until_killed(pharos, &oracle, time, pause);
    }
    let pharos = start(folder.path(), arguments);
    oracle.check_counters(&pharos, "the end");
    oracle.check_traces(&pharos);
    oracle.check_search(&pharos);
    let page = Page::of(&pharos);
    assert_eq!(oracle.answers().keys().collect::<Vec<_>>(), [&200]);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    page
}

fn load_until_killed(pharos: Process, oracle: &Oracle, time: Duration, pause: Duration) {
    let stop = AtomicBool::new(false);
    let door = pharos.otlp_http;
    thread::scope(|scope| {
        scope.spawn(|| oracle.load(door, SENDERS, pause, &stop));
        thread::sleep(time);
        pharos.kill().unwrap();
        stop.store(true, Ordering::Relaxed);
    });
}
