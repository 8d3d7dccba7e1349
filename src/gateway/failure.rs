//! What can go wrong between caller and upstream, and how the caller is told: in the words of the
//! API that it speaks, with a reason and without a URL or a secret.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::options::Kind;
use super::passing::Passing;
use crate::limits;
use crate::model::{Exhausted, Why};

/// Why a call did not end as it should have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// The host is not one that this Pharos answers to.
    Host,
    /// No key of Pharos, or none that may.
    Key,
    /// The path is none that can be passed on.
    Path,
    /// The request body is larger than it may be.
    RequestTooLarge(u64),
    /// The request body did not come.
    RequestTimeout,
    /// The caller went away.
    CallerLeft,
    /// A budget is used up.
    Budget(Box<Exhausted>, u64),
    /// Too many request bodies are held.
    Overloaded,
    /// Pharos has not yet counted again what was in its log.
    Starting,
    /// Pharos stops.
    Stopping,
    /// No connection: refused, unreachable, an unknown name.
    Connect,
    /// The connection took too long.
    ConnectTimeout,
    /// The certificate or the handshake.
    Tls,
    /// The head of the answer took too long.
    FirstByteTimeout,
    /// The answer paused too long.
    Idle,
    /// The connection broke, before or within the answer.
    Reset,
    /// What came is not HTTP.
    Garbage,
    /// The answer is larger than it may be.
    ResponseTooLarge(u64),
}

impl Failure {
    /// Every name that [`Failure::name`] gives.
    pub(super) const NAMES: [&'static str; 18] = [
        "bad_path",
        "budget_exceeded",
        "client_disconnected",
        "connect_failed",
        "connect_timeout",
        "first_byte_timeout",
        "host_refused",
        "idle_timeout",
        "invalid_answer",
        "overloaded",
        "request_timeout",
        "request_too_large",
        "response_too_large",
        "starting",
        "stopping",
        "tls_failed",
        "unauthenticated",
        "upstream_reset",
    ];

    /// The name in metrics, in `error.type` and in the answer's `code`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Host => "host_refused",
            Self::Key => "unauthenticated",
            Self::Path => "bad_path",
            Self::RequestTooLarge(_) => "request_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::CallerLeft => "client_disconnected",
            Self::Budget(..) => "budget_exceeded",
            Self::Overloaded => "overloaded",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Connect => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls_failed",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::Idle => "idle_timeout",
            Self::Reset => "upstream_reset",
            Self::Garbage => "invalid_answer",
            Self::ResponseTooLarge(_) => "response_too_large",
        }
    }

    /// The status that the caller gets, or, of one that left, what is counted.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Host | Self::Path => StatusCode::BAD_REQUEST,
            Self::Key => StatusCode::UNAUTHORIZED,
            Self::RequestTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::CallerLeft => CALLER_LEFT.try_into().unwrap_or(StatusCode::BAD_REQUEST),
            Self::Budget(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::Starting | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::FirstByteTimeout | Self::Idle => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::Connect | Self::Tls | Self::Reset | Self::Garbage | Self::ResponseTooLarge(_) => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// Whether the provider has seen nothing of the call.
    pub(super) fn is_before_the_upstream(&self) -> bool {
        !matches!(
            self,
            Self::CallerLeft
                | Self::FirstByteTimeout
                | Self::Idle
                | Self::Reset
                | Self::Garbage
                | Self::ResponseTooLarge(_)
        )
    }

    /// What an error of the client library is, by its causes and never by its text.
    pub(super) fn of(error: &hyper_util::client::legacy::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        let mut timed_out = false;
        while let Some(each) = cause {
            if each.is::<rustls::Error>() {
                return Self::Tls;
            }
            if let Some(own) = each.downcast_ref::<TooLong>() {
                return Self::RequestTooLarge(own.0);
            }
            if let Some(http) = each.downcast_ref::<hyper::Error>()
                && (http.is_parse() || http.is_parse_too_large())
            {
                return Self::Garbage;
            }
            if let Some(system) = each.downcast_ref::<io::Error>() {
                timed_out |= system.kind() == io::ErrorKind::TimedOut;
                let inner = system.get_ref().map(|inner| inner as &(dyn Error + 'static));
                cause = inner.or_else(|| each.source());
            } else {
                cause = each.source();
            }
        }
        match (error.is_connect(), timed_out) {
            (true, true) => Self::ConnectTimeout,
            (true, false) => Self::Connect,
            (false, _) => Self::Reset,
        }
    }

    /// The sentence for the caller.
    fn message(&self, upstream: &str) -> String {
        match self {
            Self::Host => "This host name is not one that Pharos answers to.".to_owned(),
            Self::Key => "The gateway needs a key of Pharos in the header X-Pharos-Key.".to_owned(),
            Self::Path => "The path must not climb out of the upstream's.".to_owned(),
            Self::RequestTooLarge(most) => {
                format!("The request is larger than {most} bytes, which '{upstream}' may get.")
            }
            Self::RequestTimeout => "The request's body did not come in time.".to_owned(),
            Self::CallerLeft => "The caller went away.".to_owned(),
            Self::Budget(spent, _) if spent.why == Why::Unpriced => format!(
                "The {} {} budget of {} pays for no call without a known price, and none is \
                 known for this model.",
                spent.period,
                unit(spent.unit),
                spent.budget,
            ),
            Self::Budget(spent, _) => format!(
                "The {} {} budget of {} is used up: {} of {}. It begins again at {}.",
                spent.period,
                unit(spent.unit),
                spent.budget,
                amount(spent.used, spent.unit),
                amount(spent.limit, spent.unit),
                moment(spent.resets_at_ns),
            ),
            Self::Overloaded => "The gateway holds too many requests at the moment.".to_owned(),
            Self::Starting => "Pharos is still counting what its log holds.".to_owned(),
            Self::Stopping => "The gateway is stopping.".to_owned(),
            Self::Connect => format!("The upstream '{upstream}' cannot be reached."),
            Self::ConnectTimeout => {
                format!("The upstream '{upstream}' took no connection in time.")
            }
            Self::Tls => format!("No secure connection to the upstream '{upstream}' came about."),
            Self::FirstByteTimeout => format!("The upstream '{upstream}' did not answer in time."),
            Self::Idle => format!("The upstream '{upstream}' stopped answering."),
            Self::Reset => format!("The upstream '{upstream}' broke the connection."),
            Self::Garbage => format!("The upstream '{upstream}' did not answer in HTTP."),
            Self::ResponseTooLarge(most) => {
                format!("The answer of '{upstream}' is larger than {most} bytes.")
            }
        }
    }

    /// The answer, as the API that the caller speaks tells of errors.
    pub(super) fn answer(&self, kind: Kind, upstream: &str) -> Response<Passing> {
        let message = self.message(upstream);
        let mut error = match kind {
            Kind::Anthropic => serde_json::json!({ "type": self.name(), "message": message }),
            Kind::OpenAi | Kind::Other => serde_json::json!({
                "message": message, "type": "pharos_gateway", "param": null, "code": self.name(),
            }),
        };
        if let Self::Budget(spent, _) = self {
            error["budget"] = spent.budget.as_str().into();
            error["period"] = spent.period.into();
            error["unit"] = spent.unit.into();
            error["used"] = spent.used.into();
            error["limit"] = spent.limit.into();
            error["resets_at"] = moment(spent.resets_at_ns).into();
        }
        let body = match kind {
            Kind::Anthropic => serde_json::json!({ "type": "error", "error": error }),
            Kind::OpenAi | Kind::Other => serde_json::json!({ "error": error }),
        };
        let mut response = Response::new(Passing::of(Bytes::from(body.to_string())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Budget(spent, seconds) => {
                headers.insert(RETRY_AFTER, (*seconds).into());
                // The SDKs would try again at once, which no budget comes back by.
                headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
                let budget = format!("{}; {}; {}", spent.budget, spent.period, spent.unit);
                if let Ok(budget) = HeaderValue::from_str(&budget) {
                    headers.insert(BUDGET, budget);
                }
            }
            Self::Overloaded | Self::Starting | Self::Stopping => {
                headers.insert(RETRY_AFTER, limits::OVERLOAD_RETRY_SECONDS.into());
            }
            _ => {}
        }
        response
    }
}

/// The status of a call whose caller left, as proxies write it.
pub(super) const CALLER_LEFT: u16 = 499;
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const BUDGET: HeaderName = HeaderName::from_static("x-pharos-budget");

/// A request body that turned out to be longer than it may be, as an error on its way through
/// the client library.
#[derive(Debug, thiserror::Error)]
#[error("the request body is longer than {0} bytes")]
pub(super) struct TooLong(pub(super) u64);

/// A failure that ends an answer that has begun.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off: {0}")]
pub struct BrokenOff(pub(super) &'static str);

fn unit(unit: &str) -> &str {
    if unit == "usd" { "cost" } else { "token" }
}

fn amount(number: f64, unit: &str) -> String {
    if unit == "usd" { format!("${number:.2}") } else { format!("{number:.0} tokens") }
}

fn moment(ns: u64) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn told(failure: &Failure, kind: Kind) -> (Response<()>, serde_json::Value) {
        let (parts, body) = failure.answer(kind, "main").into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn errors_have_the_shape_of_the_callers_api() {
        let (response, body) = told(&Failure::Connect, Kind::OpenAi).await;
        assert_eq!(response.status(), 502);
        assert_eq!(body["error"]["code"], "connect_failed");
        assert_eq!(body["error"]["type"], "pharos_gateway");
        let (_, body) = told(&Failure::Idle, Kind::Anthropic).await;
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&"error".into(), &"idle_timeout".into())
        );
    }

    #[tokio::test]
    async fn a_budget_is_told_so_that_an_agent_can_read_it() {
        let spent = Exhausted {
            why: Why::UsedUp,
            budget: "tenant acme".to_owned(),
            period: "daily",
            unit: "usd",
            limit: 5.0,
            used: 5.25,
            resets_at_ns: 1_700_000_000_000_000_000,
        };
        let (response, body) = told(&Failure::Budget(spent.clone().into(), 90), Kind::OpenAi).await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "90");
        assert_eq!(response.headers()["x-should-retry"], "false");
        assert_eq!(response.headers()["x-pharos-budget"], "tenant acme; daily; usd");
        let error = &body["error"];
        assert_eq!(error["resets_at"], "2023-11-14T22:13:20Z");
        assert_eq!((error["used"].as_f64(), error["limit"].as_f64()), (Some(5.25), Some(5.0)));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("daily cost budget of tenant acme is used up"), "{message}");
        let unpriced = Exhausted { why: Why::Unpriced, ..spent };
        let (_, body) = told(&Failure::Budget(unpriced.into(), 90), Kind::OpenAi).await;
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("no call without a known price"), "{message}");
    }

    #[test]
    fn every_failure_has_a_name_of_the_list() {
        let all = [
            Failure::Host,
            Failure::Key,
            Failure::Path,
            Failure::RequestTooLarge(1),
            Failure::RequestTimeout,
            Failure::CallerLeft,
            Failure::Overloaded,
            Failure::Starting,
            Failure::Stopping,
            Failure::Connect,
            Failure::ConnectTimeout,
            Failure::Tls,
            Failure::FirstByteTimeout,
            Failure::Idle,
            Failure::Reset,
            Failure::Garbage,
            Failure::ResponseTooLarge(1),
        ];
        assert!(all.iter().all(|failure| Failure::NAMES.contains(&failure.name())));
        assert_eq!(Failure::CallerLeft.status().as_u16(), 499);
    }
}
