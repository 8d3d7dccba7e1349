//! Deaths at each step of making a block, and while starting.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use pharos::model::Signal;
use pharos::storage::fs::RealFs;
use pharos::storage::{Batch, Log, LogOptions};

use super::{debug_binary, files, folder};
use crate::harness::{Page, binary, until};
use crate::load::process::Process;
use crate::load::template::Profile;
use crate::oracle::{Oracle, now_ns};

/// As many closed segments as are merged into one block.
const SEGMENTS: usize = 8;

/// The first, the last and, where it is a step of a merge too, that one.
const STEPS: &[(&str, &[u32])] = &[
    ("Begun", &[1, 8, 9]),
    ("ContentWritten", &[1, 8, 9]),
    ("LogsWritten", &[1, 8, 9]),
    ("SpansWritten", &[1, 8, 9]),
    ("NamesSynced", &[1, 8, 9]),
    ("Sealed", &[1, 8, 9]),
    ("Removing", &[1]),
];

/// A store of closed segments that no Pharos has seen yet.
pub(super) fn fill(storage: &Path, oracle: &Oracle, segments: usize) {
    let options =
        LogOptions { segment_bytes: 40_000, disk_reserve_bytes: 0, ..LogOptions::default() };
    let log = Log::open(Arc::new(RealFs), storage, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut body = Vec::new();
    // The last one is closed by the next start.
    while log.segments().len() < segments {
        let number = oracle.prepare(&mut body);
        let (arrived_ns, items) = (now_ns(), crate::oracle::SPANS as u32);
        let body = Bytes::from(body.clone());
        let batch = Batch { signal: Signal::Traces, arrived_ns, items, body };
        runtime.block_on(log.append(batch)).unwrap();
        oracle.acknowledge(number);
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Starts a Pharos that is to die by itself and waits until it has.
fn die_at(storage: &Path, step: &str) {
    let variables = [("PHAROS_CRASH_AT", step)];
    match Process::start_in(debug_binary(), storage, &[], &variables) {
        Ok(mut pharos) => until(&format!("the death at {step}"), || pharos.ended()),
        // It is gone before it said where it listens.
        Err(error) => assert!(error.to_string().starts_with("pharos ended"), "{step}: {error}"),
    }
}

/// What is found after a start; ends it in order.
fn look(binary: &Path, storage: &Path, oracle: &Oracle, when: &str) -> Vec<u8> {
    let pharos = Process::start_in(binary, storage, &[], &[]).unwrap();
    until("blocks of all closed segments", || {
        Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
    });
    oracle.check_counters(&pharos, when);
    oracle.check_traces(&pharos);
    oracle.check_search(&pharos);
    let page = Page::of(&pharos);
    assert_eq!(page.sum("pharos_store_quarantined_total", &[]), 0.0, "{when}");
    assert_eq!(page.sum("pharos_store_seal_failures_total", &[]), 0.0, "{when}");
    let found = crate::harness::get(&pharos, "/api/traces/search?limit=1000").body;
    assert_eq!(pharos.stop().unwrap(), Some(0), "{when}");
    let left = files(&storage.join("blocks"));
    let whole = |name: &str| left.contains(&format!("{}.block", name.split('.').next().unwrap()));
    assert!(left.iter().all(|name| whole(name) && !name.ends_with(".tmp")), "{when}: {left:?}");
    found
}

#[test]
fn dead_at_any_step_of_making_a_block_it_starts_and_has_everything() {
    let folder = folder();
    let oracle = Oracle::new(Profile::Lean);
    let full = folder.path().join("full");
    fill(&full, &oracle, SEGMENTS);
    let cases: Vec<String> = STEPS
        .iter()
        .flat_map(|(step, times)| times.iter().map(move |times| format!("{step}:{times}")))
        .collect();
    thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(2)) {
            let (oracle, full, folder) = (&oracle, &full, folder.path());
            scope.spawn(move || {
                for step in part {
                    let storage = folder.join(step);
                    copy(full, &storage);
                    die_at(&storage, step);
                    let first = look(debug_binary(), &storage, oracle, step);
                    let second = look(debug_binary(), &storage, oracle, step);
                    assert!(first == second, "{step}: the second start finds something else");
                    fs::remove_dir_all(storage).unwrap();
                }
            });
        }
    });
}

#[test]
fn killed_again_and_again_while_it_starts_it_comes_up_with_everything() {
    let folder = folder();
    let oracle = Oracle::new(Profile::Lean);
    fill(folder.path(), &oracle, 3 * SEGMENTS);
    let mut dice = fastrand::Rng::with_seed(4);
    for _ in 0..20 {
        let mut dying = std::process::Command::new(binary());
        dying.arg("serve").env("PHAROS_STORAGE_PATH", folder.path());
        for variable in ["WEB", "OTLP_HTTP", "OTLP_GRPC"] {
            dying.env(format!("PHAROS_{variable}_LISTEN_ADDRESS"), "127.0.0.1:0");
        }
        let quiet = dying.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut dying = quiet.spawn().unwrap();
        thread::sleep(Duration::from_millis(dice.u64(5..250)));
        dying.kill().unwrap();
        dying.wait().unwrap();
    }
    let first = look(&binary(), folder.path(), &oracle, "after 20 deaths");
    assert!(first == look(&binary(), folder.path(), &oracle, "again"));
}
