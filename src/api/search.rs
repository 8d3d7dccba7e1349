//! `/api/traces/search`: runs by what one of their spans did, newest first, a page at a time.

use super::error::ApiError;
use super::moment::{self, milliseconds, rfc3339};
use super::parameters::Parameters;
use super::span_view::Id;
use super::{Shared, parameters};
use crate::limits;
use crate::model::{Operation, Status, TraceId};
use crate::storage::query::{Budget, Filters, QueryError, SearchPage, SearchQuery, TraceSummary};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &[
    "service",
    "name",
    "status",
    "operation",
    "min_duration_ms",
    "max_duration_ms",
    "model",
    "tool",
    "agent",
    "tenant",
    "conversation",
    "attr",
    "text",
    "from",
    "to",
    "limit",
    "cursor",
];

/// The longest duration that can be asked for; all of OTLP's fit.
const LONGEST_MS: f64 = 1.8e13;

#[derive(Debug, Serialize)]
struct Page {
    traces: Vec<Trace>,
    next: Option<String>,
    /// Whether something that matches may be missing, because a bound was reached or a part of
    /// the log could not be read.
    incomplete: bool,
}

/// One trace in a list.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    trace_id: Id<TraceId>,
    name: String,
    service: String,
    operation: &'static str,
    start_time: String,
    duration_ms: f64,
    status: &'static str,
    span_count: u64,
    error_count: u64,
    llm_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    models: Vec<String>,
    services: Vec<String>,
    tenant: Option<String>,
    conversation: Option<String>,
    /// Whether the figures are too small, because the trace is too large to be looked at whole.
    truncated: bool,
}

/// `GET /api/traces/search`.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = read(&Parameters::of(query.as_deref(), PARAMETERS)?)?;
    let SearchPage { traces, next, incomplete, .. } = run(&api, query).await?;
    let traces = traces.into_iter().map(Trace::from).collect();
    Ok(Json(Page { traces, next, incomplete }).into_response())
}

/// Searches within the bounds of the API.
pub(super) async fn run(api: &Shared, query: SearchQuery) -> Result<SearchPage, ApiError> {
    let store = api.handles.store.clone();
    let search = api.searches.run(move |cancelled| {
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        store.search(&query, budget)
    });
    search.await?.map_err(ApiError::from)
}

fn read(parameters: &Parameters) -> Result<SearchQuery, ApiError> {
    let text = |name| -> Result<Option<String>, ApiError> {
        Ok(parameters.text(name)?.map(str::to_owned))
    };
    let nanoseconds = |name| -> Result<Option<u64>, ApiError> {
        let found = parameters.number(name, 0.0..=LONGEST_MS)?;
        Ok(found.map(|milliseconds| (milliseconds * 1e6) as u64))
    };
    let filters = Filters {
        service: text("service")?,
        name: text("name")?,
        status: status(parameters)?,
        operation: operation(parameters)?,
        min_duration_ns: nanoseconds("min_duration_ms")?,
        max_duration_ns: nanoseconds("max_duration_ms")?,
        model: text("model")?,
        tool: text("tool")?,
        agent: text("agent")?,
        tenant: text("tenant")?,
        conversation: text("conversation")?,
        attributes: attributes(parameters)?,
        text: free_text(parameters)?,
        from_ns: time(parameters, "from")?,
        to_ns: time(parameters, "to")?,
    };
    time_range(filters.from_ns, filters.to_ns)?;
    if inverted(filters.min_duration_ns, filters.max_duration_ns) {
        let message = "min_duration_ms is greater than max_duration_ms.";
        return Err(ApiError::parameter("min_duration_ms", message));
    }
    let limit = parameters.number("limit", 1..=limits::SEARCH_PAGE_TRACES)?;
    Ok(SearchQuery { filters, limit, cursor: text("cursor")? })
}

fn inverted(least: Option<u64>, most: Option<u64>) -> bool {
    least.zip(most).is_some_and(|(least, most)| least > most)
}

/// Refuses a range that holds no time.
pub(super) fn time_range(from: Option<u64>, to: Option<u64>) -> Result<(), ApiError> {
    let mistake = inverted(from, to);
    if mistake { Err(ApiError::parameter("from", "from is later than to.")) } else { Ok(()) }
}

fn status(parameters: &Parameters) -> Result<Option<Status>, ApiError> {
    let Some(text) = parameters.text("status")? else { return Ok(None) };
    let known = [Status::Ok, Status::Error, Status::Unset];
    let found = known.into_iter().find(|status| status.name().eq_ignore_ascii_case(text));
    let message = "status is ok, error or unset.";
    found.map(Some).ok_or_else(|| ApiError::parameter("status", message))
}

fn operation(parameters: &Parameters) -> Result<Option<String>, ApiError> {
    let Some(text) = parameters.text("operation")? else { return Ok(None) };
    // `llm` is a call of a model of any kind.
    let known: Vec<&str> = std::iter::once("llm").chain(Operation::NAMES).collect();
    if known.contains(&text) {
        return Ok(Some(text.to_owned()));
    }
    let message = match parameters::nearest(text, &known) {
        Some(nearest) => {
            let known = known.join(", ");
            format!("There is no such operation: try {nearest}. Known are {known}.")
        }
        None => format!("There is no such operation. Known are {}.", known.join(", ")),
    };
    Err(ApiError::parameter("operation", message))
}

/// The attributes that are asked for.
pub(super) fn attributes(parameters: &Parameters) -> Result<Vec<(String, String)>, ApiError> {
    let pairs = parameters.all("attr").map(|text| {
        let (key, value) = text.split_once(':').filter(|(key, _)| !key.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    });
    let pairs: Option<Vec<_>> = pairs.collect();
    let pairs = pairs.ok_or_else(|| ApiError::parameter("attr", "attr is key:value."))?;
    if pairs.len() > limits::SEARCH_ATTRIBUTES {
        let most = limits::SEARCH_ATTRIBUTES;
        return Err(ApiError::parameter("attr", format!("attr may be given {most} times.")));
    }
    Ok(pairs)
}

/// The free text that is looked for. Given without a value it is a mistake, unlike other
/// parameters: a form that leaves it empty would find everything.
pub(super) fn free_text(parameters: &Parameters) -> Result<Option<String>, ApiError> {
    if parameters.is_given_empty("text") {
        let message = "text is what to look for; leave it out to look for anything.";
        return Err(ApiError::parameter("text", message));
    }
    Ok(parameters.text("text")?.map(str::to_owned))
}

/// A moment, in nanoseconds since the Unix epoch.
pub(super) fn time(parameters: &Parameters, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = parameters.text(name)? else { return Ok(None) };
    let message = || {
        format!(
            "{name} is a time: RFC 3339 with a zone (2026-11-21T08:20:27Z), or Unix seconds, \
             milliseconds, microseconds or nanoseconds."
        )
    };
    moment::parse(text).map(Some).ok_or_else(|| ApiError::parameter(name, message()))
}

impl From<TraceSummary> for Trace {
    fn from(summary: TraceSummary) -> Self {
        Self {
            trace_id: Id(summary.trace_id),
            start_time: rfc3339(summary.start_ns),
            duration_ms: milliseconds(summary.duration_ns()),
            name: summary.name,
            service: summary.service,
            operation: summary.operation,
            status: summary.status.name(),
            span_count: summary.span_count,
            error_count: summary.error_count,
            llm_calls: summary.llm_calls,
            input_tokens: summary.input_tokens,
            output_tokens: summary.output_tokens,
            models: summary.models,
            services: summary.services,
            tenant: summary.tenant,
            conversation: summary.conversation,
            truncated: summary.truncated,
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Cursor(error) => {
                Self::parameter("cursor", format!("The cursor cannot be used: {error}."))
            }
            QueryError::Read(error) => Self::internal(error),
            QueryError::ClickHouse(error) => {
                Self::StoreUnavailable(format!("ClickHouse: {}", error.reason().replace('_', " ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<SearchQuery, ApiError> {
        read(&Parameters::of(Some(text), PARAMETERS)?)
    }

    #[test]
    fn every_parameter_reaches_the_query() {
        let text = "service=shop&name=chat%20gpt&status=error&operation=llm&min_duration_ms=1.5\
            &max_duration_ms=60000&model=gpt-4o&tool=search&agent=a&tenant=t&conversation=c\
            &attr=user.id:7&attr=url:http://x:80/&text=Time%20out&from=2026-11-21T00:00:00Z&to=1800000000&limit=7";
        let read = query(text).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = Filters {
            service: some("shop"),
            name: some("chat gpt"),
            status: Some(Status::Error),
            operation: some("llm"),
            min_duration_ns: Some(1_500_000),
            max_duration_ns: Some(60_000_000_000),
            model: some("gpt-4o"),
            tool: some("search"),
            agent: some("a"),
            tenant: some("t"),
            conversation: some("c"),
            attributes: vec![pair("user.id", "7"), pair("url", "http://x:80/")],
            text: some("Time out"),
            from_ns: Some(1_795_219_200_000_000_000),
            to_ns: Some(1_800_000_000_000_000_000),
        };
        assert_eq!(read.filters, expected);
        assert_eq!((read.limit, read.cursor), (Some(7), None));
        assert_eq!(query("").unwrap(), SearchQuery::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let many = "attr=a:b&".repeat(limits::SEARCH_ATTRIBUTES + 1);
        let long = format!("text={}", "a".repeat(limits::PARAMETER_BYTES + 1));
        for (bad, parameter, says) in [
            ("limit=0", "limit", "from 1 to 1000"),
            ("limit=1000000000", "limit", "from 1 to 1000"),
            ("limit=-1", "limit", "from 1 to 1000"),
            ("limit=ten", "limit", "from 1 to 1000"),
            ("limit=1&limit=2", "limit", "once"),
            ("status=failed", "status", "ok, error or unset"),
            ("operation=chta", "operation", "try chat"),
            ("operation=zzzzzzzzzzzzz", "operation", "Known are llm, chat"),
            ("min_duration_ms=NaN", "min_duration_ms", "a number from 0"),
            ("min_duration_ms=inf", "min_duration_ms", "a number from 0"),
            ("min_duration_ms=-1", "min_duration_ms", "a number from 0"),
            ("max_duration_ms=1e300", "max_duration_ms", "a number from 0"),
            ("min_duration_ms=2&max_duration_ms=1", "min_duration_ms", "greater"),
            ("from=2&to=1", "from", "later"),
            ("from=yesterday", "from", "RFC 3339"),
            ("to=2026-13-01T00:00:00Z", "to", "RFC 3339"),
            ("attr=novalue", "attr", "key:value"),
            ("attr=:value", "attr", "key:value"),
            (&many, "attr", "16 times"),
            ("text=", "text", "what to look for"),
            ("text=a&text=", "text", "what to look for"),
            (&long, "text", "At most 4096 bytes"),
            ("srevice=a", "srevice", "try service"),
            ("trace_id=1", "trace_id", "no parameter trace_id"),
            ("service=%00%ff&bogus", "bogus", "no parameter bogus"),
        ] {
            match query(bad).unwrap_err() {
                ApiError::Parameter { name, message } => {
                    assert_eq!(name, parameter, "{bad}");
                    assert!(message.contains(says), "{bad}: {message}");
                }
                other => panic!("{bad}: {other}"),
            }
        }
    }
}
