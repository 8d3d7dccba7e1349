//! The index over its life: applied, closed, filed, opened again, damaged and rebuilt.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::double::{self, MemoryLog, TestSpan, log_record, open_book, reader, spans, trace_id};
use super::*;
use crate::storage::fs::RealFs;

fn id(number: u8) -> TraceId {
    TraceId::from_bytes(&trace_id(number)).unwrap()
}

fn span(trace: u8) -> TestSpan {
    TestSpan { trace, start: u64::from(trace), ..TestSpan::default() }
}

/// A log of five segments: traces 1 to 50, ten in each, and trace 99 in all of them.
fn five_segments() -> Arc<MemoryLog> {
    let log = MemoryLog::default();
    for trace in 1..=50 {
        log.append(&spans(&[span(trace), span(99)]), trace > 1 && trace % 10 == 1);
    }
    Arc::new(log)
}

fn open(log: &Arc<MemoryLog>, dir: &Path) -> Index {
    let frames: Arc<dyn Frames> = Arc::<MemoryLog>::clone(log);
    Index::over(frames, Arc::new(RealFs), Layout::new(dir), (reader(), open_book), 300)
}

fn file(dir: &Path, segment: u64) -> PathBuf {
    Layout::new(dir).index_file(segment)
}

/// Each trace is found where it is, and nowhere else but for its own segment.
fn assert_finds_all(index: &Index) {
    for trace in 1..=50 {
        let places = index.places_of(&id(trace), 0);
        assert!(!places.is_empty(), "trace {trace}");
        assert!(places.iter().all(|place| place.segment == u64::from(trace - 1) / 10 + 1));
    }
    let segments: Vec<u64> =
        index.places_of(&id(99), 0).iter().map(|place| place.segment).collect();
    assert!(segments.is_sorted() && (1..=5).all(|segment| segments.contains(&segment)));
    assert!(index.places_of(&id(100), 0).is_empty());
}

#[test]
fn neighbouring_frames_share_a_group_until_it_is_full() {
    let log = Arc::new(MemoryLog::default());
    for trace in 1..=20 {
        log.append(&spans(&[span(trace)]), false);
    }
    let bytes = spans(&[span(1)]).body.len() as u64;
    let dir = tempfile::tempdir().unwrap();
    let index = double::index(&log, dir.path(), 5 * bytes);
    let groups: Vec<Group> = index.directory(0).places().map(|(_, place)| place.group).collect();
    assert_eq!(groups.len(), 4);
    for (group, from) in groups.iter().zip([1, 6, 11, 16]) {
        assert_eq!((group.min_start_ns, group.max_start_ns), (from, from + 4));
        assert!(!group.failed && group.services.may_hold(ServiceSet::of("shop")));
    }
    assert!(groups.windows(2).all(|pair| pair[0].end == pair[1].first));
    assert!(!groups[0].services.may_hold(ServiceSet::of("another")));
}

#[test]
fn log_records_lead_to_their_trace_but_hold_no_span() {
    let log = Arc::new(MemoryLog::default());
    log.append(&log_record(7, "text", 5), false);
    let dir = tempfile::tempdir().unwrap();
    let index = open(&log, dir.path());
    for (at, batch) in log.from(index.wanted_from()) {
        index.apply(at, &batch);
    }
    let places = index.places_of(&id(7), 0);
    assert!(places.len() == 1 && !places[0].group.has_spans());
    let group = places[0].group;
    assert!(group.has_logs() && (group.min_log_ns, group.max_log_ns) == (5, 5));
    assert!(group.log_services.may_hold(ServiceSet::of("shop")));
    assert!(!group.log_services.may_hold(ServiceSet::of("another")));
    assert!(!group.services.may_hold(ServiceSet::of("shop")), "that is of its spans");
}

#[test]
fn closed_segments_are_read_from_their_files() {
    let log = five_segments();
    let dir = tempfile::tempdir().unwrap();
    assert_finds_all(&double::index(&log, dir.path(), 300));
    assert!(!file(dir.path(), 5).exists(), "the last segment is still growing");
    let index = open(&log, dir.path());
    assert_eq!(index.wanted_from(), Position { segment: 5, offset: 0 });
    assert!(index.directory(0).whole);
    // Batches that are known, or older than wanted, change nothing.
    let before = index.directory(0).places().count();
    for (at, batch) in log.from(Position::OLDEST) {
        if at.segment < 5 {
            index.apply(at, &batch);
        }
    }
    assert_eq!(index.directory(0).places().count(), before);
    for (at, batch) in log.from(Position::OLDEST).iter().chain(&log.from(Position::OLDEST)) {
        index.apply(*at, batch);
    }
    assert_finds_all(&index);
    let first_groups = double::index(&log, dir.path(), 300).directory(0).places().count();
    assert_eq!(index.directory(0).places().count(), first_groups);
}

#[test]
fn a_file_of_an_older_layout_is_rebuilt() {
    let log = five_segments();
    let dir = tempfile::tempdir().unwrap();
    drop(double::index(&log, dir.path(), 300));
    let path = file(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    let mut older = whole.clone();
    older[7] = 1;
    fs::write(&path, older).unwrap();
    let index = open(&log, dir.path());
    assert!(!index.directory(0).whole);
    index.rebuild_missing(&AtomicBool::new(false));
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn files_of_gone_segments_and_half_written_ones_are_removed() {
    let log = five_segments();
    let dir = tempfile::tempdir().unwrap();
    drop(double::index(&log, dir.path(), 300));
    let half = file(dir.path(), 3).with_extension("idx.tmp");
    fs::write(&half, "half").unwrap();
    let foreign = dir.path().join("index/notes.txt");
    fs::write(&foreign, "mine").unwrap();
    log.remove_up_to(2);
    drop(open(&log, dir.path()));
    let exists = |segment| file(dir.path(), segment).exists();
    assert!(!exists(1) && !exists(2) && exists(3) && exists(4));
    assert!(!half.exists() && foreign.exists());
}

#[test]
fn the_newest_segments_are_replayed_and_older_ones_rebuilt() {
    let log = five_segments();
    let dir = tempfile::tempdir().unwrap();
    drop(double::index(&log, dir.path(), 300));
    for segment in [1, 4] {
        fs::remove_file(file(dir.path(), segment)).unwrap();
    }
    let index = open(&log, dir.path());
    assert_eq!(index.wanted_from(), Position { segment: 4, offset: 0 });
    assert!(!index.directory(0).whole, "segment 1 is missing");
    for (at, batch) in log.from(index.wanted_from()) {
        index.apply(at, &batch);
    }
    assert!(index.places_of(&id(1), 0).is_empty());
    index.rebuild_missing(&AtomicBool::new(true));
    assert!(!index.directory(0).whole, "stopped before it began");
    index.rebuild_missing(&AtomicBool::new(false));
    assert!(index.directory(0).whole && file(dir.path(), 1).exists());
    assert_finds_all(&index);
}

#[test]
fn every_damage_to_a_file_is_noticed_and_repaired() {
    let log = five_segments();
    let dir = tempfile::tempdir().unwrap();
    drop(double::index(&log, dir.path(), 300));
    let path = file(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|cut| whole[..cut].to_vec()).collect();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        damaged.push(flipped);
    }
    damaged.push([whole.as_slice(), b"more"].concat());
    damaged.push(fs::read(file(dir.path(), 3)).unwrap());
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let loaded = Sealed::load(&RealFs, &path, true);
        assert!(loaded.is_err() || number == damaged.len() - 1, "{number}");
        if number % 61 > 0 && number < damaged.len() - 2 {
            continue;
        }
        let index = open(&log, dir.path());
        assert!(!index.directory(0).whole, "{number}");
        index.rebuild_missing(&AtomicBool::new(false));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn traces_left_to_the_files_are_found_there() {
    // More traces than one block holds, and one that fills whole blocks.
    let mut growing = Growing::new(1, 1);
    let mut survey = Survey::of(&spans(&[span(1)]));
    for number in 0..3_000_u32 {
        survey.traces = vec![7_000, number, 10_000 + number];
        growing.add(u64::from(number) * 10 + 8, &survey);
    }
    let (groups, pairs) = growing.seal(1 << 20);
    let held = Sealed { segment: 1, end: 1 << 20, groups, traces: Traces::Held(pairs) };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.idx");
    held.save(&RealFs, &path).unwrap();
    let loaded = [Sealed::load(&RealFs, &path, true).unwrap(), held.filed().unwrap()];
    let filed = Sealed::load(&RealFs, &path, false).unwrap();
    assert!(filed.trace_bytes() < held.trace_bytes() / 100);
    let wanted = (0..3_100).step_by(7).chain(9_990..10_010).chain([6_999, 7_000, u32::MAX]);
    for digest in wanted {
        let expected = held.find(digest, &RealFs, &path);
        for other in loaded.iter().chain([&filed]) {
            assert_eq!(other.groups, held.groups);
            assert_eq!(other.find(digest, &RealFs, &path), expected, "{digest}");
        }
    }
    assert_eq!(held.find(7_000, &RealFs, &path).len(), 3_000);
    // A file that is damaged later costs time and no answer: every group is then looked at.
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(filed.find(12_999, &RealFs, &path).len(), 3_000);
    fs::remove_file(&path).unwrap();
    assert_eq!(filed.find(5, &RealFs, &path).len(), 3_000);
}

#[test]
fn a_batch_that_is_no_message_is_indexed_as_nothing() {
    let log = Arc::new(MemoryLog::default());
    let mut batch = spans(&[span(1)]);
    batch.body = batch.body.slice(..batch.body.len() - 3);
    log.append(&batch, false);
    log.append(&spans(&[span(2)]), false);
    let dir = tempfile::tempdir().unwrap();
    let index = double::index(&log, dir.path(), 300);
    assert!(index.places_of(&id(1), 0).is_empty());
    assert_eq!(index.places_of(&id(2), 0).len(), 1);
}
