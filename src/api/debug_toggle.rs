//! `/api/debug/toggle`: whose debug events are written, and changing that.

use super::Shared;
use super::access::Caller;
use super::error::ApiError;
use super::moment::{parse, rfc3339};
use crate::debug::{Change, Scope, State as Toggle, Subject};
use crate::{clock, limits};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

/// What the toggle is.
#[derive(Debug, Serialize)]
pub(super) struct View {
    enabled: bool,
    scopes: Vec<ScopeView>,
    changed_at: Option<String>,
    changed_by: Option<String>,
    /// Whether a restart would find the same.
    persisted: bool,
    /// The file is damaged, so everything is off until the next change.
    damaged: bool,
}

#[derive(Debug, Serialize)]
struct ScopeView {
    tenant: Option<String>,
    agent: Option<String>,
    trace_id: Option<String>,
    since: String,
    expires_at: Option<String>,
    by: Option<String>,
}

/// A change, as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    enabled: bool,
    tenant: Option<String>,
    agent: Option<String>,
    trace_id: Option<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<serde_json::Value>,
}

/// `GET /api/debug/toggle`.
pub(super) async fn answer(State(api): State<Shared>) -> Json<View> {
    Json(View::of(&api.handles.debug.toggle.state(), clock::unix_nanos()))
}

/// `POST /api/debug/toggle`. Only JSON that says that it is JSON: a form of a foreign page, which
/// a browser sends without asking, does not.
pub(super) async fn change(
    State(api): State<Shared>,
    Extension(Caller(caller)): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<View>, ApiError> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = said.and_then(|said| said.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        let message = "Send the change as application/json.";
        return Err(ApiError::parameter("Content-Type", message));
    }
    if body.len() > limits::DEBUG_CHANGE_BYTES {
        let most = limits::DEBUG_CHANGE_BYTES;
        return Err(ApiError::parameter("", format!("A change has at most {most} bytes.")));
    }
    let order: Order = serde_json::from_slice(&body)
        .map_err(|error| ApiError::parameter("", format!("This is no change: {error}.")))?;
    let now_ns = clock::unix_nanos();
    let change = order.change(now_ns)?;
    let toggle = api.handles.debug.toggle.clone();
    let changed = super::blocking(move || toggle.change(change, caller.as_deref(), now_ns));
    let state = changed.await?.map_err(|error| ApiError::parameter("", format!("{error}.")))?;
    Ok(Json(View::of(&state, now_ns)))
}

impl View {
    fn of(state: &Toggle, now_ns: u64) -> Self {
        let scopes: Vec<_> = state.scopes.open(now_ns).map(ScopeView::of).collect();
        Self {
            enabled: !scopes.is_empty(),
            scopes,
            changed_at: state.changed_ns.map(rfc3339),
            changed_by: state.changed_by.clone(),
            persisted: state.persisted,
            damaged: state.damaged,
        }
    }
}

impl ScopeView {
    fn of(scope: &Scope) -> Self {
        let Scope { subject, since_ns, until_ns, by } = scope.clone();
        Self {
            tenant: subject.tenant,
            agent: subject.agent,
            trace_id: subject.trace_id.map(|id| id.to_string()),
            since: rfc3339(since_ns),
            expires_at: until_ns.map(rfc3339),
            by,
        }
    }
}

impl Order {
    fn change(self, now_ns: u64) -> Result<Change, ApiError> {
        let until_ns = self.until(now_ns)?;
        let trace_id = self.trace_id.as_deref().map(|text| {
            text.parse().map_err(|_| {
                let message = "trace_id is 32 hexadecimal digits, not all zero.";
                ApiError::parameter("trace_id", message)
            })
        });
        let subject = Subject {
            tenant: name("tenant", self.tenant)?,
            agent: name("agent", self.agent)?,
            trace_id: trace_id.transpose()?,
        };
        if self.enabled {
            return Ok(Change::On { subject, until_ns });
        }
        if until_ns.is_some() {
            let message = "What is switched off has no expiry.";
            return Err(ApiError::parameter("expires_at", message));
        }
        Ok(if subject.is_everybody() { Change::AllOff } else { Change::Off(subject) })
    }

    fn until(&self, now_ns: u64) -> Result<Option<u64>, ApiError> {
        let most = limits::DEBUG_EXPIRY_SECONDS;
        match (self.expires_in_seconds, &self.expires_at) {
            (None, None | Some(serde_json::Value::Null)) => Ok(None),
            (Some(_), Some(_)) => {
                let message = "Either expires_in_seconds or expires_at, not both.";
                Err(ApiError::parameter("expires_at", message))
            }
            (Some(seconds), None) => {
                if !(1..=most).contains(&seconds) {
                    let message = format!("expires_in_seconds is a number from 1 to {most}.");
                    return Err(ApiError::parameter("expires_in_seconds", message));
                }
                Ok(Some(now_ns.saturating_add(seconds * 1_000_000_000)))
            }
            (None, Some(at)) => {
                let text = at.as_str().map_or_else(|| at.to_string(), str::to_owned);
                let latest = now_ns.saturating_add(most * 1_000_000_000);
                let until = parse(&text).filter(|until| (now_ns + 1..=latest).contains(until));
                until.map(Some).ok_or_else(|| {
                    let message = format!(
                        "expires_at is a time ahead, at most {most} seconds away: RFC 3339 with a \
                         zone, or a Unix time."
                    );
                    ApiError::parameter("expires_at", message)
                })
            }
        }
    }
}

/// A name that is one.
fn name(key: &'static str, name: Option<String>) -> Result<Option<String>, ApiError> {
    let most = limits::DEBUG_NAME_BYTES;
    match name {
        Some(name) if name.is_empty() || name.len() > most => {
            Err(ApiError::parameter(key, format!("{key} has 1 to {most} bytes.")))
        }
        name => Ok(name),
    }
}
