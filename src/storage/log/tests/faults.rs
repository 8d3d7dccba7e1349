//! A disk that refuses: what senders are told, and how the log comes back by itself.

use super::*;
use crate::storage::fs::sim::{Faults, SimFs};

fn start(disk: &SimFs, reserve: u64) -> (Writer, Box<dyn Lock>) {
    let options =
        LogOptions { segment_bytes: 2_000, disk_reserve_bytes: reserve, ..LogOptions::default() };
    let salts = fastrand::Rng::with_seed(7);
    prepare(Arc::new(disk.clone()), Path::new("/data"), options, Arc::new(Unobserved), salts)
        .unwrap()
}

fn all(writer: &Writer) -> Vec<u64> {
    let mut reader = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    read_all(&mut reader).iter().map(|(_, batch)| batch.arrived_ns).collect()
}

fn writable(writer: &Writer) -> Writable {
    writer.shared.table().writable.clone()
}

#[test]
fn a_failed_sync_is_never_tried_again_on_the_same_segment() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, 0);
    let first = writer.commit(&[&batch(1, 10)], 0).unwrap()[0];
    disk.set_faults(Faults { failed_syncs: 1_000, ..Faults::default() });
    let refused = writer.commit(&[&batch(2, 10)], 0);
    assert!(matches!(refused, Err(AppendError::ReadOnly { .. })), "{refused:?}");
    assert!(matches!(writable(&writer), Writable::ReadOnly(_)), "no new segment either");
    disk.set_faults(Faults::default());
    let still = writer.commit(&[&batch(3, 10)], 0);
    assert!(matches!(still, Err(AppendError::ReadOnly { .. })), "senders do not probe");
    writer.tick(0);
    assert_eq!(writable(&writer), Writable::Yes);
    let next = writer.commit(&[&batch(4, 10)], 0).unwrap()[0];
    assert!(next.segment > first.segment, "{next} after {first}");
    assert_eq!(all(&writer), [1, 4], "what was answered with an error is not shown");
    assert!(writer.shared.table().counts.sync_failures >= 1);
}

#[test]
fn one_failed_sync_costs_one_group() {
    let disk = SimFs::new(9);
    let (mut writer, _lock) = start(&disk, 0);
    writer.commit(&[&batch(1, 10)], 0).unwrap();
    let mut answers = Vec::new();
    disk.set_faults(Faults { failed_syncs: 300, ..Faults::default() });
    for number in 2..200 {
        if writer.commit(&[&batch(number, 10)], 0).is_ok() {
            answers.push(number);
        }
        writer.tick(0);
    }
    answers.insert(0, 1);
    assert_eq!(all(&writer), answers);
    assert!(answers.len() > 50, "the log goes on in new segments: {}", answers.len());
}

#[test]
fn a_full_disk_is_refused_read_and_left_behind() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, 0);
    writer.commit(&[&batch(1, 300)], 0).unwrap();
    let used = disk.files().values().map(Vec::len).sum::<usize>() as u64;
    disk.set_faults(Faults { capacity: Some(used + 100), ..Faults::default() });
    assert_eq!(writer.commit(&[&batch(2, 300)], 0), Err(AppendError::DiskFull));
    assert_eq!(writable(&writer), Writable::DiskFull);
    assert_eq!(all(&writer), [1], "reading goes on");
    writer.tick(0);
    assert_eq!(writer.commit(&[&batch(3, 300)], 0), Err(AppendError::DiskFull));
    disk.set_faults(Faults::default());
    writer.tick(0);
    writer.commit(&[&batch(4, 300)], 0).unwrap();
    assert_eq!((all(&writer), writable(&writer)), (vec![1, 4], Writable::Yes));
}

#[test]
fn the_reserve_is_left_free() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, 1_000);
    disk.set_faults(Faults { capacity: Some(2_000), ..Faults::default() });
    let mut taken = Vec::new();
    for number in 0..50 {
        match writer.commit(&[&batch(number, 60)], 0) {
            Ok(_) => taken.push(number),
            Err(error) => assert_eq!(error, AppendError::DiskFull),
        }
    }
    assert!(!taken.is_empty() && taken.len() < 50);
    assert_eq!(all(&writer), taken);
    let used: usize = disk.files().values().map(Vec::len).sum();
    assert!(used <= 1_000, "{used} bytes used of 2000, of which 1000 are reserved");
}

#[test]
fn a_full_disk_is_known_before_anything_comes() {
    let disk = SimFs::new(1);
    let (mut writer, _lock) = start(&disk, 1_000);
    disk.set_faults(Faults { capacity: Some(500), ..Faults::default() });
    writer.tick(0);
    assert_eq!(writable(&writer), Writable::DiskFull);
    disk.set_faults(Faults { capacity: Some(5_000), ..Faults::default() });
    writer.tick(0);
    assert_eq!(writable(&writer), Writable::DiskFull, "not for so little");
    disk.set_faults(Faults { capacity: Some(5_000_000), ..Faults::default() });
    writer.tick(0);
    assert_eq!(writable(&writer), Writable::Yes);
}

#[test]
fn a_disk_that_turned_read_only_is_opened_and_read() {
    let disk = SimFs::new(1);
    let (mut writer, lock) = start(&disk, 0);
    writer.commit(&[&batch(1, 300)], 0).unwrap();
    drop((writer, lock));
    disk.kill();
    disk.set_faults(Faults { read_only: true, ..Faults::default() });
    let (mut writer, _lock) = start(&disk, 0);
    assert_eq!(all(&writer), [1]);
    let refused = writer.commit(&[&batch(2, 300)], 0);
    assert!(matches!(refused, Err(AppendError::ReadOnly { .. })), "{refused:?}");
    disk.set_faults(Faults::default());
    writer.tick(0);
    writer.commit(&[&batch(3, 300)], 0).unwrap();
    assert_eq!(all(&writer), [1, 3]);
}
