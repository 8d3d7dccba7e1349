//! The `metrics` facade: how handles are made for names that may come from anywhere.
//!
//! Names of the catalog resolve to their family. Others are accepted, made legal and bounded:
//! their number, their labels and their series. What would make a whole page unreadable (a label
//! called `__name__` or `le`, two families of one name) is refused and counted.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
};

use super::catalog::Kind;
use super::catalog::buckets::AGENT_SECONDS;
use super::family::{Cell, Recorded};
use super::registry::Registry;
use crate::limits;

/// What stands in `# HELP` until somebody describes the metric.
const UNDESCRIBED: &str = "Recorded through the metrics facade.";

/// Prefixes that belong to others: to the collector of process metrics and to Prometheus.
const FOREIGN_PREFIXES: [&str; 2] = ["process_", "scrape_"];

impl Recorder for Registry {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(name.as_str(), Kind::Counter, &description);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(name.as_str(), Kind::Gauge, &description);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(name.as_str(), Kind::Histogram(AGENT_SECONDS), &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.register(key, Kind::Counter) {
            Some(Cell::Counter(cell)) => Counter::from_arc(cell),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.register(key, Kind::Gauge) {
            Some(Cell::Gauge(cell)) => Gauge::from_arc(cell),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.register(key, Kind::Histogram(AGENT_SECONDS)) {
            Some(Cell::Histogram(cell)) => Histogram::from_arc(cell),
            _ => Histogram::noop(),
        }
    }
}

impl Registry {
    fn describe(&self, name: &str, kind: Kind, description: &str) {
        let description = description.trim();
        if let Some(family) = self.facade_family(name, kind)
            && family.foreign
            && !description.is_empty()
        {
            let help: String = description.chars().take(limits::FACADE_HELP_CHARS).collect();
            family.state().help = help.replace(|c: char| c.is_control() && c != '\n', " ").into();
        }
    }

    /// The cell of a key; `None` where it must be refused, which is counted.
    fn register(&self, key: &Key, kind: Kind) -> Option<Cell> {
        let (known, hash) = (self.known_keys(), key.get_hash());
        if let Some(cell) = known.with(hash, |known| known == key, Cell::clone) {
            return if cell.kind_name() == kind.name() { Some(cell) } else { self.refuse() };
        }
        let family = self.facade_family(key.name(), kind)?;
        if family.kind.name() != kind.name() {
            return self.refuse();
        }
        let refused = self.invalid().load(Relaxed);
        let values = self.values(&family, key.labels());
        let resolved = family.resolve(&values, self.budget(), "");
        // What was not taken as it came is counted each time, so it must come here each time.
        if resolved.exact && self.invalid().load(Relaxed) == refused {
            known.keep(hash, key.clone(), resolved.cell.clone());
        }
        Some(resolved.cell)
    }

    fn facade_family(&self, name: &str, kind: Kind) -> Option<Arc<Recorded>> {
        if let Some(family) = self.family(name) {
            return Some(family);
        }
        let Some(name) = legal_family_name(name, kind) else { return self.refuse() };
        if let Some(family) = self.family(&name) {
            return Some(family);
        }
        let foreign = self.families().iter().filter(|family| family.foreign).count();
        if foreign >= limits::FACADE_METRICS {
            return self.refuse();
        }
        let invalid = Arc::clone(self.invalid());
        Some(self.add(Recorded::foreign(name, kind, UNDESCRIBED.to_owned(), invalid)))
    }

    /// The values of the labels in the order of the family's slots; empty where none is given.
    fn values<'k>(
        &self,
        family: &Recorded,
        labels: impl Iterator<Item = &'k Label>,
    ) -> Vec<&'k str> {
        let mut state = family.state();
        let mut values = vec![""; state.slots.len()];
        for label in labels {
            let Some(name) = legal_label_name(label.key()) else {
                self.invalid().fetch_add(1, Relaxed);
                continue;
            };
            let known = state.slots.iter().position(|slot| *slot.name == *name);
            let full = !family.foreign || state.slots.len() >= limits::FACADE_LABELS;
            let index = match known {
                Some(index) => index,
                None if full => {
                    self.invalid().fetch_add(1, Relaxed);
                    continue;
                }
                None => {
                    values.push("");
                    state.slot(&name)
                }
            };
            // Of two names that become the same one the first counts: a repeated label name
            // would make Prometheus refuse the page.
            if values[index].is_empty() {
                values[index] = label.value();
            }
        }
        values
    }

    /// Counts a value that cannot be true.
    pub fn refuse_value(&self) {
        self.invalid().fetch_add(1, Relaxed);
    }

    pub(super) fn refuse<T>(&self) -> Option<T> {
        self.invalid().fetch_add(1, Relaxed);
        None
    }
}

/// A name that Prometheus takes and `promtool` does not complain about; `None` where the name is
/// empty or belongs to somebody else.
fn legal_family_name(name: &str, kind: Kind) -> Option<String> {
    let mut legal = legal_characters(name);
    if legal.is_empty() || FOREIGN_PREFIXES.iter().any(|prefix| legal.starts_with(prefix)) {
        return None;
    }
    if kind != Kind::Counter {
        while let Some(stem) = legal.strip_suffix("_total") {
            legal.truncate(stem.len());
        }
    }
    if ["_sum", "_count", "_bucket"].iter().any(|suffix| legal.ends_with(suffix)) {
        legal.push_str("_value");
    }
    if kind == Kind::Counter && !legal.ends_with("_total") {
        legal.push_str("_total");
    }
    (!legal.is_empty()).then_some(legal)
}

/// A label name that Prometheus takes; `None` for an empty or reserved one.
fn legal_label_name(name: &str) -> Option<String> {
    let legal = legal_characters(name);
    let reserved = legal.starts_with("__") || ["le", "quantile"].contains(&&*legal);
    (!legal.is_empty() && !reserved).then_some(legal)
}

/// ASCII letters, digits and underscores, no digit first; anything else becomes an underscore.
fn legal_characters(name: &str) -> String {
    let first = name.chars().next().filter(char::is_ascii_digit).map(|_| '_');
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    first.into_iter().chain(name.chars().map(legal)).take(limits::LABEL_VALUE_BYTES).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_macros, reason = "this tests what users of the facade do")]
mod tests {
    use ::metrics::{counter, describe_gauge, gauge, histogram, with_local_recorder};

    use super::*;

    fn page(record: impl FnOnce()) -> String {
        let registry = Registry::default();
        let before = registry.render();
        with_local_recorder(&registry, record);
        let page = registry.render();
        let new: Vec<_> = page.lines().filter(|line| !before.contains(line)).collect();
        new.join("\n")
    }

    #[test]
    fn names_become_legal() {
        let check = |name: &str, kind: Kind, expected: Option<&str>| {
            assert_eq!(legal_family_name(name, kind).as_deref(), expected);
        };
        check("agent.requests.total", Kind::Counter, Some("agent_requests_total"));
        check("agent.requests", Kind::Counter, Some("agent_requests_total"));
        check("9lives", Kind::Gauge, Some("_9lives"));
        check("x_total_total", Kind::Gauge, Some("x"));
        check("x_count", Kind::Gauge, Some("x_count_value"));
        check("x_bucket", Kind::Counter, Some("x_bucket_value_total"));
        check("a:b", Kind::Gauge, Some("a_b"));
        check("process_open_fds", Kind::Gauge, None);
        check("", Kind::Gauge, None);
    }

    #[test]
    fn reserved_and_repeated_labels_are_refused() {
        let page = page(|| {
            let labels = [("__name__", "x"), ("le", "1"), ("quantile", "1"), ("ok", "v")];
            counter!("jobs", &labels).increment(2);
            counter!("jobs", &[("o.k", "first"), ("o_k", "second")]).increment(1);
        });
        assert!(page.contains("jobs_total{ok=\"v\"} 2"), "{page}");
        assert!(page.contains("jobs_total{o_k=\"first\"} 1"), "{page}");
        assert!(!page.contains("__name__") && !page.contains("second"), "{page}");
        assert!(page.contains("pharos_metrics_invalid_values_total 3"), "{page}");
    }

    #[test]
    fn names_that_become_the_same_add_up() {
        let page = page(|| {
            counter!("a.b", "x" => "1").increment(1000);
            counter!("a_b", "x" => "1").increment(100);
        });
        assert!(page.contains("a_b_total{x=\"1\"} 1100"), "{page}");
        assert_eq!(page.matches("# TYPE a_b_total").count(), 1);
    }

    #[test]
    fn the_first_kind_of_a_name_wins() {
        let page = page(|| {
            gauge!("depth").set(3.0);
            histogram!("depth").record(1.0);
            describe_gauge!("depth", "How deep it is.");
        });
        assert!(
            page.contains("# HELP depth How deep it is.\n# TYPE depth gauge\ndepth 3"),
            "{page}"
        );
        assert!(!page.contains("depth_bucket"), "{page}");
    }

    #[test]
    fn names_of_the_catalog_keep_their_labels() {
        let page =
            page(|| counter!("tool_calls_total", "tool_name" => "f", "extra" => "x").increment(1));
        assert!(page.contains("tool_calls_total{tool_name=\"f\",success=\"unknown\"} 1"), "{page}");
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let registry = Registry::default();
        with_local_recorder(&registry, || {
            for index in 0..10_000 {
                gauge!(format!("made_up_{index}")).set(1.0);
            }
        });
        let page = registry.render();
        assert_eq!(page.matches("# TYPE made_up_").count(), limits::FACADE_METRICS);
    }
}
