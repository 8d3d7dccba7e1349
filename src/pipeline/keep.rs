//! Keeping a batch: validated, redacted, without retries, durable.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::RwLock;

use super::answer::{Accepted, Refusal};
use super::projector::Progress;
use super::recent::{Entered, ItemId, Recent, Seen};
use crate::metrics::{Ingest, Registry};
use crate::model::{Signal, SpanId, TraceId};
use crate::otlp::wire::WireError;
use crate::redaction::{Copied, ItemHead, Reason, Redactor, Rejected, Verdict};
use crate::storage::{AppendError, Batch, Log};
use crate::{clock, limits};

/// What every door hands its batches to.
pub struct Pipeline {
    log: Arc<Log>,
    redactor: Arc<Redactor>,
    recent: Arc<Recent>,
    ingest: Ingest,
    registry: Registry,
    progress: Arc<Progress>,
    /// Held shared by every batch on its way into the log. Whoever holds it alone knows that
    /// everything entered into `recent` before is durable or taken back.
    on_the_way: RwLock<()>,
}

/// Why items can be refused, as the `reason` label says it.
const REFUSALS: [&str; 5] =
    ["disk_full", "original_failed", "projection_lag", "read_only", "stopping"];

impl Pipeline {
    /// A pipeline into `log`. `progress` is that of the projector behind it.
    pub fn new(
        log: Arc<Log>,
        redactor: Arc<Redactor>,
        recent: Arc<Recent>,
        registry: &Registry,
        progress: Arc<Progress>,
    ) -> Self {
        let ingest = Ingest::new(registry);
        ingest.expect(&Reason::ALL.map(Reason::name), &REFUSALS);
        Self {
            log,
            redactor,
            recent,
            ingest,
            registry: registry.clone(),
            progress,
            on_the_way: RwLock::new(()),
        }
    }

    /// Keeps an export request (protobuf, unpacked) that holds `items` spans, log records or
    /// data points; returns once it is durable. `hold` is whatever must live as long as the body
    /// does: the memory it was admitted with.
    ///
    /// The work goes on when the caller goes away, so that a sender that hangs up cannot leave a
    /// batch half counted.
    pub async fn ingest(
        self: &Arc<Self>,
        signal: Signal,
        body: Bytes,
        items: u32,
        hold: Box<dyn Send>,
    ) -> Result<Accepted, Refusal> {
        let this = Arc::clone(self);
        let keeping = tokio::spawn(async move {
            let answer = this.keep(signal, body, items).await;
            drop(hold);
            answer
        });
        keeping.await.unwrap_or(Err(Refusal::Unavailable {
            reason: "internal",
            retry_after_seconds: limits::RETRY_AFTER_SECONDS,
        }))
    }

    async fn keep(&self, signal: Signal, body: Bytes, items: u32) -> Result<Accepted, Refusal> {
        if self.progress.lag_bytes(self.log.end()) > limits::PROJECTION_LAG_BYTES {
            self.ingest.received(signal, items.into());
            self.ingest.refused(signal, "projection_lag", items.into());
            let retry_after_seconds = limits::RETRY_AFTER_SECONDS;
            return Err(Refusal::Overloaded { retry_after_seconds });
        }
        let guard = self.on_the_way.read().await;
        let epoch = self.recent.epoch();
        let (copied, entered) = match self.copy(signal, &body).await {
            Ok(done) => done,
            Err(error) => {
                self.ingest.received(signal, items.into());
                self.ingest.rejected(signal, "malformed", items.into());
                return Err(Refusal::Malformed(error.to_string()));
            }
        };
        drop(body);
        let Copied { body, kept, duplicates, rejected, hits } = copied;
        let (kept, again) = (u64::from(kept), u64::from(duplicates));
        for (reason, items) in rejected.iter() {
            self.ingest.received(signal, items);
            self.ingest.rejected(signal, reason.name(), items);
        }
        for (rule, count) in hits.iter() {
            self.registry.redacted(rule, count.into());
        }
        if kept > 0 {
            self.append(signal, body, kept, again).await?;
        }
        entered.keep();
        drop(guard);
        if again > 0 {
            self.settle_duplicates(signal, again, epoch).await?;
        }
        let message = (rejected.total() > 0).then(|| explain(&rejected));
        Ok(Accepted { rejected: rejected.total(), message })
    }

    /// Makes the kept items durable. When that fails, the duplicates beside them are refused as
    /// well: their sender gets one answer for all.
    async fn append(
        &self,
        signal: Signal,
        body: Vec<u8>,
        kept: u64,
        again: u64,
    ) -> Result<(), Refusal> {
        let items = u32::try_from(kept).unwrap_or(u32::MAX);
        let batch = Batch { signal, arrived_ns: clock::unix_nanos(), items, body: body.into() };
        let Err(error) = self.log.append(batch).await else {
            self.ingest.received(signal, kept);
            return Ok(());
        };
        self.ingest.received(signal, kept + again);
        if error.is_retryable() {
            let reason = reason(&error);
            self.ingest.refused(signal, reason, kept + again);
            let retry_after_seconds = limits::RETRY_AFTER_SECONDS;
            Err(Refusal::Unavailable { reason, retry_after_seconds })
        } else {
            self.ingest.rejected(signal, "too_large", kept + again);
            Err(Refusal::Malformed(error.to_string()))
        }
    }

    /// Waits until the originals of the duplicates are durable. Had one of them failed, calling
    /// it a duplicate would have lost it; the sender is then asked to come again.
    async fn settle_duplicates(
        &self,
        signal: Signal,
        items: u64,
        epoch: u64,
    ) -> Result<(), Refusal> {
        drop(self.on_the_way.write().await);
        self.ingest.received(signal, items);
        if self.recent.epoch() != epoch {
            self.ingest.refused(signal, "original_failed", items);
            let retry_after_seconds = limits::RETRY_AFTER_SECONDS;
            return Err(Refusal::Unavailable { reason: "original_failed", retry_after_seconds });
        }
        self.ingest.duplicate(signal, items);
        Ok(())
    }

    async fn copy(&self, signal: Signal, body: &Bytes) -> Result<(Copied, Entered), WireError> {
        if body.len() <= limits::INLINE_COPY_BYTES {
            return copy(&self.redactor, self.recent.begin(), signal, body);
        }
        // Long work must not hold up the connections that share this thread.
        let (redactor, entered, body) =
            (Arc::clone(&self.redactor), self.recent.begin(), body.clone());
        let copying = tokio::task::spawn_blocking(move || copy(&redactor, entered, signal, &body));
        match copying.await {
            Ok(copied) => copied,
            // The sender is answered as for any other panic: it may come again.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// The copy pass, entering the ids of kept spans.
fn copy(
    redactor: &Redactor,
    mut entered: Entered,
    signal: Signal,
    body: &[u8],
) -> Result<(Copied, Entered), WireError> {
    let mut gate = |head: &ItemHead<'_>| {
        if signal != Signal::Traces {
            return Verdict::Keep;
        }
        let ids = (TraceId::from_bytes(head.trace_id), SpanId::from_bytes(head.span_id));
        let (Some(trace_id), Some(span_id)) = ids else { return Verdict::Keep };
        match entered.enter(ItemId::of_span(trace_id, span_id)) {
            Seen::Again => Verdict::Duplicate,
            Seen::New => Verdict::Keep,
        }
    };
    let copied = redactor.copy(signal, body, &mut gate)?;
    Ok((copied, entered))
}

fn explain(rejected: &Rejected) -> String {
    let reasons: Vec<_> =
        rejected.iter().map(|(reason, items)| format!("{} ({items})", reason.name())).collect();
    format!("rejected: {}", reasons.join(", "))
}

fn reason(error: &AppendError) -> &'static str {
    match error {
        AppendError::DiskFull => "disk_full",
        AppendError::ReadOnly { .. } => "read_only",
        AppendError::Stopping | AppendError::TooLarge { .. } => "stopping",
    }
}
