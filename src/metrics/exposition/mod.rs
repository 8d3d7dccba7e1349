//! The page for Prometheus, in its text format 0.0.4 or as OpenMetrics 1.0.
//!
//! Labels are escaped once, when their series is made; a page is then mostly copying. Both forms
//! are written by one walk over the families. OpenMetrics adds units, exemplars and an end, and
//! names a family of counters without `_total` and one of infos without `_info`.
//!
//! What OpenMetrics leaves open stays away: `_created`, because counters come back after a
//! restart and so were not created at its start.

#[cfg(feature = "server")]
mod gathered;
mod lines;
mod number;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::Kind;
use super::cell::HistogramCell;
use super::family::{Cell, Recorded, State};
pub(super) use lines::push_label;
use lines::{Lines, Word};

/// What OpenTelemetry says of a resource beyond what its metrics carry.
#[cfg(feature = "server")]
pub(super) const TARGET_INFO: &str = "target_info";

/// A family that a collector gathered.
#[cfg(feature = "server")]
pub(super) type Gathered = prometheus::proto::MetricFamily;
/// An app's page has no collectors.
#[cfg(not(feature = "server"))]
pub(super) type Gathered = std::convert::Infallible;

/// The `Content-Type` of the text format; Prometheus 3 refuses a page without its version.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

/// Writes the families, sorted by name as given, and between them those that collectors have
/// gathered. Families without a series are left out, and so is a gathered one whose name is taken.
pub(super) fn write(
    format: Format,
    families: &[Arc<Recorded>],
    gathered: &BTreeMap<String, Gathered>,
) -> String {
    let mut lines = Lines::new(format);
    let mut gathered = gathered.iter().peekable();
    for family in families {
        while let Some((_, other)) = gathered.next_if(|(name, _)| name.as_str() < &*family.name) {
            lines.gathered(other);
        }
        let state = family.state();
        if state.series.is_empty() {
            continue;
        }
        gathered.next_if(|(name, _)| name.as_str() == &*family.name);
        lines.head(&family.name, &state.help, word(family));
        push_series(&mut lines, family, &state);
    }
    gathered.for_each(|(_, other)| lines.gathered(other));
    lines.finish()
}

#[cfg(not(feature = "server"))]
impl Lines {
    fn gathered(&mut self, family: &Gathered) {
        match *family {}
    }
}

fn word(family: &Recorded) -> Word {
    match family.kind {
        Kind::Counter | Kind::Amount => Word::Counter,
        Kind::Gauge if family.info => Word::Info,
        Kind::Gauge => Word::Gauge,
        Kind::Histogram(_) => Word::Histogram,
    }
}

fn push_series(lines: &mut Lines, family: &Recorded, state: &State) {
    let bounds: Vec<String> = match family.kind {
        Kind::Histogram(bounds) => bounds.iter().map(|bound| lines.bound(*bound)).collect(),
        _ => Vec::new(),
    };
    let name = &*family.name;
    for (labels, series) in &state.series {
        match &series.cell {
            Cell::Counter(cell) => {
                lines.sample(name, "", labels).whole(cell.get()).exemplar(cell.exemplar()).end();
            }
            Cell::Amount(cell) => {
                lines.sample(name, "", labels).number(cell.get()).exemplar(cell.exemplar()).end();
            }
            Cell::Gauge(cell) => lines.sample(name, "", labels).number(cell.get()).end(),
            Cell::Histogram(cell) => push_histogram(lines, name, labels, cell, &bounds),
        }
    }
}

fn push_histogram(
    lines: &mut Lines,
    name: &str,
    labels: &str,
    cell: &HistogramCell,
    bounds: &[String],
) {
    let mut count = 0;
    let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
    for (index, (bound, observed)) in bounds.zip(cell.buckets()).enumerate() {
        count += observed;
        lines.bucket(name, labels, bound).whole(count).exemplar(cell.exemplar(index)).end();
    }
    lines.sample(name, "_sum", labels).number(cell.sum()).end();
    lines.sample(name, "_count", labels).whole(count).end();
}
