//! The book as a projection of the log.

use std::sync::Arc;

use super::abandon::ABANDONED;
use super::book::{Key, Runs};
use super::{Begun, Closed, saved};
use crate::limits;
use crate::model::{Operation, Projection, Report, Reported, RunStart, SeenRecord, SeenSpan};

/// Keeps a book of runs.
pub struct RunsProjection {
    runs: Arc<Runs>,
    /// Hears, after a start, of the runs that were given up before it: their late ends must be
    /// known as duplicates.
    remembers: Box<dyn Fn(Key) + Send>,
}

impl RunsProjection {
    /// Keeps `runs`.
    pub fn new(runs: Arc<Runs>, remembers: impl Fn(Key) + Send + 'static) -> Self {
        Self { runs, remembers: Box::new(remembers) }
    }
}

impl Projection for RunsProjection {
    fn name(&self) -> &'static str {
        "runs"
    }

    fn span(&mut self, seen: &SeenSpan<'_, '_>) {
        let is_run = matches!(
            seen.known.operation,
            Operation::Agent(_) | Operation::Workflow(_) | Operation::HttpServer(_)
        );
        let how = match seen.known.error_type {
            Some(ABANDONED) => Closed::Abandoned,
            _ => Closed::Ended,
        };
        self.runs.state().end((seen.span.trace_id, seen.span.span_id), how, is_run);
    }

    fn record(&mut self, seen: &SeenRecord<'_, '_>) {
        let record = seen.record;
        let Some(report @ Report { said: Reported::Started(start), .. }) = seen.report else {
            return;
        };
        let (Some(trace_id), Some(span_id)) = (record.trace_id, record.span_id) else { return };
        let start_ns = [record.time_ns, record.observed_ns, seen.moment.arrived_ns];
        let start_ns = start_ns.into_iter().find(|ns| *ns > 0).unwrap_or_default();
        let begun = begun(start_ns, seen.origin.service(), start, report);
        let arrived_ns = seen.moment.arrived_ns;
        self.runs.state().begin((trace_id, span_id), start.kind, begun, arrived_ns);
    }

    fn tick(&mut self, now_ns: u64) {
        self.runs.state().tidy(now_ns);
    }

    fn snapshot(&self) -> Vec<u8> {
        saved::write(&self.runs.state())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let state = saved::read(bytes)?;
        let past = state.old.iter().chain(&state.young);
        for (key, _) in past.filter(|(_, past)| past.how == Closed::Abandoned) {
            (self.remembers)(*key);
        }
        *self.runs.state() = state;
        Ok(())
    }
}

fn begun(start_ns: u64, service: &str, start: &RunStart<'_>, report: &Report<'_>) -> Begun {
    let short = |text: &str| text[..text.floor_char_boundary(limits::RUN_TEXT_BYTES)].to_owned();
    let said = |text: Option<&str>| short(text.unwrap_or_default());
    Begun {
        start_ns,
        service: short(service),
        parent: start.parent.and_then(|parent| parent.parse().ok()),
        name: short(start.name),
        method: short(start.method),
        tenant: said(report.tenant),
        team: said(report.team),
        user: said(report.user),
        agent: said(report.agent),
        conversation: said(report.conversation),
    }
}
