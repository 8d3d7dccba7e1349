//! What is read when the page is asked for: the process, the store and the forwarding targets.
//!
//! These are collectors of the `prometheus` crate, which build fresh metrics for every scrape, so
//! that a target that is gone from the configuration is gone from the page.

use std::collections::BTreeMap;
use std::fmt;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::catalog::{self, Family, Kind};
use super::exposition::Format;
use super::registry::Registry;
use crate::clock;

/// Everything that `/metrics` shows.
#[derive(Clone)]
pub struct Page {
    registry: Registry,
    collectors: prometheus::Registry,
}

/// The state of the store at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreReading {
    /// Segments of the log on disk.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the log may hold, where retention bounds them.
    pub limit_bytes: Option<u64>,
    /// Free bytes on their file system; `None` where it does not tell.
    pub free_bytes: Option<u64>,
    /// Whether the log takes nothing new.
    pub read_only: bool,
    /// Damaged parts set aside since the start.
    pub quarantined: u64,
    /// Bytes, never acknowledged, cut from the log's end at the start.
    pub torn_bytes: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Blocks that retention removed since the start.
    pub blocks_expired: u64,
    /// Attempts to make a block that failed since the start.
    pub seal_failures: u64,
    /// Closed segments of the log that are not blocks yet.
    pub unsealed_segments: u64,
}

/// The state of a forwarding target at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetReading {
    /// Its name.
    pub target: String,
    /// Age in seconds of the oldest batch that it has not taken; 0 when it has all.
    pub lag_seconds: f64,
    /// Bytes of log that it has not taken.
    pub queue_bytes: u64,
}

/// How far ClickHouse is behind at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClusterReading {
    /// Age in seconds of the oldest batch that it has not taken; 0 when it has all.
    pub lag_seconds: f64,
    /// Bytes of log that it has not taken.
    pub queue_bytes: u64,
}

impl Page {
    /// A page over a registry and what is known of this process.
    pub fn new(registry: &Registry) -> Self {
        let page = Self { registry: registry.clone(), collectors: prometheus::Registry::new() };
        page.add(Process(ProcessCollector::for_self()));
        page
    }

    /// Shows the store, read at every scrape.
    pub fn store(&self, read: impl Fn() -> StoreReading + Send + Sync + 'static) {
        let families = [
            &catalog::STORE_SEGMENTS,
            &catalog::STORE_BYTES,
            &catalog::STORE_LIMIT,
            &catalog::STORE_FREE_BYTES,
            &catalog::STORE_READONLY,
            &catalog::STORE_QUARANTINED,
            &catalog::WAL_TORN_BYTES,
            &catalog::STORE_BLOCKS,
            &catalog::STORE_BLOCK_BYTES,
            &catalog::STORE_BLOCKS_EXPIRED,
            &catalog::STORE_SEAL_FAILURES,
            &catalog::STORE_UNSEALED,
        ];
        self.add(Readings::new(families, move || {
            let store = read();
            let values = [
                Some(store.segments),
                Some(store.bytes),
                store.limit_bytes,
                store.free_bytes,
                Some(u64::from(store.read_only)),
                Some(store.quarantined),
                Some(store.torn_bytes),
                Some(store.blocks),
                Some(store.block_bytes),
                Some(store.blocks_expired),
                Some(store.seal_failures),
                Some(store.unsealed_segments),
            ];
            values
                .map(|value| value.map(|value| (String::new(), value as f64)).into_iter().collect())
        }));
    }

    /// Shows the forwarding targets, read at every scrape.
    pub fn targets(&self, read: impl Fn() -> Vec<TargetReading> + Send + Sync + 'static) {
        let families = [&catalog::FORWARD_LAG, &catalog::FORWARD_QUEUE];
        self.add(Readings::new(families, move || {
            let targets = read();
            let each = |value: fn(&TargetReading) -> f64| {
                targets.iter().map(|reading| (reading.target.clone(), value(reading))).collect()
            };
            [each(|reading| reading.lag_seconds), each(|reading| reading.queue_bytes as f64)]
        }));
    }

    /// Shows what runs, read at every scrape: requests, agents, workflows, and how many were not
    /// tracked. A kind that nobody tells of has no value.
    pub fn runs(&self, read: impl Fn() -> [Option<u64>; 4] + Send + Sync + 'static) {
        let families = [
            &catalog::ACTIVE_CONNECTIONS,
            &catalog::ACTIVE_AGENT_RUNS,
            &catalog::ACTIVE_WORKFLOW_RUNS,
            &catalog::RUNS_UNTRACKED,
        ];
        self.add(Readings::new(families, move || {
            let one = |value: u64| (String::new(), value as f64);
            read().map(|value| value.map(one).into_iter().collect())
        }));
    }

    /// Shows how far ClickHouse is behind, read at every scrape.
    pub fn cluster(&self, read: impl Fn() -> ClusterReading + Send + Sync + 'static) {
        let families = [&catalog::CLICKHOUSE_LAG, &catalog::CLICKHOUSE_QUEUE];
        self.add(Readings::new(families, move || {
            let ClusterReading { lag_seconds, queue_bytes } = read();
            [lag_seconds, queue_bytes as f64].map(|value| vec![(String::new(), value)])
        }));
    }

    /// The whole page. Takes milliseconds: not for an async thread.
    pub fn render(&self, format: Format) -> String {
        let begun = clock::monotonic();
        let page = self.registry.render_with(format, &self.gather());
        let took = self.registry.gauge(&catalog::SCRAPE_DURATION, &[]);
        took.set(begun.elapsed().as_secs_f64());
        page
    }

    /// Shows what a collector gathers beside the catalog.
    pub fn with(&self, collector: impl Collector + 'static) {
        self.add(collector);
    }

    pub(super) fn add(&self, collector: impl Collector + 'static) {
        // A collector that is there already, or that is wrong, would show its families twice.
        if self.collectors.register(Box::new(collector)).is_err() {
            debug_assert!(false, "a collector is registered twice");
            self.registry.refuse::<()>();
        }
    }

    fn gather(&self) -> BTreeMap<String, MetricFamily> {
        let gathered = self.collectors.gather().into_iter();
        gathered.map(|family| (family.name().to_owned(), family)).collect()
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

/// The process, with processor time finer than the whole seconds that the collector counts.
struct Process(ProcessCollector);

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.0.collect();
        for family in &mut families {
            if family.name() == "process_cpu_seconds_total" {
                let mut used = Counter::default();
                used.set_value(clock::process_cpu_seconds());
                family.mut_metric().iter_mut().for_each(|metric| metric.set_counter(used.clone()));
            }
        }
        families
    }
}

/// Families of the catalog with at most one label, read together.
struct Readings<const N: usize, R> {
    families: [&'static Family; N],
    descriptions: Vec<Desc>,
    read: R,
}

impl<const N: usize, R: Fn() -> [Vec<(String, f64)>; N]> Readings<N, R> {
    fn new(families: [&'static Family; N], read: R) -> Self {
        let descriptions = families.iter().map(|family| describe(family)).collect();
        Self { families, descriptions, read }
    }
}

impl<const N: usize, R> Collector for Readings<N, R>
where
    R: Fn() -> [Vec<(String, f64)>; N] + Send + Sync,
{
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let readings = (self.read)();
        let families = self.families.iter().zip(readings);
        // Families have at most one label here, and the others none.
        let rows = |readings: Vec<(String, f64)>| -> Vec<_> {
            readings.into_iter().map(|(label, value)| (vec![label], value)).collect()
        };
        families.map(|(family, readings)| gathered(family, &rows(readings))).collect()
    }
}

pub(super) fn describe(family: &Family) -> Desc {
    let labels = family.labels.iter().map(|label| label.name.to_owned()).collect();
    Desc::new(family.name.to_owned(), family.help.to_owned(), labels, Default::default())
        .expect("names and labels of the catalog are legal")
}

pub(super) fn gathered(family: &Family, readings: &[(Vec<String>, f64)]) -> MetricFamily {
    let mut gathered = MetricFamily::default();
    gathered.set_name(family.name.to_owned());
    gathered.set_help(family.help.to_owned());
    let counts = matches!(family.kind, Kind::Counter | Kind::Amount);
    gathered.set_field_type(if counts { MetricType::COUNTER } else { MetricType::GAUGE });
    let metrics = readings.iter().filter(|(_, value)| value.is_finite()).map(|(values, value)| {
        let mut metric = Metric::default();
        let labels = family.labels.iter().zip(values).map(|(named, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(named.name.to_owned());
            pair.set_value(value.clone());
            pair
        });
        metric.set_label(labels.collect());
        if counts {
            let mut counter = Counter::default();
            counter.set_value(*value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(*value);
            metric.set_gauge(gauge);
        }
        metric
    });
    gathered.set_metric(metrics.collect());
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_process_store_and_targets_once_and_in_order() {
        let registry = Registry::default();
        let page = Page::new(&registry);
        page.store(|| StoreReading {
            segments: 2,
            bytes: 7,
            read_only: true,
            ..Default::default()
        });
        page.targets(|| {
            let target = "jaeger".to_owned();
            vec![TargetReading { target, lag_seconds: 1.5, queue_bytes: 9 }]
        });
        page.render(Format::Text);
        let text = page.render(Format::Text);
        for line in [
            "pharos_store_segments 2",
            "pharos_store_readonly 1",
            "pharos_store_quarantined_total 0",
            "pharos_forward_lag_seconds{target=\"jaeger\"} 1.5",
            "# TYPE process_cpu_seconds_total counter",
            "# TYPE pharos_scrape_duration_seconds gauge",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }

    #[test]
    fn processor_time_is_finer_than_seconds() {
        let registry = Registry::default();
        let page = Page::new(&registry).render(Format::Text);
        let line = page.lines().find(|line| line.starts_with("process_cpu_seconds_total "));
        let seconds: f64 = line.unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        assert!(seconds > 0.0 && seconds.fract() != 0.0, "{seconds}");
    }

    #[test]
    fn a_target_that_is_gone_leaves_the_page() {
        let registry = Registry::default();
        let page = Page::new(&registry);
        page.targets(Vec::new);
        page.render(Format::Text);
        let text = page.render(Format::Text);
        assert!(!text.contains("pharos_forward_lag_seconds"));
        assert!(text.contains("pharos_metrics_invalid_values_total 0"), "nothing was refused");
    }
}
