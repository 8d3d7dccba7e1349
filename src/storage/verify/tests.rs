//! Whole folders, damaged ones, and those that a Pharos works in.

use super::*;
use crate::storage::double::{TestFolder, files};
use crate::storage::fs::RealFs;
use crate::storage::index::double::{TestLog, TestSpan, logs, spans};

const OTHERS: [Check; 1] = [("metrics.snapshot", |bytes| bytes == b"whole")];

fn look(root: &Path) -> (Vec<Checked>, Summary) {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let mut found = Vec::new();
    let summary = verify(&fs, root, &OTHERS, &mut |checked| found.push(checked.clone())).unwrap();
    assert_eq!(summary.files, found.len() as u64);
    (found, summary)
}

fn folder() -> TestFolder {
    let text = "a text that is long enough to stand apart from its row ".repeat(5);
    let span =
        |id| TestSpan { id, attributes: vec![("prompt", text.clone())], ..TestSpan::default() };
    let log = TestLog { body: text.clone(), ..TestLog::default() };
    let first = [spans(&[span(1), span(2)]), logs(&[log])];
    let second = [spans(&[span(3)]), spans(&[span(4)])];
    let third = [spans(&[span(5)]), spans(&[span(6)])];
    TestFolder::new(&[&first, &second, &third], 1)
}

fn names(found: &[Checked], state: State) -> Vec<&str> {
    let of_state = found.iter().filter(|checked| checked.state == state);
    of_state.map(|checked| checked.file.as_str()).collect()
}

#[test]
fn beside_a_running_pharos_all_that_is_closed_is_whole() {
    let folder = folder();
    std::fs::write(folder.path().join("metrics.snapshot"), "whole").unwrap();
    let before = files(folder.path());
    let (found, summary) = look(folder.path());
    assert!(summary.in_use && summary.damaged == 0, "{found:?}");
    let open = "segments/00000000000000000003.log";
    assert_eq!(names(&found, State::Skipped), [open]);
    let whole = names(&found, State::Whole);
    for name in [
        "segments/00000000000000000001.log",
        "index/00000000000000000001.idx",
        "cursors/tempo.cursor",
        "metrics.snapshot",
    ] {
        assert!(whole.contains(&name), "{name} in {whole:?}");
    }
    let blocks = whole.iter().filter(|name| name.starts_with("blocks/")).count();
    assert_eq!(blocks, 4, "{whole:?}");
    assert_eq!(files(folder.path()), before);
    let bytes: u64 = found.iter().map(|checked| checked.bytes).sum();
    assert_eq!(summary.bytes, bytes);
}

#[test]
fn what_a_kill_leaves_is_whole_and_stays_as_it_is() {
    let copy = folder().copy();
    let open = copy.path().join("segments/00000000000000000003.log");
    let mut bytes = std::fs::read(&open).unwrap();
    bytes.extend_from_slice(b"\xf1PhF torn");
    std::fs::write(&open, &bytes).unwrap();
    let stray =
        copy.path().join("blocks/000000-00000000000000000002-00000000000000000002.logs.parquet");
    std::fs::write(&stray, "half").unwrap();
    let before = files(copy.path());
    let (found, summary) = look(copy.path());
    assert!(!summary.in_use && summary.damaged == 0 && summary.skipped == 1, "{found:?}");
    let open = found.iter().find(|checked| checked.file.ends_with("3.log")).unwrap();
    assert!(open.notes[0].contains("not acknowledged"), "{open:?}");
    assert_eq!(files(copy.path()), before);
}

/// Flips one bit of a file of the folder at each of these places, and looks.
fn flip(name: &str, places: impl Fn(usize) -> Vec<usize>) {
    let copy = folder().copy();
    let root = copy.path();
    let file = files(root).into_keys().find(|path| path.to_string_lossy().contains(name)).unwrap();
    let good = std::fs::read(root.join(&file)).unwrap();
    for at in places(good.len()) {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        std::fs::write(root.join(&file), &bytes).unwrap();
        let (found, summary) = look(root);
        let damaged = names(&found, State::Damaged);
        assert!(
            damaged.contains(&file.to_str().unwrap()) && summary.damaged > 0,
            "byte {at} of {name}: {damaged:?}"
        );
    }
}

fn every(step: usize) -> impl Fn(usize) -> Vec<usize> {
    move |length| (0..length).step_by(step).chain(length.saturating_sub(90)..length).collect()
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    flip("segments/00000000000000000002.log", every(7));
    flip("index/00000000000000000001.idx", every(17));
    flip("spans.parquet", every(101));
    flip("logs.parquet", every(101));
    flip("content.parquet", every(53));
    flip(".block", every(5));
    flip("tempo.cursor", |_| vec![0, 5]);
}

#[test]
fn what_is_cut_or_gone_is_found_and_the_place_is_told() {
    let copy = folder().copy();
    let root = copy.path();
    let segment = root.join("segments/00000000000000000002.log");
    let good = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &good[..200]).unwrap();
    let (found, _) = look(root);
    let told = found.iter().find(|checked| checked.file.ends_with("2.log")).unwrap();
    assert_eq!(told.state, State::Damaged);
    assert!(told.notes.iter().any(|note| note.contains("bytes are missing")), "{told:?}");
    std::fs::write(&segment, good).unwrap();

    let content =
        files(root).into_keys().find(|path| path.to_string_lossy().ends_with("content.parquet"));
    let content = root.join(content.unwrap());
    let good = std::fs::read(&content).unwrap();
    std::fs::write(&content, &good[..good.len() - 1]).unwrap();
    let (found, _) = look(root);
    let told = found.iter().find(|checked| checked.file.ends_with("content.parquet")).unwrap();
    let expected = format!("it has {} bytes of {}", good.len() - 1, good.len());
    assert_eq!((told.state, &told.notes[0]), (State::Damaged, &expected));
    std::fs::remove_file(&content).unwrap();
    let (found, _) = look(root);
    let told = found.iter().find(|checked| checked.file.ends_with("content.parquet")).unwrap();
    assert_eq!((told.state, told.notes[0].as_str()), (State::Damaged, "the file is missing"));
}

#[test]
fn a_block_without_a_seal_is_damage_only_where_nothing_else_has_its_records() {
    let copy = folder().copy();
    let root = copy.path();
    let all = files(root).into_keys();
    let seal = all.into_iter().find(|path| path.extension().is_some_and(|e| e == "block")).unwrap();
    std::fs::remove_file(root.join(seal)).unwrap();
    let (found, summary) = look(root);
    assert_eq!((summary.damaged, summary.skipped), (0, 3), "{found:?}");
    std::fs::remove_file(root.join("segments/00000000000000000001.log")).unwrap();
    let (found, summary) = look(root);
    assert_eq!(summary.damaged, 1, "{found:?}");
}

#[test]
fn a_later_release_is_told_and_a_folder_that_is_none() {
    let copy = folder().copy();
    let segment = copy.path().join("segments/00000000000000000002.log");
    let mut bytes = std::fs::read(&segment).unwrap();
    for at in [0, 64] {
        bytes[at + 8] = 2;
        let crc = crc32fast::hash(&bytes[at..at + 60]);
        bytes[at + 60..at + 64].copy_from_slice(&crc.to_le_bytes());
    }
    std::fs::write(&segment, bytes).unwrap();
    let (found, summary) = look(copy.path());
    let told = found.iter().find(|checked| checked.file.ends_with("2.log")).unwrap();
    assert!(summary.damaged > 0 && told.notes[0].contains("version 2"), "{told:?}");

    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let none = tempfile::tempdir().unwrap();
    for path in [none.path().to_owned(), none.path().join("nowhere")] {
        let error = verify(&fs, &path, &OTHERS, &mut |_| {}).unwrap_err();
        assert!(matches!(error, LookError::Missing { .. }), "{error}");
    }
    assert!(files(none.path()).is_empty());
}
