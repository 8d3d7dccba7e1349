//! The LLM gateway: calls of models pass through to configured upstreams, and report themselves.
//!
//! ```text
//! caller → front → call: admitted, read, paid for → upstream
//!            caller ← passing ← the answer, piece by piece
//!                        └ side: events, usage, first token
//!                     the end → span → recorder → pipeline
//! ```
//!
//! Invariant: what the upstream answers goes to the caller as it comes; what is read of it is read
//! on the side, within bounds, and nothing that goes wrong there is the caller's business. The
//! caller's headers go upstream and nowhere else.

mod asked;
mod call;
mod caller;
mod dialect;
mod events;
mod exchange;
mod failure;
mod front;
mod headers;
mod house;
mod intake;
mod options;
mod outgoing;
mod passing;
mod patience;
mod recorder;
mod scan;
mod side;
mod span;
mod unpack;
mod upstream;

pub use failure::BrokenOff;
pub use front::{Answer, Front, PREFIX};
pub use house::{HostCheck, KeyCheck, Neighbours};
pub use options::{GatewayOptions, Kind, UpstreamOptions};
pub use passing::Passing;
pub use upstream::UpstreamError;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;

use crate::limits;
use crate::pipeline::Pipeline;
use house::{Calls, House};
use intake::Room;
use recorder::Recorder;
use upstream::Upstream;

/// The gateway, running.
pub struct Gateway {
    house: Option<Arc<House>>,
    recorder: Mutex<Option<Recorder>>,
}

impl Gateway {
    /// Starts it, on a runtime. Without upstreams it is nothing at all.
    ///
    /// # Errors
    /// What is wrong with an upstream.
    pub fn start(
        options: &GatewayOptions,
        pipeline: Arc<Pipeline>,
        neighbours: Neighbours,
    ) -> Result<Self, UpstreamError> {
        if options.upstreams.is_empty() {
            return Ok(Self { house: None, recorder: Mutex::new(None) });
        }
        let upstreams = options.upstreams.iter().map(|it| Upstream::new(it.clone()).map(Arc::new));
        let upstreams = upstreams.collect::<Result<Vec<_>, _>>()?;
        let ids = upstreams.iter().map(|upstream| &*upstream.options.id);
        let metrics = &neighbours.metrics;
        metrics.expect(ids, &failure::Failure::NAMES, &unpack::Unread::NAMES, &recorder::REASONS);
        let (records, recorder) = Recorder::start(pipeline, neighbours.metrics.clone());
        let house = House {
            upstreams,
            neighbours,
            capture_content: options.capture_content,
            output_tokens: options.output_tokens,
            room: Room::new(),
            records,
            calls: Arc::new(Calls::default()),
        };
        Ok(Self { house: Some(Arc::new(house)), recorder: Mutex::new(Some(recorder)) })
    }

    /// The service of the web port, in front of what else is there.
    pub fn front<S>(&self, inner: S) -> Front<S> {
        Front { house: self.house.clone(), inner }
    }

    /// Takes no more calls, lets those in flight end in time, and brings what they were into the
    /// log, which must still be open.
    pub async fn stop(&self) {
        let Some(house) = &self.house else { return };
        let calls = &house.calls;
        calls.stop();
        let drain = Duration::from_secs(limits::GATEWAY_DRAIN_SECONDS);
        if tokio::time::timeout(drain, calls.none()).await.is_err() {
            tracing::warn!(calls = calls.count(), "Calls through the gateway were cut off.");
            calls.cut();
            let look = Duration::from_millis(2 * limits::GATEWAY_TICK_MILLISECONDS);
            let _ = tokio::time::timeout(look, calls.none()).await;
        }
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(recorder) = recorder {
            recorder.stop().await;
        }
    }
}

/// What a caller has sent as its key of Pharos.
pub fn pharos_key(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(headers::PHAROS_KEY).map(|value| value.as_bytes())
}
