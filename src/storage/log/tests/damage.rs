//! Files that were cut, flipped, emptied, renamed or written by others.

use std::path::PathBuf;

use super::*;
use crate::storage::fs::sim::SimFs;
use crate::storage::layout::{Layout, segment_name};

const ROOT: &str = "/data";

/// A log without a thread.
fn start(disk: &SimFs) -> Result<(Writer, Box<dyn Lock>), OpenError> {
    let options =
        LogOptions { segment_bytes: 2_000, disk_reserve_bytes: 0, ..LogOptions::default() };
    let salts = fastrand::Rng::with_seed(7);
    prepare(Arc::new(disk.clone()), Path::new(ROOT), options, Arc::new(Unobserved), salts)
}

/// What a log holds that was opened on this disk, and its status.
fn content(disk: &SimFs) -> (Vec<(Position, Batch)>, LogCounts) {
    let (writer, _lock) = start(disk).unwrap();
    let mut reader = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
    let found = read_all(&mut reader);
    let counts = writer.shared.table().counts;
    (found, counts)
}

/// A disk with a log on it: three segments, of which the last is open or sealed.
fn filled(sealed: bool) -> (SimFs, Vec<(Position, Batch)>) {
    let disk = SimFs::new(1);
    let (mut writer, lock) = start(&disk).unwrap();
    let mut sent = Vec::new();
    for number in 0..10 {
        let group = [batch(number * 2, 250), batch(number * 2 + 1, 120)];
        let at = writer.commit(&[&group[0], &group[1]], number).unwrap();
        sent.extend(at.into_iter().zip(group));
    }
    if sealed {
        writer.seal();
    }
    drop((writer, lock));
    disk.crash();
    (disk, sent)
}

/// The same files on another disk, with one of them changed.
fn changed(disk: &SimFs, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> SimFs {
    let copy = SimFs::new(2);
    let mut files = disk.files();
    change(files.get_mut(path).unwrap());
    for (path, bytes) in files {
        copy.plant(&path, bytes);
    }
    copy
}

fn segments(disk: &SimFs) -> Vec<PathBuf> {
    let dir = Layout::new(Path::new(ROOT)).segments();
    disk.files().into_keys().filter(|path| path.starts_with(&dir)).collect()
}

fn number_of(path: &Path) -> u64 {
    path.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn a_segment_cut_at_any_length_loses_its_tail_and_nothing_else() {
    for sealed in [true, false] {
        let (disk, sent) = filled(sealed);
        for path in segments(&disk) {
            let number = number_of(&path);
            for length in 0..disk.files()[&path].len() {
                let cut = changed(&disk, &path, |bytes| bytes.truncate(length));
                let (found, counts) = content(&cut);
                let kept: Vec<_> = sent
                    .iter()
                    .filter(|(at, batch)| {
                        let end = at.offset + 36 + batch.body.len() as u64;
                        at.segment != number || (end <= length as u64 && length >= 64)
                    })
                    .cloned()
                    .collect();
                assert_eq!(found, kept, "{} at {length}", path.display());
                if kept.len() < sent.len() && number != 3 {
                    assert!(counts.quarantined > 0, "{} at {length}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..1_000 {
        let (disk, sent) = filled(round % 2 == 0);
        let path = random.choice(segments(&disk)).unwrap();
        let mut byte = 0;
        let flipped = changed(&disk, &path, |bytes| {
            byte = random.usize(0..bytes.len());
            bytes[byte] ^= 1 << random.u32(0..8);
        });
        let (found, counts) = content(&flipped);
        let hit = |(at, batch): &&(Position, Batch)| {
            let frame = at.offset..at.offset + 36 + batch.body.len() as u64;
            at.segment == number_of(&path) && frame.contains(&(byte as u64))
        };
        let missing: Vec<_> = sent.iter().filter(|each| !found.contains(each)).collect();
        assert!(found.iter().all(|each| sent.contains(each)), "never a wrong record");
        let is_open_tail = round % 2 == 1 && number_of(&path) == 3;
        if is_open_tail && missing.len() > 1 {
            // The last group of an open segment cannot be told from a torn one.
            assert!(missing.iter().all(|(at, _)| at >= &sent[sent.len() - 2].0), "{missing:?}");
        } else {
            let expected: Vec<_> = sent.iter().filter(hit).collect();
            assert_eq!(missing, expected, "byte {byte} of {}", path.display());
        }
        let noticed = counts.quarantined > 0 || counts.torn_bytes > 0;
        assert!(missing.is_empty() || noticed, "byte {byte} of {}", path.display());
    }
}

#[test]
fn damage_is_put_aside_with_a_note_and_counted_once() {
    let (disk, sent) = filled(true);
    let path = segments(&disk)[0].clone();
    let at = sent[1].0;
    let damaged = changed(&disk, &path, |bytes| bytes[at.offset as usize + 40] ^= 1);
    let (found, counts) = content(&damaged);
    assert_eq!(found.len(), sent.len() - 1);
    assert_eq!(counts.quarantined, 1);
    let aside = Layout::new(Path::new(ROOT)).quarantine();
    let copy = aside.join(format!("{:020}-{}-{}.frames", 1, at.offset, at.offset + 156));
    let files = damaged.files();
    assert_eq!(files[&copy], files[&path][at.offset as usize..at.offset as usize + 156]);
    let note = files[&PathBuf::from(format!("{}.txt", copy.display()))].clone();
    assert!(String::from_utf8(note).unwrap().contains("may be removed"));
    let (again, counts) = content(&damaged);
    assert_eq!((again, counts.quarantined), (found, 0), "known since the last start");
}

#[test]
fn foreign_and_empty_files_do_not_stop_the_start() {
    let (disk, sent) = filled(true);
    let layout = Layout::new(Path::new(ROOT));
    disk.plant(&layout.segment(4), Vec::new());
    disk.plant(&layout.segment(5), vec![0; 5_000]);
    disk.plant(&layout.segment(6), b"not a segment at all, but long enough to be one ".repeat(9));
    disk.plant(&layout.segment(7), disk.files()[&layout.segment(2)].clone());
    disk.plant(&layout.segments().join("README"), b"hands off".to_vec());
    disk.plant(&layout.segments().join("99999999999999999999.log"), b"huge".to_vec());
    let (found, counts) = content(&disk);
    assert_eq!(found, sent);
    assert_eq!(counts.quarantined, 2, "the text and the copy under a wrong number");
    let files = disk.files();
    assert!(files.contains_key(&layout.quarantine().join(segment_name(6))));
    assert!(files.contains_key(&layout.segments().join("README")), "not ours to touch");
    let (mut writer, _lock) = start(&disk).unwrap();
    let at = writer.commit(&[&batch(77, 20)], 1).unwrap();
    assert_eq!(at[0].segment, 8, "numbers are not used twice");
}

#[test]
fn a_newer_format_is_refused_before_anything_is_touched() {
    let (disk, _) = filled(false);
    let path = segments(&disk)[1].clone();
    let newer = changed(&disk, &path, |bytes| {
        bytes[8] = 2;
        let crc = crc32fast::hash(&bytes[..60]).to_le_bytes();
        bytes[60..64].copy_from_slice(&crc);
    });
    let before = newer.files();
    let refused = start(&newer).map(|_| ());
    assert!(matches!(refused, Err(OpenError::Newer { version: 2, .. })), "{refused:?}");
    assert_eq!(newer.files(), before);
}

#[test]
fn the_header_lost_the_footer_still_tells_what_is_there() {
    let (disk, sent) = filled(true);
    let path = segments(&disk)[1].clone();
    let (first, _) = sent.iter().find(|(at, _)| at.segment == 2).unwrap();
    let damaged = changed(&disk, &path, |bytes| bytes[..512].fill(0));
    let (found, counts) = content(&damaged);
    let whole = |at: &Position| at.segment != 2 || at.offset >= 512;
    let kept: Vec<_> = sent.iter().filter(|(at, _)| whole(at)).cloned().collect();
    assert_eq!(found, kept);
    assert_eq!((first.offset, counts.quarantined), (128, 1), "one stretch, up to the next frame");
}

#[test]
fn a_batch_that_carries_frames_is_not_read_as_frames_when_it_is_damaged() {
    let disk = SimFs::new(5);
    let (mut writer, lock) = start(&disk).unwrap();
    let inner = batch(1, 100);
    writer.commit(&[&inner], 1).unwrap();
    let segment = disk.files()[&segments(&disk)[0]].clone();
    let smuggler = Batch { body: Bytes::from(segment[128..].to_vec()), ..batch(2, 8) };
    let at = writer.commit(&[&smuggler], 1).unwrap()[0];
    writer.commit(&[&batch(3, 50)], 1).unwrap();
    drop((writer, lock));
    disk.crash();
    let damaged = changed(&disk, &segments(&disk)[0], |bytes| bytes[at.offset as usize] ^= 1);
    let (found, counts) = content(&damaged);
    let bodies: Vec<_> = found.into_iter().map(|(_, batch)| batch).collect();
    assert_eq!(bodies, [inner, batch(3, 50)]);
    assert_eq!(counts.quarantined, 1);
}

#[test]
fn mangled_files_never_yield_a_wrong_batch_nor_stop_the_start() {
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..300 {
        let (disk, sent) = filled(round % 2 == 0);
        for path in segments(&disk) {
            let mut bytes = disk.files()[&path].clone();
            for _ in 0..random.u32(0..4) {
                mangle(&mut random, &mut bytes);
            }
            disk.plant(&path, bytes);
        }
        let (found, _) = content(&disk);
        assert!(found.iter().all(|each| sent.contains(each)), "round {round}");
        assert_eq!(content(&disk).0, found, "round {round}: the second start sees the same");
    }
}

/// Overwrites, inserts, removes or repeats a stretch.
fn mangle(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    let from = random.usize(0..=bytes.len());
    let until = random.usize(from..=bytes.len().min(from + 600));
    let stretch = bytes[from..until].to_vec();
    let noise: Vec<u8> = stretch.iter().map(|_| random.u8(..)).collect();
    let at = random.usize(0..=bytes.len());
    match random.u32(0..5) {
        0 => bytes[from..until].fill(0),
        1 => drop(bytes.splice(from..until, noise)),
        2 => drop(bytes.splice(at..at, stretch)),
        3 => drop(bytes.splice(at..at, noise)),
        _ => drop(bytes.drain(from..until)),
    }
}
