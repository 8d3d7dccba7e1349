//! Seeded lives of a log on a disk that forgets: whatever happens, what was acknowledged is
//! there after the recovery, and nothing is there that was not sent.
//!
//! `PHAROS_SEEDS=100000 cargo test --release storage::log::tests::model` is the long form;
//! `PHAROS_SEED=17` runs that one alone.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::storage::fs::sim::{Faults, SimFs};
use crate::storage::log::observer::LogObserver;

const SEEDS: u64 = 2_000;
const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn acknowledged_batches_survive_every_life() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("PHAROS_SEED") {
        return Model::new(seed).run();
    }
    for seed in 0..number("PHAROS_SEEDS").unwrap_or(SEEDS) {
        let _named = Named(seed);
        Model::new(seed).run();
    }
}

/// Says which seed it was.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with PHAROS_SEED={}", self.0);
        }
    }
}

#[derive(Debug, Default)]
struct Expiries(Mutex<Vec<u64>>);

impl LogObserver for Expiries {
    fn expired(&self, segment: &SegmentInfo) {
        self.0.lock().unwrap().push(segment.number);
    }
}

struct Model {
    random: fastrand::Rng,
    disk: SimFs,
    options: LogOptions,
    now_ns: u64,
    expiries: Arc<Expiries>,
    /// Every batch that was ever handed to the log, by the id in its body.
    sent: HashMap<u64, Batch>,
    /// What must be readable, and where.
    owed: BTreeMap<Position, u64>,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let options = LogOptions {
            durability: if random.u32(0..8) == 0 { Durability::Os } else { Durability::Fsync },
            segment_bytes: random.u64(500..6_000),
            retention_age: random.bool().then(|| Duration::from_secs(random.u64(50..500))),
            retention_bytes: random.bool().then(|| random.u64(2_000..30_000)),
            disk_reserve_bytes: random.choice([0, 1_000]).unwrap(),
        };
        Self {
            disk: SimFs::new(random.u64(..)),
            options,
            now_ns: 1_000 * SECOND_NS,
            expiries: Arc::default(),
            sent: HashMap::new(),
            owed: BTreeMap::new(),
            random,
        }
    }

    fn run(&mut self) {
        for _ in 0..self.random.u32(1..6) {
            while self.random.u32(0..4) == 0 {
                self.start_in_vain();
            }
            self.live();
        }
        let first = self.reopen();
        let second = self.reopen();
        assert_eq!(first, second, "two restarts in a row give the same state");
    }

    fn prepare(&mut self) -> Result<(Writer, Box<dyn Lock>), OpenError> {
        let salts = fastrand::Rng::with_seed(self.random.u64(..));
        let observer = Arc::clone(&self.expiries) as Arc<dyn LogObserver>;
        let disk = Arc::new(self.disk.clone());
        prepare(disk, &PathBuf::from("/data"), self.options.clone(), observer, salts)
    }

    /// A start on a disk that fails, or that ends before it is through.
    fn start_in_vain(&mut self) {
        self.break_things();
        let opened = self.prepare();
        drop(opened);
        self.end_of_life();
    }

    fn reopen(&mut self) -> Vec<(Position, u64)> {
        let (writer, _lock) = self.prepare().unwrap();
        self.check(&writer)
    }

    /// From an opened log to its end.
    fn live(&mut self) {
        let (mut writer, lock) = self.prepare().unwrap();
        let found = self.check(&writer);
        // What was recovered is committed from here on, acknowledged or not.
        self.owed = found.into_iter().collect();
        let end = writer.shared.table().end();
        let mut tail = LogReader::new(Arc::clone(&writer.shared), end);
        for _ in 0..self.random.u32(0..16) {
            match self.random.u32(0..12) {
                0 => self.break_things(),
                1 => {
                    self.disk.set_faults(Faults::default());
                    writer.tick(self.now_ns);
                    let taken = self.commit(&mut writer, &mut tail);
                    assert!(taken, "a healthy disk is written to again without a restart");
                }
                2 => {
                    self.now_ns += self.random.u64(0..100) * SECOND_NS;
                    writer.tick(self.now_ns);
                    self.forget_expired();
                }
                3 => self.read_one(&writer),
                _ => {
                    self.commit(&mut writer, &mut tail);
                }
            }
        }
        if self.random.u32(0..4) == 0 {
            writer.seal();
        }
        drop((writer, lock));
        self.end_of_life();
    }

    fn end_of_life(&mut self) {
        // Without syncs only the end of the process is survived.
        if self.random.bool() && self.options.durability == Durability::Fsync {
            self.disk.crash();
        } else {
            self.disk.kill();
        }
        self.forget_expired();
    }

    fn break_things(&mut self) {
        let chances = [0, 0, 100, 500];
        let mut chance = || self.random.choice(chances).unwrap();
        let mut faults = Faults {
            short_writes: chance(),
            interruptions: chance(),
            failed_writes: chance(),
            failed_syncs: chance(),
            failed_dir_syncs: chance(),
            ..Faults::default()
        };
        faults.read_only = self.random.u32(0..10) == 0;
        if self.random.u32(0..3) == 0 {
            let used: usize = self.disk.files().values().map(Vec::len).sum();
            faults.capacity = Some(used as u64 + self.random.u64(0..6_000));
        }
        if self.random.u32(0..2) == 0 {
            faults.calls_until_death = Some(self.random.u64(0..25));
        }
        self.disk.set_faults(faults);
    }

    /// Commits a group and follows it with the tail; says whether it was taken.
    fn commit(&mut self, writer: &mut Writer, tail: &mut LogReader) -> bool {
        let group: Vec<Batch> = (0..self.random.u32(1..6)).map(|_| self.batch()).collect();
        let refs: Vec<&Batch> = group.iter().collect();
        let committed = writer.commit(&refs, self.now_ns);
        let taken = committed.is_ok();
        let expected: Vec<(Position, Batch)> =
            committed.unwrap_or_default().into_iter().zip(group).collect();
        self.owed.extend(expected.iter().map(|(at, batch)| (*at, id_of(batch))));
        self.forget_expired();
        assert_eq!(read_all(tail), expected, "a reader sees what was acknowledged, no more");
        taken
    }

    fn batch(&mut self) -> Batch {
        let id = self.sent.len() as u64;
        let mut body = id.to_le_bytes().to_vec();
        // Bytes of other frames, headers and footers are as good a payload as any.
        let files = self.disk.files();
        let source = self.random.usize(0..files.len().max(1) * 2);
        match files.values().nth(source) {
            Some(file) if self.random.u32(0..4) == 0 => {
                body.extend_from_slice(&file[..file.len().min(900)]);
            }
            _ => body.resize(8 + self.random.usize(0..700), id as u8),
        }
        let signal = self.random.choice(Signal::ALL).unwrap();
        let (arrived_ns, items) = (self.now_ns, self.random.u32(0..9));
        let batch = Batch { signal, arrived_ns, items, body: body.into() };
        self.sent.insert(id, batch.clone());
        batch
    }

    fn read_one(&mut self, writer: &Writer) {
        let owed: Vec<_> = self.owed.iter().collect();
        if let Some((at, id)) = self.random.choice(owed) {
            assert_eq!(reader::read_at(&writer.shared, *at).unwrap(), self.sent[id]);
        }
    }

    fn forget_expired(&mut self) {
        for segment in self.expiries.0.lock().unwrap().drain(..) {
            self.owed.retain(|at, _| at.segment != segment);
        }
    }

    /// Everything owed is there, and nothing that was not sent. Returns what is there.
    fn check(&mut self, writer: &Writer) -> Vec<(Position, u64)> {
        let mut reader = LogReader::new(Arc::clone(&writer.shared), Position::OLDEST);
        let found = read_all(&mut reader);
        assert!(found.is_sorted_by(|(a, _), (b, _)| a < b), "in order");
        let mut items = [0; 3];
        for (_, batch) in &found {
            assert_eq!(Some(batch), self.sent.get(&id_of(batch)), "nothing that was not sent");
            status::add_items(&mut items, batch.signal, u64::from(batch.items));
        }
        let found: Vec<_> = found.iter().map(|(at, batch)| (*at, id_of(batch))).collect();
        let mut ids: Vec<_> = found.iter().map(|(_, id)| *id).collect();
        assert!(ids.is_sorted(), "in the order of sending");
        ids.dedup();
        assert_eq!(ids.len(), found.len(), "nothing twice");
        for (at, id) in &self.owed {
            assert!(found.binary_search(&(*at, *id)).is_ok(), "batch {id} at {at} is lost");
        }
        let table = writer.shared.table();
        let mut counted = [0; 3];
        for segment in table.segments.values() {
            counted.iter_mut().zip(segment.info.items).for_each(|(sum, items)| *sum += items);
        }
        assert_eq!(counted, items, "the counts are right");
        assert_eq!(table.counts.quarantined, 0, "no torn tail is taken for damage");
        found
    }
}

fn id_of(batch: &Batch) -> u64 {
    u64::from_le_bytes(batch.body[..8].try_into().unwrap())
}
