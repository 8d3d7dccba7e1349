//! Bringing the spans of calls into the log: in batches, behind the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::metrics;
use crate::model::{Attribute, Origin, Scope, Signal, Value};
use crate::otlp::{compose, write};
use crate::pipeline::{Pipeline, Refusal};
use crate::{build_info, limits};

/// The instrumentation scope of these spans.
const SCOPE: &str = "pharos.gateway";

/// Why a span may be missing, as the `reason` label says it.
pub(super) const REASONS: [&str; 3] = ["queue_full", "refused", "stopping"];

/// Where spans are put, by whoever settles a call.
pub(super) struct RecordBox {
    queue: mpsc::Sender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
    metrics: metrics::Gateway,
    /// Whether the last span found no room: said once, until there is room again.
    full: AtomicBool,
}

/// The task that appends them.
pub(super) struct Recorder {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// The task's side.
struct Intake {
    queue: mpsc::Receiver<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
    metrics: metrics::Gateway,
    pipeline: Arc<Pipeline>,
    stop: watch::Receiver<bool>,
}

impl RecordBox {
    /// Puts a span in; `false` where there is no room for it, which is counted. Never waits.
    pub(super) fn put(&self, span: Vec<u8>) -> bool {
        let length = span.len();
        let before = self.bytes.fetch_add(length, Ordering::Relaxed);
        let fits = before + length <= limits::GATEWAY_RECORDS_BYTES;
        if fits && self.queue.try_send(span).is_ok() {
            if self.full.load(Ordering::Relaxed) {
                self.full.store(false, Ordering::Relaxed);
            }
            return true;
        }
        self.bytes.fetch_sub(length, Ordering::Relaxed);
        let reason = if self.queue.is_closed() { "stopping" } else { "queue_full" };
        self.metrics.unrecorded(reason, 1);
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, "Calls of the gateway pass without being recorded.");
        }
        false
    }
}

impl Recorder {
    /// Begins to append.
    pub(super) fn start(pipeline: Arc<Pipeline>, metrics: metrics::Gateway) -> (RecordBox, Self) {
        let (sender, queue) = mpsc::channel(limits::GATEWAY_RECORDS);
        let (stop, stopped) = watch::channel(false);
        let bytes = Arc::new(AtomicUsize::new(0));
        let (of_box, of_task) = (Arc::clone(&bytes), metrics.clone());
        let intake = Intake { queue, bytes, metrics: of_task, pipeline, stop: stopped };
        let task = tokio::spawn(intake.run());
        let full = AtomicBool::new(false);
        (RecordBox { queue: sender, bytes: of_box, metrics, full }, Self { task, stop })
    }

    /// Takes nothing more, appends what there is, and returns; what does not get there in time is
    /// counted as lost.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        // A panic in there has been reported by the panic hook.
        let _ = self.task.await;
    }
}

impl Intake {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(limits::GATEWAY_BATCH_SPANS);
        while self.fill(&mut batch).await {
            let items = batch.len();
            let bytes: usize = batch.iter().map(Vec::len).sum();
            let request = request(&batch);
            batch.clear();
            if let Err(reason) = self.append(request, items as u32).await {
                self.metrics.unrecorded(reason, items as u64);
                tracing::warn!(reason, items, "Calls of the gateway could not be recorded.");
            }
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Waits for a first span, and a little for others; `false` once there will be none.
    async fn fill(&mut self, batch: &mut Vec<Vec<u8>>) -> bool {
        let most = limits::GATEWAY_BATCH_MOST_SPANS;
        let stopped = tokio::select! {
            some = self.queue.recv_many(batch, most) => {
                if some == 0 {
                    return false;
                }
                false
            }
            stopped = self.stop.wait_for(|stop| *stop), if !self.queue.is_closed() => {
                // What a watch lends must not be held over a wait.
                drop(stopped);
                true
            }
        };
        if stopped {
            self.queue.close();
            return self.queue.recv_many(batch, most).await > 0;
        }
        let deadline = Instant::now() + Duration::from_millis(limits::GATEWAY_BATCH_MILLISECONDS);
        while batch.len() < limits::GATEWAY_BATCH_SPANS && !*self.stop.borrow() {
            let more = self.queue.recv_many(batch, most - batch.len());
            if !matches!(timeout_at(deadline, more).await, Ok(1..)) {
                break;
            }
        }
        true
    }

    /// Appends, as often as it takes; while the service stops, for a bounded time.
    async fn append(&mut self, request: Vec<u8>, items: u32) -> Result<(), &'static str> {
        let mut stop = self.stop.clone();
        let pipeline = Arc::clone(&self.pipeline);
        let trying = keep(&pipeline, request, items);
        tokio::pin!(trying);
        tokio::select! {
            kept = &mut trying => return kept,
            stopped = stop.wait_for(|stop| *stop) => drop(stopped),
        }
        let longest = Duration::from_secs(limits::GATEWAY_FLUSH_SECONDS);
        timeout(longest, trying).await.unwrap_or(Err("stopping"))
    }
}

async fn keep(pipeline: &Arc<Pipeline>, request: Vec<u8>, items: u32) -> Result<(), &'static str> {
    let request = bytes::Bytes::from(request);
    loop {
        match pipeline.ingest(Signal::Traces, request.clone(), items, Box::new(())).await {
            Ok(_) => return Ok(()),
            Err(Refusal::Malformed(_)) => return Err("refused"),
            Err(_) => sleep(Duration::from_millis(limits::GATEWAY_RETRY_MILLISECONDS)).await,
        }
    }
}

fn request(spans: &[Vec<u8>]) -> Vec<u8> {
    let text = |key, text| Attribute { key, value: Value::Text(text) };
    let resource =
        vec![text("service.name", "pharos"), text("service.version", build_info::VERSION)];
    let scope = Scope { name: SCOPE, ..Scope::default() };
    let mut request = Vec::with_capacity(spans.iter().map(|span| span.len() + 8).sum());
    compose::group(&mut request, &Origin { resource, scope }, |out| {
        spans.iter().for_each(|span| write::bytes_field(out, 2, span));
    });
    request
}
