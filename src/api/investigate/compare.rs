//! What differed from the median of earlier runs of the same workflow.

use crate::api::moment::milliseconds;
use crate::api::run_profile::RunProfile;
use crate::api::span_view::cut;
use crate::clock;
use crate::limits;
use crate::model::TraceId;
use crate::storage::query::{Budget, Filters, QueryError, SearchQuery, Store};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the run of a workflow is called by: its root's service and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workflow {
    pub(super) trace_id: TraceId,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) start_ns: u64,
}

/// A run and earlier runs of the same workflow.
#[derive(Debug)]
pub(super) struct Earlier {
    this: RunProfile,
    others: Vec<RunProfile>,
    /// Whether there may be more of them, because a bound was reached or something is not
    /// readable.
    incomplete: bool,
}

/// The comparison in an answer.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Comparison {
    /// How many earlier runs it is compared with.
    runs: usize,
    incomplete: bool,
    figures: Vec<Difference>,
    /// Tools that less than half of them used.
    unusual_tools: Vec<String>,
    /// Tools that more than half of them used, and this one did not.
    missing_tools: Vec<String>,
}

/// One figure of the run and of the median run; `null` where it is not known.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    figure: &'static str,
    this: Option<f64>,
    median: Option<f64>,
    /// How many times the median it is; `null` where that is nothing or not known.
    ratio: Option<f64>,
}

/// A figure of a run and how it is called.
type Figure = (&'static str, fn(&RunProfile) -> Option<f64>);

/// What is compared.
const FIGURES: [Figure; 6] = [
    ("duration_ms", |run| Some(milliseconds(run.duration_ns()))),
    ("spans", |run| Some(run.spans as f64)),
    ("llm_calls", |run| Some(run.llm_calls as f64)),
    ("tokens", |run| run.tokens.said().map(|tokens| tokens as f64)),
    // A sum that leaves calls out would look cheap.
    ("cost_usd", |run| run.cost.usd().filter(|_| run.cost.unpriced_calls() == 0)),
    ("errors", |run| Some(run.errors as f64)),
];

impl Earlier {
    /// Finds earlier runs of the workflow, the latest [`limits::COMPARED_RUNS`], within a small
    /// budget; `None` where there are fewer than [`limits::COMPARED_RUNS_LEAST`].
    pub(super) fn read(store: &dyn Store, workflow: &Workflow) -> Result<Option<Self>, QueryError> {
        let Some(to_ns) = workflow.start_ns.checked_sub(1) else { return Ok(None) };
        let longest = Duration::from_millis(limits::COMPARE_MILLISECONDS);
        let deadline = clock::monotonic().checked_add(longest);
        let mut bytes = limits::COMPARE_SCAN_BYTES;
        let filters = Filters {
            service: Some(workflow.service.clone()),
            name: Some(workflow.name.clone()),
            to_ns: Some(to_ns),
            ..Filters::default()
        };
        let query = SearchQuery { filters, limit: Some(limits::COMPARED_RUNS), cursor: None };
        let budget = |bytes| Budget { bytes, deadline, ..Budget::default() };
        let page = store.search(&query, budget(bytes))?;
        bytes = bytes.saturating_sub(page.scanned_bytes);
        let mut incomplete = page.incomplete;
        let mut others = Vec::new();
        for trace in page.traces {
            let same = trace.name == workflow.name
                && trace.service == workflow.service
                && trace.trace_id != workflow.trace_id;
            if !same {
                continue;
            }
            let (found, missing, read) = RunProfile::read(store, trace.trace_id, budget(bytes))?;
            bytes = bytes.saturating_sub(read);
            incomplete |= missing;
            // What could not be read whole would make the median too small.
            others.extend(found.filter(|_| !missing));
        }
        if others.len() < limits::COMPARED_RUNS_LEAST {
            return Ok(None);
        }
        let (this, ..) = RunProfile::read(store, workflow.trace_id, Budget::default())?;
        Ok(this.map(|this| Self { this, others, incomplete }))
    }

    /// What differs. Texts are cut at `longest_text` bytes, and at most `most_tools` are named.
    pub(super) fn compare(&self, longest_text: usize, most_tools: usize) -> Comparison {
        let figures = FIGURES.map(|(figure, of)| {
            let (this, median) = (of(&self.this), median(self.others.iter().filter_map(of)));
            let ratio = this.zip(median).filter(|(_, median)| *median > 0.0);
            let ratio = ratio.map(|(this, median)| (this / median * 1e3).round() / 1e3);
            Difference { figure, this, median, ratio }
        });
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        for tool in self.others.iter().flat_map(|run| &run.tools) {
            *used.entry(tool).or_default() += 1;
        }
        let runs = self.others.len();
        let usual = |tool: &str, more: bool| {
            let twice = 2 * used.get(tool).copied().unwrap_or(0);
            if more { twice > runs } else { twice < runs }
        };
        let cut = |tool: &str| cut(tool, longest_text).into_owned();
        let unusual = self.this.tools.iter().filter(|tool| usual(tool, false));
        let missing = used.keys().filter(|tool| usual(tool, true));
        let missing = missing.filter(|tool| !self.this.tools.contains(**tool));
        Comparison {
            runs,
            incomplete: self.incomplete,
            figures: figures.into(),
            unusual_tools: unusual.take(most_tools).map(|tool| cut(tool)).collect(),
            missing_tools: missing.take(most_tools).map(|tool| cut(tool)).collect(),
        }
    }
}

/// The middle one, or the mean of the two in the middle; `None` of none.
fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = figures.collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match all.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(all[middle]),
        // Halves first: the sum of two large ones may have no number.
        _ => Some(all[middle - 1] / 2.0 + all[middle] / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::skeleton::row;
    use crate::model::Usage;
    use crate::storage::query::SpanRow;

    /// A run of so many milliseconds, with a call of so many tokens at this price.
    fn run(ms: u64, tokens: u64, cost_usd: Option<f64>, tools: &[&str]) -> RunProfile {
        let mut profile = RunProfile::default();
        let start_ns = 1_000_000_000;
        profile.add(&SpanRow { start_ns, end_ns: start_ns + ms * 1_000_000, ..row(1, 0, "run") });
        let usage = Usage { input: Some(tokens), ..Usage::default() };
        profile.add(&SpanRow {
            start_ns,
            end_ns: start_ns,
            model: Some("m"),
            counts: true,
            usage,
            cost_usd,
            ..row(2, 1, "chat")
        });
        for (id, tool) in (3..).zip(tools) {
            profile.add(&SpanRow {
                start_ns,
                end_ns: start_ns,
                tool: Some(tool),
                ..row(id, 1, "tool")
            });
        }
        profile
    }

    #[test]
    fn a_run_is_compared_with_the_median() {
        let others = vec![
            run(100, 10, Some(0.1), &["search"]),
            run(300, 30, None, &["search", "read"]),
            run(200, 20, Some(0.3), &["search"]),
            run(900, 90, Some(0.2), &[]),
        ];
        let this = run(500, 75, Some(0.4), &["write", "read"]);
        let found = Earlier { this, others, incomplete: false };
        let compared = found.compare(99, 9);
        let told: Vec<_> = compared
            .figures
            .iter()
            .map(|it| (it.figure, it.this.unwrap(), it.median.unwrap(), it.ratio))
            .collect();
        let expected = [
            ("duration_ms", 500.0, 250.0, Some(2.0)),
            ("spans", 4.0, 3.0, Some(1.333)),
            ("llm_calls", 1.0, 1.0, Some(1.0)),
            ("tokens", 75.0, 25.0, Some(3.0)),
            // Of the runs whose cost is known.
            ("cost_usd", 0.4, 0.2, Some(2.0)),
            // Nothing is no measure.
            ("errors", 0.0, 0.0, None),
        ];
        assert_eq!(told, expected);
        assert_eq!((compared.runs, compared.incomplete), (4, false));
        assert_eq!(compared.unusual_tools, ["read", "write"]);
        assert_eq!(compared.missing_tools, ["search"]);
        assert!(found.compare(99, 0).unusual_tools.is_empty());
    }

    #[test]
    fn an_unknown_cost_is_compared_with_nothing() {
        let others = vec![run(1, 1, None, &[]), run(1, 1, Some(0.1), &[])];
        let found = Earlier { this: run(1, 1, None, &[]), others, incomplete: true };
        let compared = found.compare(9, 9);
        let cost = compared.figures.iter().find(|it| it.figure == "cost_usd").unwrap();
        assert_eq!((cost.this, cost.median, cost.ratio), (None, Some(0.1), None));
    }

    #[test]
    fn medians() {
        let of = |all: &[f64]| median(all.iter().copied());
        assert_eq!((of(&[]), of(&[3.0]), of(&[9.0, 1.0])), (None, Some(3.0), Some(5.0)));
        assert_eq!(of(&[f64::MAX, f64::MAX]), Some(f64::MAX));
    }
}
