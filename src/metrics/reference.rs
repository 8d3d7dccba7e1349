//! `docs/metrics.md`, written from the catalog.

use std::fmt::Write;

use super::catalog::{self, Family, Kind, PLANNED, Source};

const INTRODUCTION: &str = "\
# Metrics

<!-- Written from src/metrics/catalog by `UPDATE=1 cargo test --lib metrics`. Do not edit. -->

`GET /metrics` answers in Prometheus' text format 0.0.4, or as OpenMetrics 1.0 to a scraper that
prefers it by `Accept`, as every Prometheus does. Families appear with their first series; those
whose labels are known beforehand stand at 0 from the start.

As OpenMetrics, families of counters stand without `_total` and infos without `_info` in `# TYPE`
(their samples have it), `# UNIT` says the unit that ends a name, bounds of buckets have a point
(`le=\"1.0\"`), and exemplars show a span (`trace_id`, `span_id`): on the buckets of histograms, on
the cost, and on counters of what failed, where spans are what is measured. Each bucket or counter
has one: of a failed span rather than of another, then of the slowest or dearest; after five
minutes any later one takes its place. Their time is that of arrival. They do not outlive the
process. Prometheus keeps them with `--enable-feature=exemplar-storage`. `_created` is not shown:
counters come back after a restart.

Values of labels that come from outside are bounded: 200 values of one label, 4,000 series of one
metric, 20,000 series in all. What does not fit is called `other` and counted in
`pharos_metrics_capped_total{metric,label}` (`label=\"*\"` where a metric has too many series);
labels that come from a closed list keep their value even then. What nobody says is `unknown`.

Families from the **log** survive a restart, also a kill -9: after recovery they equal what the
log holds. Those of the **process** start again at 0 with it, and those read at the **scrape** are
gauges and counters that collectors read when the page is asked for.
";

const PLATFORM: &str = "
## The agent platform

Computed from the spans in the log. An LLM call is a leaf (chat, text completion, generate
content, embeddings) and counts once, however many instrumentations report it; a failed call
counts with `status=\"error\"`. `model` is the requested model, else the one that answered,
without a provider prefix. `endpoint` is the route template, `unmatched` where there is none.
`status` of `http_requests_total` is the status code, `unknown` where no answer was recorded;
elsewhere it is `success` or `error`. A cost is what the sender reports, else tokens times
prices ([PRICES.md](PRICES.md)); a call that has neither is unpriced and adds nothing to it.
";

const PHAROS: &str = "
## Pharos itself

Per signal, whenever nothing is in flight:
`pharos_ingest_received_items_total` = stored + duplicate + rejected + refused + dropped.
Requests whose items could not be counted (an oversized or malformed body) are in the
`…_requests_total` families instead.
";

const PROCESS: &str = "
The process collector adds `process_cpu_seconds_total`, `process_max_fds`, `process_open_fds`,
`process_resident_memory_bytes`, `process_start_time_seconds`, `process_threads` and
`process_virtual_memory_bytes`.
";

const PLANNED_INTRODUCTION: &str = "
## Planned

Promised names that nothing records yet; they are not on the page.

| name | labels | waits for |
|---|---|---|
";

/// The whole reference.
pub fn reference() -> String {
    let (own, platform): (Vec<_>, Vec<_>) =
        catalog::all().partition(|family| family.name.starts_with("pharos_") || is_info(family));
    let mut text = String::from(INTRODUCTION);
    for (introduction, families) in [(PLATFORM, platform), (PHAROS, own)] {
        text.push_str(introduction);
        push_families(&mut text, &families);
    }
    text.push_str(PROCESS);
    push_buckets(&mut text);
    text.push_str(PLANNED_INTRODUCTION);
    for planned in PLANNED {
        let labels = code(planned.labels);
        push(
            &mut text,
            format_args!("| `{}` | {labels} | {} |\n", planned.name, planned.waits_for),
        );
    }
    text
}

fn push_families(text: &mut String, families: &[&Family]) {
    text.push_str("\n| name | kind | unit | labels | from | what |\n|---|---|---|---|---|---|\n");
    for family in families {
        let names: Vec<_> = family.labels.iter().map(|label| label.name).collect();
        let (kind, unit, labels) = (family.kind.name(), family.unit.name(), code(&names));
        let (source, help) = (source(family.source), family.help);
        let row = format_args!(
            "| `{}` | {kind} | {unit} | {labels} | {source} | {help} |\n",
            family.name
        );
        push(text, row);
    }
}

fn push_buckets(text: &mut String) {
    text.push_str("\n## Buckets\n\n| histogram | upper bounds |\n|---|---|\n");
    for family in catalog::all() {
        if let Kind::Histogram(bounds) = family.kind {
            let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
            push(text, format_args!("| `{}` | {} |\n", family.name, bounds.join(" ")));
        }
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes all that is written");
}

/// Names as code, separated by blanks.
fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Log => "log",
        Source::Process => "process",
        Source::Scrape => "scrape",
    }
}

/// `system_info` has no prefix of Pharos but tells about it.
fn is_info(family: &Family) -> bool {
    family.unit == catalog::Unit::Info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_written_from_the_catalog() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == reference(), "{path} is stale: UPDATE=1 cargo test --lib metrics");
    }

    #[test]
    fn the_bounds_it_names_are_the_limits() {
        use crate::limits::{LABEL_VALUES, SERIES, SERIES_PER_METRIC};
        assert_eq!((LABEL_VALUES, SERIES_PER_METRIC, SERIES), (200, 4_000, 20_000));
    }
}
