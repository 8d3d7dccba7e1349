//! `/api/requests/stats`: the HTTP requests that apps served, by method, route and status class.

use super::groups::Groups;
use super::{Answer, Doings, Figures, Question};
use crate::api::error::ApiError;
use crate::api::{Shared, UNMATCHED};
use crate::storage::query::{Fields, SpanRow};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Requests of one kind.
#[derive(Debug, Serialize)]
struct Requests {
    method: String,
    /// The template; `unmatched` where there is none.
    route: String,
    /// `1xx` to `5xx`; `none` where no answer was sent.
    status_class: String,
    #[serde(flatten)]
    figures: Figures,
}

/// `GET /api/requests/stats`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let mut question = Question::read(query.as_deref())?;
    question.filters.operation = Some("http.server".to_owned());
    let fields = Fields::HTTP | Fields::FAILURE;
    let (groups, incomplete) = question.groups(&api, fields, take).await?;
    let (requests, other) = groups.ranked(question.limit);
    let groups = requests.into_iter().map(|(name, doings)| requests_of(&name, doings)).collect();
    let other = other.map(|doings| requests_of("other other other", doings));
    Ok(Json(Answer { window: question.window, groups, other, incomplete }).into_response())
}

fn take(groups: &mut Groups<Doings>, row: &SpanRow<'_>) {
    let class = match row.http_status {
        Some(status @ 100..600) => {
            ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status / 100) - 1]
        }
        _ => "none",
    };
    // A method has no space in it, and the route comes last.
    let method = row.http_method.unwrap_or("_OTHER");
    let route = row.http_route.unwrap_or(UNMATCHED);
    groups.of(&format!("{method} {class} {route}")).add(row);
}

/// The parts of a group's name, and its figures.
fn requests_of(name: &str, doings: Doings) -> Requests {
    let mut parts = name.splitn(3, ' ').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let (method, status_class, route) = (part(), part(), part());
    Requests { method, route, status_class, figures: doings.into() }
}
