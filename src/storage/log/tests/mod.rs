//! The log on a real disk, and on a worse one.

mod damage;
mod faults;
mod model;
mod retention;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::model::Signal;
use crate::storage::fs::RealFs;

fn batch(number: u64, bytes: usize) -> Batch {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(bytes.max(8), number as u8);
    Batch { signal: Signal::Traces, arrived_ns: number, items: 2, body: body.into() }
}

fn open(root: &Path) -> Log {
    let options =
        LogOptions { segment_bytes: 4096, disk_reserve_bytes: 0, ..LogOptions::default() };
    Log::open(Arc::new(RealFs), root, options).unwrap()
}

fn read_all(reader: &mut LogReader) -> Vec<(Position, Batch)> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

#[tokio::test]
async fn what_was_answered_is_read_back_in_order_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut sent = Vec::new();
    for number in 0..40 {
        let batch = batch(number, 300);
        sent.push((log.append(batch.clone()).await.unwrap(), batch));
    }
    assert_eq!(read_all(&mut log.reader(Position::OLDEST)), sent);
    assert!(log.segments().len() > 2, "segments roll");
    for (at, batch) in &sent {
        assert_eq!(log.read_at(*at).unwrap(), *batch);
    }
    let end = log.end();
    drop(log);
    let log = open(dir.path());
    assert_eq!(read_all(&mut log.reader(Position::OLDEST)), sent);
    let mut tail = log.reader(end);
    assert_eq!(tail.next().unwrap(), None);
    let at = log.append(batch(99, 10)).await.unwrap();
    assert!(tail.wait(Duration::from_secs(10)));
    assert_eq!(tail.next().unwrap(), Some((at, batch(99, 10))));
    assert_eq!(tail.position(), log.end());
}

#[tokio::test]
async fn a_second_process_is_told_that_the_folder_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _log = open(dir.path());
    let second = Log::open(Arc::new(RealFs), dir.path(), LogOptions::default());
    assert!(matches!(second, Err(OpenError::Locked { .. })), "{second:?}");
}

#[tokio::test]
async fn nothing_is_taken_after_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.stop();
    assert_eq!(log.append(batch(1, 10)).await, Err(AppendError::Stopping));
    let body = Bytes::from(vec![0; limits::FRAME_BYTES + 1]);
    let large = Batch { body, ..batch(1, 10) };
    assert!(matches!(log.append(large).await, Err(AppendError::TooLarge { .. })));
}
