//! Statistics over the spans of a window: tools, skills and requests.
//!
//! Each question takes rows, one after the other, into [`groups::Groups`] of bounded number, and
//! durations into [`durations::Durations`] of bounded size: however many spans there are, an
//! answer takes the same memory.

mod durations;
mod groups;
pub(super) mod requests;
pub(super) mod skills;
pub(super) mod tools;

pub(super) use durations::Durations;

use super::Shared;
use super::error::ApiError;
use super::moment::rfc3339;
use super::parameters::Parameters;
use super::window::Window;
use crate::clock;
use crate::limits;
use crate::storage::query::{Budget, Fields, Filters, QueryError, RowQuery, SpanRow};
use groups::{Groups, Merge};
use serde::Serialize;
use std::ops::ControlFlow;

/// The query parameters of all of them.
pub(super) const PARAMETERS: &[&str] = &["hours", "from", "to", "service", "tenant", "limit"];

/// What is asked for.
#[derive(Debug)]
struct Question {
    window: Window,
    filters: Filters,
    limit: usize,
}

/// How often something was done, how often it failed and how long it took.
#[derive(Debug, Default)]
struct Doings {
    count: u64,
    errors: u64,
    durations: Durations,
    last_ns: u64,
}

/// The same in an answer.
#[derive(Debug, Serialize)]
struct Figures {
    count: u64,
    errors: u64,
    error_rate_pct: f64,
    #[serde(flatten)]
    durations: Durations,
    last_time: String,
}

/// An answer: the groups with the largest count, and the others as one.
#[derive(Debug, Serialize)]
struct Answer<G> {
    window: Window,
    groups: Vec<G>,
    /// Everything that is in no group of the list; `null` where nothing is left.
    other: Option<G>,
    /// Whether spans are missing, because a bound was reached or something is not readable.
    incomplete: bool,
}

impl Question {
    fn read(query: Option<&str>) -> Result<Self, ApiError> {
        let parameters = Parameters::of(query, PARAMETERS)?;
        let window = Window::of(&parameters, clock::unix_nanos())?;
        let text = |name| -> Result<Option<String>, ApiError> {
            Ok(parameters.text(name)?.map(str::to_owned))
        };
        let (service, tenant) = (text("service")?, text("tenant")?);
        let filters = Filters { service, tenant, ..window.filters() };
        let limit = parameters.number("limit", 1..=limits::STATS_GROUPS)?;
        Ok(Self { window, filters, limit: limit.unwrap_or(limits::STATS_DEFAULT_GROUPS) })
    }

    /// Takes every row of the window into groups.
    async fn groups<V: Merge + Default + Send + 'static>(
        &self,
        api: &Shared,
        fields: Fields,
        take: fn(&mut Groups<V>, &SpanRow<'_>),
    ) -> Result<(Groups<V>, bool), ApiError> {
        let store = api.handles.store.clone();
        let query = RowQuery { filters: self.filters.clone(), fields, trace: None };
        let found = api.searches.run(move |cancelled| {
            let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
            let mut groups = Groups::new(limits::STATS_GROUPS);
            let scanned = store.rows(&query, budget, &mut |row| {
                take(&mut groups, row);
                ControlFlow::Continue(())
            })?;
            Ok::<_, QueryError>((groups, scanned.incomplete))
        });
        Ok(found.await??)
    }
}

impl Doings {
    fn add(&mut self, row: &SpanRow<'_>) {
        self.count += 1;
        self.errors += u64::from(row.failed);
        self.durations.add(row.duration_ns());
        self.last_ns = self.last_ns.max(row.start_ns);
    }
}

impl Merge for Doings {
    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.durations.merge(other.durations);
        self.last_ns = self.last_ns.max(other.last_ns);
    }

    fn size(&self) -> u64 {
        self.count
    }
}

impl From<Doings> for Figures {
    fn from(doings: Doings) -> Self {
        let Doings { count, errors, durations, last_ns } = doings;
        let error_rate_pct = super::insights::percentage(errors, count).unwrap_or(0.0);
        Self { count, errors, error_rate_pct, durations, last_time: rfc3339(last_ns) }
    }
}
