//! All families and their series: our own implementation behind the `metrics` facade.
//!
//! Ours, because counters and histograms must come back exactly after a crash, because samples
//! must not pile up between scrapes, and because names and labels from outside must be made safe.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use ::metrics::{Counter, Gauge, Histogram, Key};

use super::cardinality::{Budget, CardinalityOptions, Offender};
use super::catalog::{self, Family, Kind, Source};
use super::cell::{Amount, Invalid};
use super::exposition::{self, Format, Gathered};
use super::family::{Cell, Recorded};
use super::known::{Known, LabelSet};
use super::reports::Reports;

/// The families and their series. Clones share them.
#[derive(Debug, Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    families: RwLock<Families>,
    budget: Budget,
    invalid: Invalid,
    known: Known<LabelSet>,
    known_keys: Known<Key>,
    reports: Reports,
}

/// By name, which is the order of the page.
type Families = BTreeMap<Cow<'static, str>, Arc<Recorded>>;

/// The value of one series, read for an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Label names and values.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// What it stands at.
    pub value: Value,
}

/// What a series stands at.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter, an amount or a gauge.
    Number(f64),
    /// A histogram.
    Observations {
        /// Sum of the observed values.
        sum: f64,
        /// How many there were.
        count: u64,
    },
}

impl Registry {
    /// A registry with every recorded family of the catalog. Series whose labels are known
    /// beforehand stand at 0, so that their first increment is an increase for Prometheus.
    pub fn new(options: CardinalityOptions) -> Self {
        Self::of(recorded(), options)
    }

    /// A registry for an app that is observed: the families of the platform, without those in
    /// which Pharos tells of itself.
    pub fn of_app(options: CardinalityOptions) -> Self {
        Self::of(catalog::all().filter(|family| is_of_apps(family)), options)
    }

    fn of(wanted: impl Iterator<Item = &'static Family>, options: CardinalityOptions) -> Self {
        let wanted: Vec<_> = wanted.collect();
        let invalid = Invalid::default();
        let recorded = |family| Arc::new(Recorded::of(family, Arc::clone(&invalid)));
        let families: Families =
            wanted.iter().map(|family| (family.name.into(), recorded(family))).collect();
        let reserve = wanted.iter().map(|family| overflow_lines(family)).sum();
        let shared = Shared {
            families: RwLock::new(families),
            budget: Budget::new(options, reserve),
            invalid,
            known: Known::default(),
            known_keys: Known::default(),
            reports: Reports::default(),
        };
        let registry = Self { shared: Arc::new(shared) };
        wanted.into_iter().for_each(|family| registry.start(family));
        registry
    }

    /// The counter with these label values, in the catalog's order of labels.
    pub fn counter(&self, family: &'static Family, values: &[&str]) -> Counter {
        match self.resolve(family, values).0 {
            Cell::Counter(cell) => Counter::from_arc(cell),
            _ => self.mismatch(family, Counter::noop()),
        }
    }

    /// The amount with these label values.
    pub fn amount(&self, family: &'static Family, values: &[&str]) -> Option<Amount> {
        match self.resolve(family, values).0 {
            Cell::Amount(cell) => Some(Amount(cell)),
            _ => self.mismatch(family, None),
        }
    }

    /// The gauge with these label values.
    pub fn gauge(&self, family: &'static Family, values: &[&str]) -> Gauge {
        match self.resolve(family, values).0 {
            Cell::Gauge(cell) => Gauge::from_arc(cell),
            _ => self.mismatch(family, Gauge::noop()),
        }
    }

    /// The histogram with these label values.
    pub fn histogram(&self, family: &'static Family, values: &[&str]) -> Histogram {
        match self.resolve(family, values).0 {
            Cell::Histogram(cell) => Histogram::from_arc(cell),
            _ => self.mismatch(family, Histogram::noop()),
        }
    }

    /// The page in Prometheus' text format 0.0.4, without what collectors add at scrape time.
    /// The same state gives the same bytes.
    pub fn render(&self) -> String {
        self.render_with(Format::Text, &BTreeMap::new())
    }

    /// The page with families that collectors have gathered, by name.
    pub(super) fn render_with(
        &self,
        format: Format,
        gathered: &BTreeMap<String, Gathered>,
    ) -> String {
        self.account();
        exposition::write(format, &self.families(), gathered)
    }

    /// Every series of a family, in the order of the page.
    pub fn readings(&self, family: &'static Family) -> Vec<Reading> {
        let Some(recorded) = self.family(family.name) else { return Vec::new() };
        let state = recorded.state();
        let series = state.series.values().map(|series| Reading {
            labels: state
                .slots
                .iter()
                .map(|slot| Arc::clone(&slot.name))
                .zip(series.values.iter().cloned())
                .collect(),
            value: series.cell.value(),
        });
        series.collect()
    }

    /// The sum over all series of a counter or gauge that carry these label values.
    pub fn total(&self, family: &'static Family, with: &[(&str, &str)]) -> f64 {
        let carries = |reading: &Reading| {
            with.iter().all(|(name, value)| {
                reading.labels.iter().any(|(n, v)| **n == **name && **v == **value)
            })
        };
        let readings = self.readings(family).into_iter().filter(carries);
        // Not sum(): of nothing that is -0.
        readings.fold(0.0, |total, reading| total + reading.value.number())
    }

    /// Labels and metrics that had to be capped, the worst first.
    pub fn offenders(&self) -> Vec<Offender> {
        let mut offenders = self.own_offenders();
        offenders.extend(self.shared.reports.all());
        offenders.sort_by(|a, b| b.overflowed.cmp(&a.overflowed).then(a.metric.cmp(&b.metric)));
        offenders
    }

    /// Lets somebody else who shows series name offenders too.
    pub fn report_offenders(&self, report: impl Fn() -> Vec<Offender> + Send + Sync + 'static) {
        self.shared.reports.add(report);
    }

    fn own_offenders(&self) -> Vec<Offender> {
        self.families().iter().flat_map(|family| family.offenders()).collect()
    }

    pub(super) fn resolve(&self, family: &'static Family, values: &[&str]) -> (Cell, bool) {
        self.resolve_from(family, values, "")
    }

    /// The cell of a label set, and whether it carries exactly these values. `source` is the
    /// service that sent them.
    pub(super) fn resolve_from(
        &self,
        family: &'static Family,
        values: &[&str],
        source: &str,
    ) -> (Cell, bool) {
        debug_assert_eq!(values.len(), family.labels.len(), "labels of {}", family.name);
        let recorded = self
            .family(family.name)
            .expect("families that are not collected are registered from the start");
        let resolved = recorded.resolve(values, &self.shared.budget, source);
        (resolved.cell, resolved.exact)
    }

    pub(super) fn family(&self, name: &str) -> Option<Arc<Recorded>> {
        let families = self.shared.families.read().unwrap_or_else(PoisonError::into_inner);
        families.get(name).cloned()
    }

    /// All families, sorted by name.
    pub(super) fn families(&self) -> Vec<Arc<Recorded>> {
        let families = self.shared.families.read().unwrap_or_else(PoisonError::into_inner);
        families.values().cloned().collect()
    }

    /// Adds a family unless its name is taken; answers with the one of that name.
    pub(super) fn add(&self, family: Recorded) -> Arc<Recorded> {
        let mut families = self.shared.families.write().unwrap_or_else(PoisonError::into_inner);
        let name = family.name.clone();
        Arc::clone(families.entry(name).or_insert_with(|| Arc::new(family)))
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    pub(super) fn invalid(&self) -> &Invalid {
        &self.shared.invalid
    }

    pub(super) fn known(&self) -> &Known<LabelSet> {
        &self.shared.known
    }

    pub(super) fn known_keys(&self) -> &Known<Key> {
        &self.shared.known_keys
    }

    /// Counts a registration that contradicts the catalog, and gives a handle that does nothing.
    pub(super) fn mismatch<T>(&self, family: &Family, noop: T) -> T {
        debug_assert!(false, "{} is a {}", family.name, family.kind.name());
        self.shared.invalid.fetch_add(1, Relaxed);
        noop
    }

    /// Brings the families that tell about this page up to date.
    fn account(&self) {
        for offender in self.own_offenders() {
            let label = offender.label.as_deref().unwrap_or("*");
            let capped = self.counter(&catalog::METRICS_CAPPED, &[&offender.metric, label]);
            capped.absolute(offender.overflowed);
        }
        let invalid = AtomicU64::load(self.invalid(), Relaxed);
        self.counter(&catalog::METRICS_INVALID, &[]).absolute(invalid);
        let limit = self.shared.budget.options.series as f64;
        self.gauge(&catalog::METRICS_SERIES_LIMIT, &[]).set(limit);
        let series = self.gauge(&catalog::METRICS_SERIES, &[]);
        series.set(self.shared.budget.lines() as f64);
    }

    /// Makes the series of a family that are known beforehand. Gauges wait for a value: a 0 that
    /// nobody measured would be a lie.
    fn start(&self, family: &'static Family) {
        let known = family.labels.iter().all(catalog::Label::is_closed);
        if family.kind == Kind::Gauge || !known {
            return;
        }
        let mut sets: Vec<Vec<&str>> = vec![Vec::new()];
        for label in family.labels {
            sets = sets
                .iter()
                .flat_map(|set| {
                    label.values.iter().map(|value| [set.as_slice(), &[value]].concat())
                })
                .collect();
        }
        for values in sets {
            self.resolve(family, &values);
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(CardinalityOptions::default())
    }
}

impl Cell {
    fn value(&self) -> Value {
        match self {
            Self::Counter(cell) => Value::Number(cell.get() as f64),
            Self::Amount(cell) => Value::Number(cell.get()),
            Self::Gauge(cell) => Value::Number(cell.get()),
            Self::Histogram(cell) => {
                Value::Observations { sum: cell.sum(), count: cell.buckets().sum() }
            }
        }
    }
}

impl Value {
    /// The number; the count of a histogram.
    pub fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Observations { count, .. } => *count as f64,
        }
    }
}

/// The families of the catalog that are recorded here; the others are collected.
fn recorded() -> impl Iterator<Item = &'static Family> {
    catalog::all().filter(|family| family.source != Source::Scrape)
}

/// Whether an app's own page has this family: what is measured of the platform, and how the page
/// itself is bounded.
fn is_of_apps(family: &Family) -> bool {
    let name = family.name;
    !name.starts_with("pharos_") || name.starts_with("pharos_metrics_")
}

/// Lines that the series for overflow of a family can take: one per combination of closed labels.
fn overflow_lines(family: &'static Family) -> usize {
    let combinations: usize = family.labels.iter().map(|label| label.values.len().max(1)).product();
    combinations * family.kind.lines()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog::{LLM_COST, LLM_REQUEST_DURATION, LLM_REQUESTS};

    #[test]
    fn known_series_start_at_zero() {
        let page = Registry::default().render();
        for line in [
            "pharos_ingest_received_items_total{signal=\"logs\"} 0\n",
            "pharos_panics_total 0\n",
            "pharos_wal_fsync_seconds_count 0\n",
        ] {
            assert!(page.contains(line), "{line} in\n{page}");
        }
        assert!(!page.contains("pharos_projection_lag_bytes"), "nobody measured it");
    }

    #[test]
    fn values_are_read_back() {
        let registry = Registry::default();
        registry.counter(&LLM_REQUESTS, &["openai", "gpt-4o", "success"]).increment(2);
        registry.counter(&LLM_REQUESTS, &["openai", "gpt-4o", "error"]).increment(1);
        registry.amount(&LLM_COST, &["openai", "gpt-4o"]).unwrap().add(0.25);
        registry.histogram(&LLM_REQUEST_DURATION, &["openai", "gpt-4o"]).record(1.5);
        assert_eq!(registry.total(&LLM_REQUESTS, &[]), 3.0);
        assert_eq!(registry.total(&LLM_REQUESTS, &[("status", "error")]), 1.0);
        assert_eq!(registry.total(&LLM_COST, &[("provider", "openai")]), 0.25);
        let readings = registry.readings(&LLM_REQUEST_DURATION);
        assert_eq!(readings[0].value, Value::Observations { sum: 1.5, count: 1 });
    }

    #[test]
    fn a_full_family_keeps_errors_apart() {
        let options = CardinalityOptions { series_per_metric: 4, ..Default::default() };
        let registry = Registry::new(options);
        for model in ["a", "b", "c", "d"] {
            for status in ["success", "error"] {
                registry.counter(&LLM_REQUESTS, &["openai", model, status]).increment(1);
            }
        }
        assert_eq!(registry.total(&LLM_REQUESTS, &[("model", "other"), ("status", "error")]), 2.0);
        assert_eq!(registry.total(&LLM_REQUESTS, &[]), 8.0);
        let offenders = registry.offenders();
        // Families of which more is known beforehand do not fit either.
        let requests = offenders.iter().find(|it| it.metric == "llm_requests_total").unwrap();
        assert_eq!((requests.label.as_deref(), requests.overflowed), (None, 4));
    }
}
