//! The index over the real log, on a disk that loses power.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::storage::fs::Fs;
use crate::storage::fs::sim::SimFs;
use crate::storage::index::double::{open_book, reader};
use crate::storage::log::{Log, LogOptions};
use crate::storage::{Batch, Position};

fn open(fs: &SimFs) -> (Arc<Log>, Index) {
    let options =
        LogOptions { segment_bytes: 2_000, disk_reserve_bytes: 0, ..LogOptions::default() };
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    let log = Arc::new(Log::open(fs, Path::new("/data"), options).unwrap());
    let index = Index::open(Arc::clone(&log), reader(), open_book);
    (log, index)
}

/// What the projector does.
fn project(log: &Log, index: &Index, from: &mut Position) {
    let mut reader = log.reader(*from);
    while let Some((at, batch)) = reader.next().unwrap() {
        index.apply(at, &batch);
    }
    *from = reader.position();
}

fn batch_of(trace: u8, random: &mut fastrand::Rng) -> Batch {
    let parts: Vec<TestSpan> = (1..=random.u8(1..9))
        .map(|id| TestSpan { trace, id, start: random.u64(1..1_000), ..TestSpan::default() })
        .collect();
    spans(&parts)
}

/// Whatever is acknowledged is found by its id and by a search, after every kind of death.
#[tokio::test]
async fn what_is_acknowledged_is_found_in_every_life() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let fs = SimFs::new(seed);
        let mut kept = BTreeSet::new();
        let mut next = 1;
        for _ in 0..4 {
            let (log, index) = open(&fs);
            let mut from = index.wanted_from();
            if random.bool() {
                project(&log, &index, &mut from);
                index.rebuild_missing(&AtomicBool::new(false));
            } else {
                index.rebuild_missing(&AtomicBool::new(false));
                project(&log, &index, &mut from);
            }
            assert_all_found(&index, &kept, seed);
            for _ in 0..random.u8(0..10) {
                log.append(batch_of(next, &mut random)).await.unwrap();
                kept.insert(next);
                next += 1;
                if random.bool() {
                    project(&log, &index, &mut from);
                    assert_all_found(&index, &kept, seed);
                }
            }
            if random.bool() {
                log.stop();
            }
            if random.bool() { fs.crash() } else { fs.kill() }
        }
    }
}

fn assert_all_found(index: &Index, kept: &BTreeSet<u8>, seed: u64) {
    for trace in kept {
        assert!(!index.trace(id(*trace)).unwrap().is_empty(), "seed {seed}, trace {trace}");
    }
    let query = SearchQuery { limit: Some(1_000), ..SearchQuery::default() };
    let page = index.search(&query).unwrap();
    assert!(!page.incomplete, "seed {seed}");
    let found: BTreeSet<u8> =
        page.traces.iter().map(|trace| trace.trace_id.as_bytes()[15]).collect();
    assert_eq!(found, *kept, "seed {seed}");
}
