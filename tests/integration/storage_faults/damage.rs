//! Files of a store that were flipped, cut, emptied or removed, and files of a later release:
//! whatever happened to one file, Pharos starts, and nothing that it answers is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::Value;

use super::steps::{copy, fill};
use super::{files, folder};
use crate::harness::{Page, binary, count, get, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::Profile;
use crate::oracle::{Oracle, hex};

/// Segments of a size that makes some dozens of them, of which one group is merged.
const SEGMENTS: usize = 12;

/// Every span of every trace, as the API tells it.
type Told = BTreeMap<String, BTreeSet<String>>;

/// A store with merged and fresh blocks and a log behind them, and what it holds.
fn store(storage: &Path, oracle: &Oracle) -> Told {
    fill(storage, oracle, SEGMENTS);
    // The first makes blocks, the second lets go of the log that they were made of.
    for run in 0..2 {
        let pharos = start(storage, &[]);
        until("blocks of all closed segments", || {
            Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
        });
        until("a short log", || run == 0 || files(&storage.join("segments")).len() < 3);
        let mut sender = Sender::connect(pharos.otlp_http).unwrap();
        for _ in 0..4 {
            assert_eq!(oracle.send(&mut sender, &mut Vec::new()).unwrap().status, 200);
        }
        settle(&pharos);
        assert_eq!(pharos.stop().unwrap(), Some(0));
    }
    let whole = folder();
    copy(storage, whole.path());
    let pharos = start(whole.path(), &[]);
    let told = told(&pharos, oracle);
    assert!(told.values().all(|spans| spans.len() == 8));
    drop(pharos);
    told
}

fn told(pharos: &Process, oracle: &Oracle) -> Told {
    let mut web = Sender::connect(pharos.web).unwrap();
    let mut told = Told::new();
    for number in 0..oracle.acknowledged() {
        for id in oracle.template.trace_ids(number) {
            let id = hex(&id);
            let answer = web.get(&format!("/api/traces/{id}")).unwrap();
            if answer.status == 404 {
                continue;
            }
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{text}");
            let trace: Value = serde_json::from_str(&text).unwrap();
            let spans = trace["spans"].as_array().unwrap().iter().map(Value::to_string);
            told.insert(id, spans.collect());
        }
    }
    told
}

/// All files of a store, sorted; the lock aside, in which nothing stands.
fn all_files(storage: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in ["", "segments", "index", "blocks", "cursors"] {
        let folder = storage.join(folder);
        let names = files(&folder).into_iter().map(|name| folder.join(name));
        all.extend(names.filter(|path| path.is_file() && !path.ends_with("lock")));
    }
    all
}

fn extension(path: &Path) -> &str {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.split_once('.').map_or(name, |(_, extension)| extension)
}

/// Damages a file; says how.
fn damage(path: &Path, dice: &mut fastrand::Rng) -> String {
    let mut bytes = fs::read(path).unwrap();
    let how = match dice.u32(0..10) {
        0..6 if !bytes.is_empty() => {
            let bit = dice.usize(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            format!("bit {bit} flipped")
        }
        6 | 7 => {
            bytes.truncate(dice.usize(0..=bytes.len()));
            format!("cut at {}", bytes.len())
        }
        8 => {
            bytes.clear();
            "emptied".to_owned()
        }
        // What can be made again from other files may also be gone.
        _ if ["block", "idx", "snapshot", "cursor"].contains(&extension(path)) => {
            fs::remove_file(path).unwrap();
            return format!("{}: removed", path.display());
        }
        _ => {
            bytes.fill(0);
            "zeroed".to_owned()
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{}: {how}", path.display())
}

/// Looks at a store with a damaged file. An end that is gone from the newest segment of the log
/// cannot be told from one that was never written, so that it may go without a word.
fn check(storage: &Path, oracle: &Oracle, whole: &Told, what: &str, cut_end: bool) {
    let start = |when| {
        Process::start(&binary(), storage, &[]).unwrap_or_else(|error| {
            panic!("{what}: it does not start{when}: {error}");
        })
    };
    let pharos = start("");
    let found = told(&pharos, oracle);
    for (id, spans) in &found {
        assert!(spans.is_subset(&whole[id]), "{what}: {id} is told wrong");
    }
    let missing: usize = whole.values().map(BTreeSet::len).sum::<usize>()
        - found.values().map(BTreeSet::len).sum::<usize>();
    let page = Page::of(&pharos);
    let noticed = page.sum("pharos_store_quarantined_total", &[])
        + page.sum("pharos_wal_torn_bytes_total", &[]);
    assert!(
        missing == 0 || noticed > 0.0 || cut_end,
        "{what}: {missing} spans are missing without a word"
    );
    // It also takes more, and finds the same after the next start.
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    let mut body = Vec::new();
    oracle.template.stamp(1_000_000, 1_800_000_000_000_000_000, &mut body);
    assert_eq!(sender.export("traces", &body).unwrap().status, 200, "{what}");
    pharos.kill().unwrap();
    let pharos = start(" again");
    let again = told(&pharos, oracle);
    assert!(again == found, "{what}: the second start finds something else");
    let id = hex(&oracle.template.trace_ids(1_000_000)[0]);
    assert_eq!(get(&pharos, &format!("/api/traces/{id}")).status, 200, "{what}");
}

/// More with `PHAROS_SEEDS`.
#[test]
fn one_damaged_file_keeps_nothing_from_starting_and_no_answer_is_wrong() {
    let folder = folder();
    let oracle = Oracle::new(Profile::Fat);
    let full = folder.path().join("full");
    let whole = store(&full, &oracle);
    let kinds: BTreeSet<String> =
        all_files(&full).iter().map(|path| extension(path).to_owned()).collect();
    let expected = ["block", "content.parquet", "idx", "log", "snapshot", "spans.parquet"];
    assert!(expected.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    let cases = count("PHAROS_SEEDS", 20).min(1_000);
    thread::scope(|scope| {
        for half in 0..2 {
            let (oracle, full, whole, kinds) = (&oracle, &full, &whole, &kinds);
            let storage = folder.path().join(half.to_string());
            scope.spawn(move || {
                for seed in (half..cases).step_by(2) {
                    let mut dice = fastrand::Rng::with_seed(seed);
                    copy(full, &storage);
                    // Every kind of file as often, however many there are.
                    let kind = dice.choice(kinds).unwrap();
                    let all = all_files(&storage).into_iter();
                    let of_kind: Vec<_> = all.filter(|path| extension(path) == kind).collect();
                    let path = dice.choice(of_kind).unwrap();
                    let newest = files(&storage.join("segments")).pop().unwrap();
                    let what = format!("seed {seed}: {}", damage(&path, &mut dice));
                    let cut_end = path.ends_with(newest) && !what.ends_with("flipped");
                    check(&storage, oracle, whole, &what, cut_end);
                    fs::remove_dir_all(&storage).unwrap();
                }
            });
        }
    });
}

#[test]
fn without_cursors_snapshot_seals_and_indexes_everything_is_still_found() {
    let folder = folder();
    let oracle = Oracle::new(Profile::Lean);
    let whole = store(folder.path(), &oracle);
    for emptied in [false, true] {
        for path in all_files(folder.path()) {
            if ["block", "idx", "snapshot", "cursor"].contains(&extension(&path)) {
                if emptied {
                    fs::write(&path, b"").unwrap();
                } else {
                    fs::remove_file(&path).unwrap();
                }
            }
        }
        fs::write(folder.path().join("lock"), b"a stale lock\n").unwrap();
        let pharos = start(folder.path(), &[]);
        assert!(told(&pharos, &oracle) == whole);
        oracle.check_search(&pharos);
        assert_eq!(Page::of(&pharos).sum("pharos_store_quarantined_total", &[]), 0.0);
        assert_eq!(pharos.stop().unwrap(), Some(0));
    }
}

#[test]
fn a_store_of_a_later_release_is_refused_untouched() {
    for kind in ["log", "block"] {
        let folder = folder();
        store(folder.path(), &Oracle::new(Profile::Lean));
        let path = all_files(folder.path()).into_iter().find(|path| extension(path) == kind);
        let path = path.unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[8] = 9;
        let (sum, at) = match kind {
            "log" => (crc32fast::hash(&bytes[..60]), 60),
            _ => (crc32fast::hash(&[&bytes[8..12], &bytes[16..]].concat()), 12),
        };
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        fs::write(folder.path().join("blocks/half.block.tmp"), b"").unwrap();
        let content = || -> BTreeMap<PathBuf, Vec<u8>> {
            let all = all_files(folder.path()).into_iter();
            all.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
        };
        let before = content();
        let mut later = Command::new(binary());
        let free = ["--web.listen-address", "--otlp.http.listen-address"];
        later.args(["serve", "--storage.path"]).arg(folder.path());
        for flag in free {
            later.args([flag, "127.0.0.1:0"]);
        }
        later.args(["--otlp.grpc.listen-address", "127.0.0.1:0"]);
        let output = later.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{kind}: {told}");
        let name = path.to_str().unwrap();
        assert!(told.contains(name) && told.contains("version 9"), "{kind}: {told}");
        assert!(content() == before, "{kind}: something was touched");
    }
}
