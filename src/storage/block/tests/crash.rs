//! Power fails behind every single call that changes the disk, while blocks are made, merged and
//! removed; and disks that fill up, write short or refuse to sync.

use std::path::PathBuf;

use super::*;
use crate::model::SpanId;
use crate::storage::block::catalog::Catalog;
use crate::storage::block::error::BlockError;
use crate::storage::block::restore::Restored;
use crate::storage::fs::sim::{Faults, SimFs};
use crate::storage::index::double::{TestSpan, spans};
use crate::storage::layout::{BlockName, BlockPart};

const SEGMENTS: u8 = 4;

/// A log of closed segments and an open one behind them.
fn log() -> MemoryLog {
    let log = MemoryLog::default();
    for segment in 0..=SEGMENTS {
        for trace in 0..3 {
            let text = "a text that is long enough to stand apart ".repeat(8);
            let span = TestSpan {
                trace: segment * 3 + trace,
                id: 1 + segment,
                start: 1_000 + u64::from(segment),
                attributes: vec![("prompt", text), ("op", "chat".to_owned())],
                ..TestSpan::default()
            };
            log.append(&spans(&[span]), trace == 0 && segment > 0);
        }
    }
    log
}

/// A process that makes blocks, until its disk dies.
struct Process {
    catalog: Catalog,
    workshop: Workshop,
}

impl Process {
    fn start(fs: &SimFs, log_from: u64) -> Result<Self, String> {
        let fs: Arc<dyn Fs> = Arc::new(fs.clone());
        let layout = Layout::new(Path::new("/store"));
        let catalog = Catalog::open(Arc::clone(&fs), layout.clone(), log_from);
        let catalog = catalog.map_err(|error| error.to_string())?;
        let understand = double::reader();
        Ok(Self { catalog, workshop: Workshop { fs, layout, understand, watch: |_| {} } })
    }

    /// Seals what is closed, merges it, and lets the first block expire if asked to.
    fn work(&self, log: &MemoryLog, expire: bool) -> Result<(), BlockError> {
        for segment in log.segments().iter().filter(|segment| segment.sealed) {
            if segment.number > self.catalog.shelved().through {
                let mut book = double::open_book();
                self.catalog.insert(self.workshop.seal(log, segment, &mut *book)?);
            }
        }
        let blocks = self.catalog.shelved().blocks;
        if blocks.len() > 1
            && let Some(seal) = self.workshop.merge(&blocks, &|| false)?
        {
            drop(blocks);
            self.catalog.replace(seal);
        }
        if expire {
            self.catalog.expire_oldest();
        }
        Ok(())
    }

    /// The spans of all blocks, each as it is found.
    fn spans(&self) -> Vec<SpanId> {
        let mut found = Vec::new();
        for block in self.catalog.shelved().blocks {
            block.verify().unwrap();
            for (group, facts) in block.seal.spans.iter().enumerate() {
                let rows: Vec<usize> = (0..facts.rows as usize).collect();
                let visit = &mut |Restored { record, .. }: Restored<'_>| {
                    let span = crate::otlp::read::span(record).unwrap();
                    assert!(span.attributes.iter().any(|attribute| attribute.key == "prompt"));
                    found.push(span.span_id);
                    false
                };
                block.restore_spans(group, &rows, visit).unwrap();
            }
        }
        found.sort_unstable();
        found
    }
}

/// The spans of the first segments of the log.
fn expected(segments: u64) -> Vec<SpanId> {
    let number = |segment: u64| SpanId::from_bytes(&[0xbb, 0, 0, 0, 0, 0, 0, segment as u8]);
    (1..=segments).flat_map(|segment| [number(segment); 3]).flatten().collect()
}

/// Files of blocks that no seal speaks of.
fn strays(fs: &SimFs, process: &Process) -> Vec<PathBuf> {
    let blocks = process.catalog.shelved().blocks;
    let known = |name: &str| {
        BlockName::of_file(name).is_some_and(|(name, part)| {
            blocks.iter().any(|block| {
                block.seal.name == name && (part == BlockPart::Seal || block.has(part))
            })
        })
    };
    let files = fs.files().into_keys().filter(|path| path.starts_with("/store/blocks"));
    files.filter(|path| !known(path.file_name().unwrap().to_str().unwrap())).collect()
}

/// Lives until the `calls`-th change of the disk, dies, and lives again; `None` if it did not die.
fn die_after(calls: u64, seed: u64, power: bool, log_from: u64) -> Option<()> {
    let (fs, log) = (SimFs::new(seed), log());
    if log_from > 1 {
        // What the log had is in blocks already; merging them is what is interrupted.
        Process::start(&fs, 1).unwrap().catalog.status();
        let process = Process::start(&fs, 1).unwrap();
        for segment in log.segments().iter().filter(|segment| segment.sealed) {
            let seal = process.workshop.seal(&log, segment, &mut *double::open_book()).unwrap();
            process.catalog.insert(seal);
        }
        log.remove_up_to(log_from - 1);
    }
    fs.set_faults(Faults { calls_until_death: Some(calls), ..Faults::default() });
    let process = Process::start(&fs, log_from);
    let result =
        process.and_then(|process| process.work(&log, false).map_err(|error| error.to_string()));
    let died = fs.is_dead();
    assert!(died || result.is_ok(), "{result:?}");
    if power {
        fs.crash()
    } else {
        fs.kill()
    }
    fs.set_faults(Faults::default());
    let process = Process::start(&fs, log_from).unwrap();
    let through = process.catalog.shelved().through;
    assert_eq!(process.spans(), expected(through), "after {calls} calls, seed {seed}");
    assert!(log_from == 1 || through == u64::from(SEGMENTS));
    process.work(&log, false).unwrap();
    assert_eq!(process.spans(), expected(u64::from(SEGMENTS)));
    drop(process);
    // Two starts in a row find the same.
    for _ in 0..2 {
        let process = Process::start(&fs, log_from).unwrap();
        assert_eq!(process.spans(), expected(u64::from(SEGMENTS)));
        assert_eq!(strays(&fs, &process), Vec::<PathBuf>::new());
        assert_eq!(process.catalog.status().counts.damaged, 0);
    }
    died.then_some(())
}

/// More with `PHAROS_SEEDS`.
fn seeds() -> u64 {
    if std::env::var("PHAROS_SEEDS").is_ok() { 20 } else { 1 }
}

#[test]
fn whenever_it_dies_every_record_is_in_one_block_or_still_in_the_log() {
    for (power, log_from) in [(true, 1), (false, 1), (true, 1 + u64::from(SEGMENTS))] {
        for seed in 0..seeds() {
            let deaths =
                (0..).take_while(|calls| die_after(*calls, seed, power, log_from).is_some());
            assert!(deaths.count() > 10);
        }
    }
}

#[test]
fn a_disk_that_fails_now_and_then_loses_nothing() {
    let seeds = std::env::var("PHAROS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(30_u64).min(10_000) {
        let (fs, log) = (SimFs::new(seed), log());
        let faults = Faults {
            short_writes: 200,
            interruptions: 200,
            failed_writes: 60,
            failed_syncs: 60,
            failed_dir_syncs: 60,
            capacity: (seed % 3 == 0).then_some(9_000),
            ..Faults::default()
        };
        fs.set_faults(faults);
        let mut failures = 0;
        if let Ok(process) = Process::start(&fs, 1) {
            for _ in 0..5 {
                failures += u32::from(process.work(&log, false).is_err());
            }
            let through = process.catalog.shelved().through;
            fs.set_faults(Faults { interruptions: 200, ..Faults::default() });
            assert_eq!(process.spans(), expected(through), "seed {seed}");
        }
        fs.crash();
        fs.set_faults(Faults::default());
        let process = Process::start(&fs, 1).unwrap();
        let through = process.catalog.shelved().through;
        assert_eq!(process.spans(), expected(through), "seed {seed}, {failures} failures");
        process.work(&log, false).unwrap();
        assert_eq!(process.spans(), expected(u64::from(SEGMENTS)), "seed {seed}");
    }
}

#[test]
fn an_expired_block_is_gone_with_all_its_files() {
    let (fs, log) = (SimFs::new(1), log());
    let process = Process::start(&fs, 1).unwrap();
    process.work(&log, true).unwrap();
    assert_eq!(process.spans(), []);
    let left = fs.files().into_keys().filter(|path| path.starts_with("/store/blocks"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_block_that_lost_its_seal_is_made_again_though_later_ones_are_whole() {
    let (fs, log) = (SimFs::new(1), log());
    for log_from in 1..=u64::from(SEGMENTS) {
        let process = Process::start(&fs, 1).unwrap();
        for segment in log.segments().iter().filter(|segment| segment.sealed) {
            let seal = process.workshop.seal(&log, segment, &mut *double::open_book()).unwrap();
            process.catalog.insert(seal);
        }
        let lost = process.catalog.shelved().blocks[log_from as usize - 1].seal.name;
        let seal = process.workshop.layout.block_file(&lost, BlockPart::Seal);
        drop(process);
        fs.plant(&seal, b"not a seal".to_vec());
        let process = Process::start(&fs, log_from).unwrap();
        assert_eq!(process.catalog.shelved().through, log_from - 1);
        process.work(&log, false).unwrap();
        assert_eq!(process.spans(), expected(u64::from(SEGMENTS)));
        drop(process);
        for file in fs.files().into_keys().filter(|path| path.starts_with("/store/blocks")) {
            Fs::remove(&fs, &file).unwrap();
        }
    }
}
