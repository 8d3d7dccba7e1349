//! Runs under way, connected: the book, the projection that keeps it, and the task that closes
//! what does not end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::clock;
use crate::config::Config;
use crate::events;
use crate::limits;
use crate::model::{Projection, Signal};
use crate::pipeline::{ItemId, Pipeline, Progress, Recent};
use crate::runs::{Runs, RunsProjection, abandoned_spans};

/// How often runs are looked for whose time is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The task that closes runs.
pub(super) struct RunsTask(JoinHandle<()>);

/// The book and what keeps it. The ids of runs that were given up before a restart go to
/// `recent`, so that their late ends are known as duplicates.
pub(super) fn open(config: &Config, recent: &Arc<Recent>) -> (Arc<Runs>, Box<dyn Projection>) {
    let after = u64::try_from(config.events.abandon_after.as_nanos()).unwrap_or(u64::MAX);
    let runs = Arc::new(Runs::new(after));
    let recent = Arc::clone(recent);
    let remembers = move |(trace_id, span_id)| {
        let _ = recent.enter(ItemId::of_span(trace_id, span_id));
    };
    let projection = RunsProjection::new(Arc::clone(&runs), remembers);
    (runs, Box::new(projection))
}

/// Begins to close runs whose time is over.
pub(super) fn watch(
    runs: &Arc<Runs>,
    pipeline: &Arc<Pipeline>,
    progress: &Arc<Progress>,
) -> RunsTask {
    let (runs, pipeline) = (Arc::clone(runs), Arc::clone(pipeline));
    let progress = Arc::clone(progress);
    RunsTask(tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // What the log holds may end what seems to be open.
            if progress.caught_up() {
                give_up(&runs, &pipeline, clock::unix_nanos()).await;
            }
        }
    }))
}

impl RunsTask {
    /// Ends it. What was decided and not sent is decided again by the next process.
    pub(super) fn stop(self) {
        self.0.abort();
    }
}

/// Sends the spans of the runs whose time is over. What cannot be kept now is tried again.
async fn give_up(runs: &Runs, pipeline: &Arc<Pipeline>, now_ns: u64) {
    let overdue = runs.overdue(now_ns, limits::RUNS_GIVEN_UP);
    if overdue.is_empty() {
        return;
    }
    let items = overdue.len() as u32;
    let request = abandoned_spans(&overdue, events::SCOPE).into();
    match pipeline.ingest(Signal::Traces, request, items, Box::new(())).await {
        Ok(_) => {
            let keys: Vec<_> = overdue.iter().map(|overdue| overdue.run.key).collect();
            runs.given_up(&keys, now_ns);
        }
        Err(refusal) => {
            tracing::warn!(%refusal, items, "Abandoned runs could not be closed yet.");
        }
    }
}
