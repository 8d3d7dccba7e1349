//! What expires, when, and what a reader that lags is told.

use super::*;
use crate::storage::fs::sim::SimFs;

const SECOND_NS: u64 = 1_000_000_000;

fn start(disk: &SimFs, age: Option<u64>, bytes: Option<u64>) -> (Writer, Box<dyn Lock>) {
    let options = LogOptions {
        segment_bytes: 1_000,
        disk_reserve_bytes: 0,
        retention_age: age.map(Duration::from_secs),
        retention_bytes: bytes,
        ..LogOptions::default()
    };
    let salts = fastrand::Rng::with_seed(7);
    prepare(Arc::new(disk.clone()), Path::new("/data"), options, Arc::new(Unobserved), salts)
        .unwrap()
}

fn commit(writer: &mut Writer, second: u64) -> Position {
    let batch = Batch { arrived_ns: second * SECOND_NS, ..batch(second, 800) };
    writer.commit(&[&batch], second * SECOND_NS).unwrap()[0]
}

fn kept(writer: &Writer) -> Vec<u64> {
    let mut reader = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    read_all(&mut reader).iter().map(|(_, batch)| batch.arrived_ns / SECOND_NS).collect()
}

#[test]
fn segments_expire_whole_oldest_first_by_age_also_after_a_restart() {
    let disk = SimFs::new(1);
    let (mut writer, lock) = start(&disk, Some(100), None);
    for second in [0, 50, 90] {
        commit(&mut writer, second);
    }
    writer.tick(100 * SECOND_NS);
    assert_eq!(kept(&writer), [0, 50, 90], "exactly as old as allowed");
    writer.tick(101 * SECOND_NS);
    assert_eq!(kept(&writer), [50, 90]);
    drop((writer, lock));
    disk.crash();
    let (mut writer, _lock) = start(&disk, Some(100), None);
    writer.tick(151 * SECOND_NS);
    assert_eq!(kept(&writer), [90]);
    writer.tick(191 * SECOND_NS);
    assert_eq!(kept(&writer), [0; 0], "also the newest, though nothing comes any more");
    let mut reader = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    assert_eq!(reader.next().unwrap(), None);
    assert!(!reader.wait(Duration::ZERO), "an empty segment is nothing to read");
    let at = commit(&mut writer, 200);
    assert!(at.segment > 3, "{at}");
}

#[test]
fn the_oldest_go_when_it_is_too_much() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, None, Some(3_500));
    for second in 0..20 {
        commit(&mut writer, second);
        let bytes: u64 = writer.shared.table().segments.values().map(|s| s.info.bytes).sum();
        assert!(bytes <= 3_500 + 1_000, "the limit and one segment: {bytes}");
    }
    assert_eq!(kept(&writer), [16, 17, 18, 19], "looked after when a segment is begun");
    assert_eq!(writer.shared.table().counts.expired.segments, 16);
    writer.tick(20 * SECOND_NS);
    assert_eq!(kept(&writer), [17, 18, 19]);
    let on_disk: usize = disk.files().values().map(Vec::len).sum();
    assert!(on_disk <= 3_500, "{on_disk}");
}

#[test]
fn a_reader_that_lags_is_told_what_it_missed() {
    let disk = SimFs::new(1);
    let (mut writer, lock) = start(&disk, Some(100), None);
    let cursors: Vec<Position> = (0..5).map(|second| commit(&mut writer, second)).collect();
    let mut lagging = LogReader::new(Arc::clone(&writer.shared), cursors[1]);
    let mut oldest = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    let mut caught_up = LogReader::new(Arc::clone(&writer.shared), cursors[0]);
    caught_up.next().unwrap();
    let read_until = caught_up.position();
    let mut partly = LogReader::new(Arc::clone(&writer.shared), read_until);
    commit(&mut writer, 50);
    writer.tick(103 * SECOND_NS);
    let missed = |reader: &mut LogReader| {
        let first = reader.next().unwrap().unwrap().0;
        assert_eq!(first, cursors[3]);
        reader.take_expired().map(|expired| (expired.segments, expired.items))
    };
    assert_eq!(missed(&mut lagging), Some((2, [4, 0, 0])));
    assert_eq!(missed(&mut oldest), None, "it asked for what is there");
    assert_eq!(missed(&mut partly), Some((2, [4, 0, 0])), "the first segment it had read");
    assert_eq!(lagging.take_expired(), None, "said once");
    drop((writer, lock));
    disk.crash();
    let (writer, _lock) = start(&disk, Some(100), None);
    let mut restarted = LogReader::new(Arc::clone(&writer.shared), cursors[1]);
    assert_eq!(missed(&mut restarted), Some((2, [0, 0, 0])), "items are no longer known");
}

#[test]
fn of_a_segment_that_is_read_in_part_the_rest_is_missed() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, Some(100), None);
    let group: Vec<Batch> = (0..5).map(|number| batch(number, 100)).collect();
    let at = writer.commit(&[&group[0], &group[1]], 0).unwrap();
    let mut from_the_start = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    let mut from_the_middle = LogReader::new(Arc::clone(&writer.shared), at[1]);
    for reader in [&mut from_the_start, &mut from_the_middle] {
        while reader.next().unwrap().is_some() {}
    }
    writer.commit(&[&group[2], &group[3], &group[4]], 0).unwrap();
    for second in [50, 120, 140] {
        commit(&mut writer, second);
    }
    writer.tick(149 * SECOND_NS);
    for (reader, items) in [(&mut from_the_start, 6), (&mut from_the_middle, 0)] {
        while reader.next().unwrap().is_some() {}
        let missed = reader.take_expired().unwrap();
        assert_eq!((missed.segments, missed.items), (1, [items, 0, 0]));
    }
}

#[test]
fn a_cursor_beyond_the_end_waits_for_what_comes() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, None, None);
    commit(&mut writer, 0);
    let beyond = Position { segment: 900, offset: 5 };
    let mut reader = LogReader::new(Arc::clone(&writer.shared), beyond);
    assert_eq!(reader.next().unwrap(), None);
    let at = commit(&mut writer, 1);
    assert_eq!(reader.next().unwrap().map(|(at, _)| at), Some(at));
}
