//! Every metric family that Pharos records, as data: the one place where their names exist.
//!
//! `agents` holds what is measured of the platform that sends telemetry, `pharos` what Pharos
//! says about itself, `planned` the names that are promised but that nothing records yet.
//! `docs/metrics.md` is generated from these tables.

mod agents;
mod app_metrics;
pub mod buckets;
mod budgets;
mod events;
mod gateway;
mod pharos;
mod planned;
mod prices;
mod watch;

pub use agents::*;
pub use app_metrics::*;
pub use budgets::*;
pub use events::*;
pub use gateway::*;
pub use pharos::*;
pub use planned::{PLANNED, Planned};
pub use prices::*;
pub use watch::*;

/// One metric family. Its name, labels and buckets never change at run time.
#[derive(Debug, PartialEq)]
pub struct Family {
    /// The name on the page, suffixes included.
    pub name: &'static str,
    /// What is recorded.
    pub kind: Kind,
    /// What one recorded unit is, for the reference.
    pub unit: Unit,
    /// The `# HELP` text.
    pub help: &'static str,
    /// The labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// Where its values come from, and so whether they survive a crash.
    pub source: Source,
}

/// Where the values of a family come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Recorded of what the log holds: kept in snapshots and, after a crash, replayed.
    Log,
    /// Recorded while the process runs; starts again at 0 with it.
    Process,
    /// Read by a collector when the page is asked for.
    Scrape,
}

/// The kind of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Whole numbers that only grow.
    Counter,
    /// A sum of fractions that only grows (money): a counter for Prometheus.
    Amount,
    /// A value that comes and goes.
    Gauge,
    /// Observations in buckets with these upper bounds, ascending; `+Inf` is implied.
    Histogram(&'static [f64]),
}

/// What one recorded unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things of the kind that the name says.
    Items,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// US dollars.
    Usd,
    /// Constant 1; the labels are the message.
    Info,
    /// 0 or 1.
    Flag,
}

/// One label of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All values it can take; empty where they come from outside and must be bounded.
    pub values: &'static [&'static str],
}

/// A label whose values come from outside.
const fn open(name: &'static str) -> Label {
    Label { name, values: &[] }
}

/// A label that takes only these values.
const fn closed(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

impl Kind {
    /// The word of the `# TYPE` line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter | Self::Amount => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// Lines that one label set takes on the page, which is what Prometheus counts as series.
    pub fn lines(self) -> usize {
        match self {
            Self::Histogram(bounds) => bounds.len() + 3,
            _ => 1,
        }
    }
}

impl Unit {
    /// The word in the reference.
    pub fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Usd => "USD",
            Self::Info => "info",
            Self::Flag => "0 or 1",
        }
    }
}

impl Label {
    /// Whether every value is known beforehand.
    pub fn is_closed(&self) -> bool {
        !self.values.is_empty()
    }
}

/// All families that something records, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Family> {
    let tables = [
        agents::FAMILIES,
        app_metrics::FAMILIES,
        budgets::FAMILIES,
        events::FAMILIES,
        gateway::FAMILIES,
        pharos::FAMILIES,
        prices::FAMILIES,
        watch::FAMILIES,
    ];
    tables.into_iter().flatten().copied()
}

/// The family of this name.
pub fn find(name: &str) -> Option<&'static Family> {
    all().find(|family| family.name == name)
}

/// Declares families as statics and lists them all, so that none can be forgotten.
macro_rules! families {
    ($($name:ident = $kind:expr, $text:literal, $unit:ident, [$($label:expr),*], $source:ident,
       $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $name: Family = Family {
                name: $text,
                kind: $kind,
                unit: Unit::$unit,
                help: $help,
                labels: &[$($label),*],
                source: Source::$source,
            };
        )*
        /// The families of this table, in its order.
        pub(super) static FAMILIES: &[&Family] = &[$(&$name),*];
    };
}
use families;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let mut seen = HashSet::new();
        for family in all() {
            let name = family.name;
            assert!(seen.insert(name), "{name} stands twice");
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(legal), "{name}");
            let counts = matches!(family.kind, Kind::Counter | Kind::Amount);
            assert_eq!(name.ends_with("_total"), counts, "{name}: _total is for counters");
            for suffix in ["_sum", "_count", "_bucket"] {
                assert!(!name.ends_with(suffix), "{name} ends like a histogram's sample");
            }
            assert!(!family.help.is_empty() && family.help.ends_with('.'), "{name}: help");
            for label in family.labels {
                assert!(!["le", "quantile", "type"].contains(&label.name), "{name}");
            }
        }
    }

    #[test]
    fn buckets_ascend_and_hold_the_thresholds_of_the_alerts() {
        for family in all() {
            if let Kind::Histogram(bounds) = family.kind {
                assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", family.name);
            }
        }
        for threshold in [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0] {
            assert!(buckets::AGENT_SECONDS.contains(&threshold), "{threshold}");
        }
    }

    /// What a family takes for itself in OpenMetrics: its name without its suffix, and the names
    /// that its samples may have.
    fn claims(family: &Family) -> Vec<String> {
        let name = family.name;
        let with = |stem: &str, suffixes: &[&str]| -> Vec<String> {
            suffixes.iter().map(|suffix| format!("{stem}{suffix}")).collect()
        };
        match family.kind {
            Kind::Counter | Kind::Amount => {
                with(name.trim_end_matches("_total"), &["", "_total", "_created"])
            }
            Kind::Gauge if family.unit == Unit::Info => {
                with(name.trim_end_matches("_info"), &["", "_info"])
            }
            Kind::Gauge => with(name, &[""]),
            Kind::Histogram(_) => with(name, &["", "_bucket", "_sum", "_count", "_created"]),
        }
    }

    #[test]
    fn no_two_families_are_one_in_openmetrics() {
        let mut seen = HashSet::new();
        for family in all() {
            for claim in claims(family) {
                assert!(seen.insert(claim.clone()), "{}: {claim} is taken", family.name);
            }
        }
    }

    #[test]
    fn planned_names_are_not_recorded_yet() {
        for planned in PLANNED {
            assert!(find(planned.name).is_none(), "{} is no longer planned", planned.name);
        }
    }
}
