//! `POST /v1/events`: plain JSON events, one, a list, or one a line.
//!
//! They come in through the same admission as OTLP and become export requests, which go to the
//! pipeline like any other. The answer names every event that was not taken:
//!
//! - 200: all were taken. 207: some were; the others are named. Both are successes, because a
//!   client that sends the whole again would send what was taken a second time.
//! - 400: none was taken, and none will be as they are. 429 and 503 with `Retry-After`: none was
//!   taken, and the same request may come again.

use super::answer::Answer;
use super::body::Announced;
use super::budget::Reservation;
use super::failure::Failure;
use super::otlp_http::{coding, headers_of};
use super::unpack::Coding;
use super::{Ingest, Shared, Visit};
use crate::events::{self, Batch, Rejection, Terms, Unread};
use crate::model::{Signal, SpanId, TraceId};
use crate::pipeline::Accepted;
use crate::runs::Runs;
use crate::{clock, limits};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use serde_json::json;
use std::sync::Arc;

/// The path of the door.
pub(super) const PATH: &str = "/v1/events";

/// What a request's head says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    coding: Coding,
    /// One event a line, whatever the bytes look like.
    lines: bool,
    /// The trace and span above, as `traceparent` names them.
    above: Option<(TraceId, SpanId)>,
}

/// Answers one request.
pub(super) async fn answer<P, B>(shared: &Arc<Shared<P>>, request: Request<B>) -> Response<Answer>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let (head, body) = request.into_parts();
    let visit = shared.visit(Signal::Logs);
    match take(shared, &head.method, &head.headers, body, visit).await {
        Ok(outcome) => outcome.response(),
        Err(Failed::Whole(failure)) => refusal(&failure, head.version),
        Err(Failed::Broken(rejection)) => {
            let text = "the body is broken there; nothing of it was taken";
            let body = json!({"accepted": 0, "rejected": [*rejection], "error": text});
            response(StatusCode::BAD_REQUEST, &body)
        }
    }
}

/// Why nothing of a request was taken.
enum Failed {
    Whole(Failure),
    Broken(Box<Rejection>),
}

async fn take<P, B>(
    shared: &Arc<Shared<P>>,
    method: &Method,
    headers: &HeaderMap,
    body: B,
    mut visit: Visit<'_>,
) -> Result<Outcome, Failed>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let announced = Announced::of(headers);
    let admitted = async {
        match checked(shared, method, headers) {
            Ok(form) => {
                let (body, hold) = shared.admission.read(body, announced, form.coding, 0).await?;
                let runs = Arc::clone(&shared.options.runs);
                let most = shared.options.items;
                let make =
                    move |body: &[u8], hold: &mut Reservation| make(body, form, most, &runs, hold);
                shared.admission.work(form.coding, body, hold, make).await
            }
            Err(failure) => {
                shared.admission.discard(body, announced).await;
                Err(failure)
            }
        }
    };
    let (made, hold) = visit.note(admitted.await).map_err(Failed::Whole)?;
    let batch = match made {
        Ok(batch) => batch,
        Err(rejection) => {
            // The pipeline never saw it, and its events could not be counted.
            shared.options.observer.turned_away(Signal::Logs, "malformed", false);
            return Err(Failed::Broken(rejection));
        }
    };
    let outcome = Outcome::of(batch);
    outcome.keep(shared, hold).await.map_err(Failed::Whole)
}

/// What can be said of a request before its body is read.
fn checked<P>(shared: &Shared<P>, method: &Method, headers: &HeaderMap) -> Result<Form, Failure> {
    if method != Method::POST {
        return Err(Failure::WrongMethod);
    }
    shared.check(headers)?;
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = content_type.split(|byte| *byte == b';').next().unwrap_or(&[]).trim_ascii();
    let is = |names: &[&str]| names.iter().any(|name| kind.eq_ignore_ascii_case(name.as_bytes()));
    let lines = is(&["application/x-ndjson", "application/ndjson", "application/jsonl"]);
    // What curl and beacons send where nobody says anything is read by its bytes.
    let plain = is(&["", "application/json", "text/plain", "application/x-www-form-urlencoded"]);
    if !lines && !plain {
        return Err(Failure::UnknownEventType);
    }
    let above = headers.get("traceparent").and_then(|it| it.to_str().ok());
    let above = above.and_then(events::traceparent);
    Ok(Form { coding: coding(headers)?, lines, above })
}

/// Reads a body that `hold` has paid for. A broken one is no failure of the request's frame.
fn make(
    body: &[u8],
    form: Form,
    most: usize,
    runs: &Runs,
    hold: &mut Reservation,
) -> Result<Result<Batch, Box<Rejection>>, Failure> {
    if body.trim_ascii().is_empty() {
        return Err(Failure::malformed("the body holds no event"));
    }
    let mut no_room = None;
    let mut room = |more| match hold.grow(more) {
        Ok(()) => true,
        Err(error) => {
            no_room = Some(error);
            false
        }
    };
    let terms = Terms {
        now_ns: clock::unix_nanos(),
        header: form.above,
        lines: form.lines,
        most,
        run: &|trace_id, span_id| runs.find(trace_id, span_id),
        room: &mut room,
    };
    match (events::read(body, terms), no_room) {
        (Ok(batch), _) => Ok(Ok(batch)),
        (Err(Unread::Broken(rejection)), _) => Ok(Err(rejection)),
        (Err(Unread::TooMany(most)), _) => {
            let message = format!("the request holds more than {most} events");
            Err(Failure::TooMany { reason: "too_many_items", message })
        }
        (Err(Unread::NoRoom), Some(no_room)) => Err(no_room.into()),
        (Err(Unread::NoRoom), None) => Err(Failure::Internal),
    }
}

/// What became of the events of a request.
struct Outcome {
    batch: Batch,
    accepted: usize,
    rejected: Vec<Rejection>,
    rejected_count: usize,
    /// When what could not be kept may come again.
    retry_after_seconds: Option<u32>,
}

impl Outcome {
    fn of(mut batch: Batch) -> Self {
        let rejected = std::mem::take(&mut batch.rejected);
        let rejected_count = batch.rejected_count;
        Self { batch, accepted: 0, rejected, rejected_count, retry_after_seconds: None }
    }

    /// Hands the events to the pipeline, records first, so that a run is begun before it ends.
    async fn keep<P: Ingest>(
        mut self,
        shared: &Shared<P>,
        hold: Reservation,
    ) -> Result<Self, Failure> {
        if self.rejected_count > 0 {
            let count = u32::try_from(self.rejected_count).unwrap_or(u32::MAX);
            shared.options.observer.left_out(Signal::Logs, "invalid_event", count);
        }
        let hold = Arc::new(hold);
        let mut refused = None;
        let logs = (std::mem::take(&mut self.batch.logs), std::mem::take(&mut self.batch.records));
        let traces =
            (std::mem::take(&mut self.batch.traces), std::mem::take(&mut self.batch.spans));
        for (signal, (body, places)) in [(Signal::Logs, logs), (Signal::Traces, traces)] {
            if places.is_empty() {
                continue;
            }
            let items = u32::try_from(places.len()).unwrap_or(u32::MAX);
            let pipeline = Arc::clone(&shared.pipeline);
            let share = Box::new(Arc::clone(&hold));
            match pipeline.ingest(signal, body.into(), items, share).await {
                Ok(accepted) => self.kept(signal, &places, &accepted, shared),
                Err(refusal) => {
                    let failure = Failure::from(refusal);
                    self.refused(&places, &failure);
                    refused = Some(failure);
                }
            }
        }
        match refused {
            // As a whole, so that every client knows what to do: nothing of it was taken.
            Some(failure) if self.accepted == 0 => Err(failure),
            _ => Ok(self),
        }
    }

    fn kept<P>(&mut self, signal: Signal, places: &[u32], accepted: &Accepted, shared: &Shared<P>) {
        let lost = usize::try_from(accepted.rejected).unwrap_or(usize::MAX).min(places.len());
        self.accepted += places.len() - lost;
        self.rejected_count += lost;
        if lost > 0 && self.rejected.len() < limits::EVENTS_REJECTED_NAMED {
            // Which ones the pipeline does not say; that it rejects what was checked here is a
            // defect, and no event is called accepted for it.
            let reason = accepted.message.as_deref().unwrap_or("rejected");
            self.rejected.push(Rejection::unnamed(reason));
        }
        if signal == Signal::Logs {
            let begun = std::mem::take(&mut self.batch.begun);
            let begun = begun.into_iter().map(|(_, trace, span, begun)| ((trace, span), begun));
            shared.options.runs.announce(begun);
        }
    }

    fn refused(&mut self, places: &[u32], failure: &Failure) {
        self.retry_after_seconds = failure.retry_after_seconds();
        self.rejected_count += places.len();
        for place in places {
            if self.rejected.len() >= limits::EVENTS_REJECTED_NAMED {
                return;
            }
            let again = failure.again();
            self.rejected.push(Rejection::refused(*place as usize, &failure.message(), again));
        }
    }

    fn response(mut self) -> Response<Answer> {
        self.rejected.sort_by_key(|rejection| rejection.index);
        let status = match (self.accepted, self.rejected_count) {
            (_, 0) => StatusCode::OK,
            (0, _) if self.retry_after_seconds.is_none() => StatusCode::BAD_REQUEST,
            // What was taken must not come again, so this is a success with exceptions.
            _ => StatusCode::MULTI_STATUS,
        };
        let mut body = json!({"accepted": self.accepted, "rejected": self.rejected});
        if self.rejected_count > self.rejected.len() {
            body["rejected_count"] = self.rejected_count.into();
        }
        let mut response = response(status, &body);
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}

fn response(status: StatusCode, body: &serde_json::Value) -> Response<Answer> {
    let mut response = Response::new(Answer::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn refusal(failure: &Failure, version: Version) -> Response<Answer> {
    let body = json!({"accepted": 0, "rejected": [], "error": failure.message()});
    let mut response = response(failure.status(), &body);
    headers_of(failure, version, response.headers_mut());
    response
}
