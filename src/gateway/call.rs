//! The way of one call: checked, read, paid for, sent, answered.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;

use super::asked;
use super::caller::Caller;
use super::dialect::Endpoint;
use super::exchange::Exchange;
use super::failure::Failure;
use super::headers;
use super::house::House;
use super::intake;
use super::outgoing::Outgoing;
use super::passing::Passing;
use super::patience::Patience;
use super::side::Side;
use super::span::Ids;
use super::upstream::Upstream;
use crate::api::traceparent;
use crate::model::{Ask, Leave, Usage};
use crate::{api, clock, limits};

/// What the caller is told when a budget is nearly used up.
const WARNING: HeaderName = HeaderName::from_static("x-pharos-budget-warning");

/// Answers one call. `path` is what stands behind the upstream's id.
pub(super) async fn answer(
    house: Arc<House>,
    upstream: Arc<Upstream>,
    request: Request<Incoming>,
    path: String,
) -> Response<Passing> {
    let kind = upstream.options.kind;
    let mut call = begin(house, upstream, &request, &path);
    let id = call.request_id.clone();
    let name = call.upstream.options.id.clone();
    let mut response = match pass(&mut call, request, &path).await {
        Ok((parts, body, warning)) => {
            let patience = body.1;
            let mut response =
                Response::from_parts(parts, Passing::upstream(body.0, call, patience));
            if let Some(warning) = warning {
                response.headers_mut().insert(WARNING, warning);
            }
            response
        }
        Err(failure) => {
            let response = failure.answer(kind, &name);
            // Settled before the caller hears of it.
            call.end = Some(Err(failure));
            drop(call);
            response
        }
    };
    headers::tell_request_id(response.headers_mut(), &id);
    response
}

fn begin(
    house: Arc<House>,
    upstream: Arc<Upstream>,
    request: &Request<Incoming>,
    path: &str,
) -> Exchange {
    let sent = request.headers();
    let active = house.neighbours.metrics.active(&upstream.options.id);
    active.increment(1.0);
    house.calls.begin();
    let request_id = HeaderValue::from_str(&api::request_id(sent));
    Exchange {
        begun_ns: clock::unix_nanos(),
        begun: clock::monotonic(),
        ids: Ids::below(traceparent::of(sent)),
        caller: Caller::of(sent),
        request_id: request_id.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
        method: known(request.method()),
        endpoint: Endpoint::of(upstream.options.kind, request.method(), path),
        asked: asked::Asked::default(),
        status: None,
        rate_limit_remaining: None,
        tried: false,
        sent: false,
        reserved: false,
        side: None,
        first_byte: None,
        answer_bytes: 0,
        end: None,
        active,
        house,
        upstream,
    }
}

/// The answer's head and body as the upstream sends them, and a warning for the caller.
type Passed = (http::response::Parts, (Incoming, Patience), Option<HeaderValue>);

async fn pass(
    call: &mut Exchange,
    request: Request<Incoming>,
    path: &str,
) -> Result<Passed, Failure> {
    admit(call, &request)?;
    let uri = call.upstream.uri(path, request.uri().query()).ok_or(Failure::Path)?;
    let (mut head, body) = request.into_parts();
    headers::upward(&mut head.headers);
    let body = outgoing(call, &mut head.headers, body).await?;
    let warning = reserve(call)?;
    head.headers.insert(HOST, call.upstream.host.clone());
    head.headers.insert(headers::REQUEST_ID, call.request_id.clone());
    if let Ok(parent) = HeaderValue::from_str(&call.ids.header()) {
        head.headers.insert(headers::TRACEPARENT, parent);
    }
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = head.headers;
    let (mut parts, body, mut patience) = send(call, request).await?;
    call.status = Some(parts.status.as_u16());
    call.rate_limit_remaining = headers::rate_limit_remaining(&parts.headers);
    let idle = call.upstream.options.idle_timeout;
    patience.renew(clock::monotonic(), idle, Failure::Idle);
    headers::end_to_end(&mut parts.headers);
    if call.endpoint.is_read() {
        let strip = call.asked.usage_added && parts.status.is_success();
        let capture = call.house.capture_content;
        let side = Side::new(call.endpoint, &parts.headers, strip, capture);
        if side.may_strip() {
            parts.headers.remove(CONTENT_LENGTH);
        }
        call.side = Some(side);
    }
    // The body's framing is our server's; HTTP/1.0 and HTTP/2 say it otherwise.
    parts.version = http::Version::HTTP_11;
    Ok((parts, (body, patience), warning))
}

/// Whether this caller may call now.
fn admit(call: &Exchange, request: &Request<Incoming>) -> Result<(), Failure> {
    let neighbours = &call.house.neighbours;
    if call.house.calls.is_stopping() {
        return Err(Failure::Stopping);
    }
    if !(neighbours.hosts)(request.uri(), request.headers()) {
        return Err(Failure::Host);
    }
    match &neighbours.keys {
        Some(may) if !may(request.headers()) => Err(Failure::Key),
        _ => Ok(()),
    }
}

/// The body that goes upstream. That of a call of a model is read first.
async fn outgoing(
    call: &mut Exchange,
    sent: &mut HeaderMap,
    body: Incoming,
) -> Result<Outgoing, Failure> {
    let most = call.upstream.options.request_bytes;
    // A packed body is none that could be read, or have anything added to it.
    if !call.endpoint.is_read() || sent.contains_key(CONTENT_ENCODING) || !is_json(sent) {
        let announced = http_body::Body::size_hint(&body).lower();
        if announced > most {
            return Err(Failure::RequestTooLarge(most));
        }
        return Ok(Outgoing::Passing { body, left: most, most });
    }
    let (body, room) = intake::whole(body, most, &call.house.room).await?;
    let ask = call.upstream.options.ask_usage;
    let read = asked::read(call.endpoint, body, ask, call.house.capture_content);
    call.asked = read.asked;
    if call.asked.usage_added {
        headers::plain_answer(sent);
    } else {
        headers::readable_codings(sent);
    }
    Ok(Outgoing::Held { pieces: read.body, _room: room })
}

fn is_json(sent: &HeaderMap) -> bool {
    let kind = sent.get(CONTENT_TYPE).map_or(&b"application/json"[..], HeaderValue::as_bytes);
    let name = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    name.eq_ignore_ascii_case(b"application/json")
}

/// Asks the budgets for what the call may use.
fn reserve(call: &mut Exchange) -> Result<Option<HeaderValue>, Failure> {
    let neighbours = &call.house.neighbours;
    let Some(spending) = &neighbours.spending else { return Ok(None) };
    if call.endpoint.operation().is_none() {
        return Ok(None);
    }
    if !(neighbours.caught_up)() {
        return Err(Failure::Starting);
    }
    let input = call.asked.text_bytes.div_ceil(limits::TOKEN_BYTES as u64);
    let output = match call.endpoint {
        Endpoint::Embeddings => 0,
        _ => call.asked.max_tokens.unwrap_or(call.house.output_tokens),
    };
    let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
    let model = call.asked.model.as_deref().unwrap_or("unknown");
    let pricing = neighbours.pricing.as_ref();
    let quote = pricing.map(|it| it.quote(&call.upstream.provider, model, usage, call.begun_ns));
    let ask = Ask {
        tenant: call.caller.tenant.as_deref(),
        team: call.caller.team.as_deref(),
        span: call.ids.span,
        tokens: input.saturating_add(output),
        usd: quote.and_then(|cost| cost.usd),
        now_ns: call.begun_ns,
    };
    match spending.reserve(&ask) {
        Ok(Leave { warning }) => {
            call.reserved = true;
            Ok(warning.and_then(|warning| HeaderValue::from_str(&warning).ok()))
        }
        Err(spent) => {
            let rest_ns = spent.resets_at_ns.saturating_sub(call.begun_ns);
            Err(Failure::Budget(Box::new(spent), rest_ns.div_ceil(1_000_000_000).max(1)))
        }
    }
}

/// Sends the request and waits for the head of the answer.
async fn send(
    call: &mut Exchange,
    request: Request<Outgoing>,
) -> Result<(http::response::Parts, Incoming, Patience), Failure> {
    let options = &call.upstream.options;
    let mut patience = Patience::new(options.first_byte_timeout, Failure::FirstByteTimeout);
    let mut answer = pin!(call.upstream.client.request(request));
    // From here on the upstream may have seen it.
    (call.tried, call.sent) = (true, true);
    let calls = &call.house.calls;
    let answered = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answered) => Poll::Ready(answered.map_err(|error| Failure::of(&error))),
        Poll::Pending => patience.poll(context, || calls.is_cut()).map(Err),
    });
    match answered.await {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            Ok((parts, body, patience))
        }
        Err(failure) => {
            call.sent = !failure.is_before_the_upstream();
            Err(failure)
        }
    }
}

/// Methods as labels.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}
