//! The durable families as bytes, so that counters survive a crash.
//!
//! A snapshot belongs to a position in the log: it is taken between two batches by the thread
//! that measures them. After a crash it is restored and the rest of the log is measured again.
//!
//! Format: magic, version, families (name, kind, bounds, label values, series), CRC-32 of all of
//! it; numbers little-endian, text with its length first. The label values are part of it, so
//! that what was called `other` before a restart is called so after it.

use std::sync::Arc;

use super::catalog::{self, Family, Kind, Source};
use super::family::{Cell, Recorded};
use super::registry::Registry;

const MAGIC: &[u8; 8] = b"PHAROSMX";
const VERSION: u32 = 1;

/// A snapshot that cannot be used; nothing has been changed. The caller measures the log from
/// its start instead, after [`Registry::forget`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are cut short, altered, or no snapshot at all.
    #[error("the metrics snapshot is damaged")]
    Damaged,
    /// It was written by a version with another format.
    #[error("the metrics snapshot has format {0}, which this version does not read")]
    Format(u32),
}

/// A family as it stands in a snapshot.
struct Written<'a> {
    name: &'a str,
    kind: &'a str,
    bounds: Vec<f64>,
    labels: Vec<(&'a str, Vec<&'a str>)>,
    series: Vec<WrittenSeries<'a>>,
}

/// The label values of a series and the bits of its numbers.
type WrittenSeries<'a> = (Vec<&'a str>, Vec<u64>);

/// A family of a snapshot that the catalog still has.
struct Saved<'a> {
    family: &'static Family,
    labels: Vec<Vec<&'a str>>,
    series: Vec<(Vec<&'a str>, SavedValue)>,
}

enum SavedValue {
    Counter(u64),
    Amount(f64),
    Histogram(Vec<u64>, f64),
}

impl Registry {
    /// The durable families as bytes. Exact as of the moment only for families that nobody
    /// records meanwhile.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(64 * 1024));
        out.0.extend_from_slice(MAGIC);
        out.number(VERSION);
        let durable: Vec<_> = durable_families().collect();
        out.number(durable.len() as u32);
        for family in durable {
            out.text(family.name);
            if let Some(recorded) = self.family(family.name) {
                out.family(&recorded);
            }
        }
        let sum = crc32fast::hash(&out.0);
        out.number(sum);
        out.0
    }

    /// Takes over a snapshot: afterwards the durable families are what they were when it was
    /// taken, whatever they were before, and handles given out earlier stay valid.
    ///
    /// Received items become the sum of what became of them: the rest was in flight when the
    /// process died, and its senders send it again.
    ///
    /// # Errors
    /// See [`SnapshotError`]; the registry is then as it was.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let families = read(bytes)?;
        self.forget();
        for saved in families {
            let recorded = self.family(saved.family.name).expect("the catalog is registered");
            self.restore_family(&recorded, &saved);
        }
        self.balance_received();
        Ok(())
    }

    /// Sets the durable families back to nothing, to measure the log from its start.
    pub fn forget(&self) {
        for recorded in self.families().iter().filter(|family| family.durable) {
            for series in recorded.state().series.values() {
                match &series.cell {
                    Cell::Counter(cell) => cell.set(0),
                    Cell::Amount(cell) => cell.set(0.0),
                    Cell::Histogram(cell) => cell.set(&vec![0; cell.bounds().len() + 1], 0.0),
                    Cell::Gauge(_) => {}
                }
            }
        }
    }

    fn restore_family(&self, recorded: &Recorded, saved: &Saved<'_>) {
        let mut state = recorded.state();
        for (slot, values) in state.slots.iter_mut().zip(&saved.labels) {
            for value in values {
                slot.values.insert(value);
            }
        }
        for (values, value) in &saved.series {
            let slots = state.slots.iter_mut().zip(values);
            let values: Vec<Arc<str>> =
                slots.map(|(slot, value)| slot.values.insert(value)).collect();
            match (recorded.restore(&mut state, &values, self.budget()), value) {
                (Cell::Counter(cell), SavedValue::Counter(value)) => cell.set(*value),
                (Cell::Amount(cell), SavedValue::Amount(value)) => cell.set(*value),
                (Cell::Histogram(cell), SavedValue::Histogram(buckets, sum)) => {
                    cell.set(buckets, *sum);
                }
                _ => unreachable!("the kind was compared with the catalog's while reading"),
            }
        }
    }

    fn balance_received(&self) {
        let parts = [
            &catalog::INGEST_STORED,
            &catalog::INGEST_DUPLICATE,
            &catalog::INGEST_REJECTED,
            &catalog::INGEST_REFUSED,
            &catalog::INGEST_DROPPED,
        ];
        for signal in crate::model::Signal::ALL {
            let labels = [("signal", signal.name())];
            let sum: f64 = parts.iter().map(|family| self.total(family, &labels)).sum();
            let received = self.resolve(&catalog::INGEST_RECEIVED, &[signal.name()]).0;
            if let Cell::Counter(cell) = received {
                cell.set(sum as u64);
            }
        }
    }
}

/// Writes the parts of a snapshot.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn long(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn family(&mut self, recorded: &Recorded) {
        self.text(recorded.kind.name());
        let bounds = bounds(recorded.kind);
        self.number(bounds.len() as u32);
        bounds.iter().for_each(|bound| self.long(bound.to_bits()));
        let state = recorded.state();
        self.number(state.slots.len() as u32);
        let mut labels = Vec::new();
        for slot in &state.slots {
            let values = slot.values.values();
            self.text(&slot.name);
            self.number(values.len() as u32);
            values.iter().for_each(|value| self.text(value));
            labels.push(values);
        }
        self.number(state.series.len() as u32);
        for series in state.series.values() {
            for (value, known) in series.values.iter().zip(&labels) {
                let index = known.binary_search(value).expect("values of series are interned");
                self.number(index as u32);
            }
            self.value(&series.cell);
        }
    }

    fn value(&mut self, cell: &Cell) {
        match cell {
            Cell::Counter(cell) => self.long(cell.get()),
            Cell::Amount(cell) => self.long(cell.get().to_bits()),
            Cell::Gauge(cell) => self.long(cell.get().to_bits()),
            Cell::Histogram(cell) => {
                cell.buckets().for_each(|bucket| self.long(bucket));
                self.long(cell.sum().to_bits());
            }
        }
    }
}

/// Reads the parts of a snapshot; every method fails at the end of the bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], SnapshotError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u32, SnapshotError> {
        let bytes = self.take(4)?.try_into().map_err(|_| SnapshotError::Damaged)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn long(&mut self) -> Result<u64, SnapshotError> {
        let bytes = self.take(8)?.try_into().map_err(|_| SnapshotError::Damaged)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn float(&mut self) -> Result<f64, SnapshotError> {
        let float = f64::from_bits(self.long()?);
        if float.is_finite() { Ok(float) } else { Err(SnapshotError::Damaged) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, SnapshotError> {
        let bytes = self.number()? as usize;
        std::str::from_utf8(self.take(bytes)?).map_err(|_| SnapshotError::Damaged)
    }

    /// A family as it was written, whatever the catalog says now.
    fn family(&mut self) -> Result<Written<'a>, SnapshotError> {
        let (name, kind) = (self.text()?, self.text()?);
        let bounds = self.number()?;
        let bounds = (0..bounds).map(|_| self.float()).collect::<Result<Vec<_>, _>>()?;
        let mut labels = Vec::new();
        for _ in 0..self.number()? {
            let label = self.text()?;
            let values = self.number()?;
            labels.push((label, (0..values).map(|_| self.text()).collect::<Result<_, _>>()?));
        }
        let mut written = Written { name, kind, bounds, labels, series: Vec::new() };
        for _ in 0..self.number()? {
            let series = self.series(&written)?;
            written.series.push(series);
        }
        Ok(written)
    }

    fn series(&mut self, family: &Written<'a>) -> Result<WrittenSeries<'a>, SnapshotError> {
        let mut values = Vec::with_capacity(family.labels.len());
        for (_, known) in &family.labels {
            let index = self.number()? as usize;
            values.push(*known.get(index).ok_or(SnapshotError::Damaged)?);
        }
        let numbers = if family.bounds.is_empty() { 1 } else { family.bounds.len() + 2 };
        let bits = (0..numbers).map(|_| self.long()).collect::<Result<_, _>>()?;
        Ok((values, bits))
    }
}

impl<'a> Written<'a> {
    /// The same as the family that the catalog has under this name; `None` where it has none, or
    /// one with other labels or buckets: what is not comparable begins anew.
    fn known(self) -> Result<Option<Saved<'a>>, SnapshotError> {
        let Some(family) = durable_families().find(|family| family.name == self.name) else {
            return Ok(None);
        };
        let labels = family.labels.iter().map(|label| label.name);
        let same = self.kind == family.kind.name()
            && self.bounds == bounds(family.kind)
            && labels.eq(self.labels.iter().map(|(name, _)| *name));
        if !same {
            tracing::warn!(family = family.name, "A family has a new form and begins anew.");
            return Ok(None);
        }
        let value = |bits: &[u64]| SavedValue::of(family.kind, bits);
        let series = self.series.into_iter();
        let series = series.map(|(values, bits)| Ok((values, value(&bits)?)));
        let series = series.collect::<Result<_, SnapshotError>>()?;
        let labels = self.labels.into_iter().map(|(_, values)| values).collect();
        Ok(Some(Saved { family, labels, series }))
    }
}

impl SavedValue {
    fn of(kind: Kind, bits: &[u64]) -> Result<Self, SnapshotError> {
        let float = |bits: u64| {
            Some(f64::from_bits(bits)).filter(|it| it.is_finite()).ok_or(SnapshotError::Damaged)
        };
        Ok(match (kind, bits) {
            (Kind::Counter, [count]) => Self::Counter(*count),
            (Kind::Amount | Kind::Gauge, [number]) => Self::Amount(float(*number)?),
            (Kind::Histogram(_), [buckets @ .., sum]) => {
                Self::Histogram(buckets.to_vec(), float(*sum)?)
            }
            _ => return Err(SnapshotError::Damaged),
        })
    }
}

/// Reads a whole snapshot; what the catalog does not have any more is left out.
fn read(bytes: &[u8]) -> Result<Vec<Saved<'_>>, SnapshotError> {
    let (body, sum) = bytes
        .split_last_chunk::<4>()
        .filter(|(body, _)| body.starts_with(MAGIC))
        .ok_or(SnapshotError::Damaged)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err(SnapshotError::Damaged);
    }
    let mut reader = Reader(&body[MAGIC.len()..]);
    let version = reader.number()?;
    if version != VERSION {
        return Err(SnapshotError::Format(version));
    }
    let mut families = Vec::new();
    for _ in 0..reader.number()? {
        families.extend(reader.family()?.known()?);
    }
    Ok(families)
}

fn durable_families() -> impl Iterator<Item = &'static Family> {
    catalog::all().filter(|family| family.source == Source::Log)
}

fn bounds(kind: Kind) -> &'static [f64] {
    match kind {
        Kind::Histogram(bounds) => bounds,
        _ => &[],
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::CardinalityOptions;
    use crate::metrics::catalog::{
        INGEST_RECEIVED, INGEST_STORED, LLM_COST, TOOL_CALLS, TOOL_DURATION,
    };
    use crate::metrics::own::Ingest;
    use crate::model::Signal;

    fn fill(registry: &Registry, recordings: &[(String, f64)]) {
        for (name, value) in recordings {
            registry.counter(&TOOL_CALLS, &[name, "true"]).increment(value.to_bits() >> 20);
            registry.histogram(&TOOL_DURATION, &[name]).record(*value);
            registry.amount(&LLM_COST, &["openai", name]).unwrap().add(value.abs());
        }
    }

    /// The page without what is not durable.
    pub(crate) fn durable(registry: &Registry) -> String {
        let page = registry.render();
        let keep = |line: &&str| {
            let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
            let name = name.split(['{', ' ']).next().unwrap_or_default();
            let stem = name.trim_end_matches("_bucket").trim_end_matches("_sum");
            catalog::find(stem.trim_end_matches("_count"))
                .is_some_and(|family| family.source == Source::Log)
        };
        page.lines().filter(keep).collect::<Vec<_>>().join("\n")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_restored_equals_what_was_kept(
            recordings in prop::collection::vec(("\\PC{0,12}", -1e12_f64..1e12), 0..60),
        ) {
            let options = CardinalityOptions { label_values: 20, ..Default::default() };
            let before = Registry::new(options.clone());
            fill(&before, &recordings);
            let bytes = before.snapshot();
            let after = Registry::new(options);
            after.restore(&bytes).unwrap();
            prop_assert_eq!(durable(&after), durable(&before));
            prop_assert_eq!(after.snapshot(), bytes.clone());
            // What comes next is decided alike on both sides.
            let more = [("new".to_owned(), 1.0), ("newer".to_owned(), 2.0)];
            fill(&before, &more);
            fill(&after, &more);
            prop_assert_eq!(durable(&after), durable(&before));
            // Restoring again goes back to what was kept.
            after.restore(&bytes).unwrap();
            let tools = |registry: &Registry| registry.total(&TOOL_CALLS, &[]);
            after.restore(&bytes).unwrap();
            let fresh = Registry::default();
            fresh.restore(&bytes).unwrap();
            prop_assert_eq!(tools(&after), tools(&fresh));
        }

        #[test]
        fn damage_is_noticed_and_changes_nothing(at in 0_usize..10_000, bit in 0_u8..8) {
            let registry = Registry::default();
            fill(&registry, &[("f".to_owned(), 1.5)]);
            let page = durable(&registry);
            let mut bytes = registry.snapshot();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(registry.restore(&bytes).is_err());
            prop_assert!(registry.restore(&bytes[..at]).is_err());
            prop_assert_eq!(durable(&registry), page);
        }
    }

    #[test]
    fn a_full_family_is_kept_with_what_did_not_fit() {
        let options = CardinalityOptions { series_per_metric: 4, ..Default::default() };
        let registry = Registry::new(options.clone());
        for name in ["a", "b", "c", "d", "e", "f"] {
            registry.counter(&TOOL_CALLS, &[name, "true"]).increment(1);
        }
        let after = Registry::new(options);
        after.restore(&registry.snapshot()).unwrap();
        assert_eq!(durable(&after), durable(&registry));
        assert_eq!(after.total(&TOOL_CALLS, &[("tool_name", "other")]), 2.0);
    }

    #[test]
    fn handles_survive_a_restore() {
        let registry = Registry::default();
        let calls = registry.counter(&TOOL_CALLS, &["f", "true"]);
        calls.increment(3);
        let bytes = registry.snapshot();
        calls.increment(4);
        registry.restore(&bytes).unwrap();
        calls.increment(1);
        assert_eq!(registry.total(&TOOL_CALLS, &[]), 4.0);
    }

    #[test]
    fn received_is_what_became_of_it() {
        let registry = Registry::default();
        let ingest = Ingest::new(&registry);
        ingest.received(Signal::Logs, 100);
        ingest.duplicate(Signal::Logs, 5);
        ingest.rejected(Signal::Logs, "bad_id", 2);
        registry.counter(&INGEST_STORED, &["logs"]).increment(60);
        let bytes = registry.snapshot();
        let after = Registry::default();
        after.restore(&bytes).unwrap();
        assert_eq!(after.total(&INGEST_RECEIVED, &[("signal", "logs")]), 67.0);
    }

    /// A new release has new families and has lost others: what both know goes on.
    #[test]
    fn a_snapshot_of_another_release_is_used_as_far_as_it_goes() {
        let registry = Registry::default();
        fill(&registry, &[("f".to_owned(), 1.5)]);
        let bytes = registry.snapshot();
        let names = durable_families().map(|family| family.name);
        for name in names.filter(|name| !name.starts_with("tool_") && name.len() > 8) {
            // The same length under another name: a family that only that release had.
            let at = bytes.windows(name.len()).position(|it| it == name.as_bytes()).unwrap();
            let mut other = bytes.clone();
            other[at] = b'x';
            let body = other.len() - 4;
            let sum = crc32fast::hash(&other[..body]).to_le_bytes();
            other[body..].copy_from_slice(&sum);
            let after = Registry::default();
            after.restore(&other).unwrap();
            assert_eq!(after.total(&TOOL_CALLS, &[]), registry.total(&TOOL_CALLS, &[]), "{name}");
        }
    }

    #[test]
    fn another_format_is_named() {
        let mut bytes = Registry::default().snapshot();
        bytes[MAGIC.len()] = 9;
        let body = bytes.len() - 4;
        let sum = crc32fast::hash(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
        assert_eq!(Registry::default().restore(&bytes), Err(SnapshotError::Format(9)));
        assert_eq!(Registry::default().restore(b""), Err(SnapshotError::Damaged));
    }
}
