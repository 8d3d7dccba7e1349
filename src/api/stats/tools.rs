//! `/api/tools/stats`: which tools were called, how often they failed and how long they took.

use super::groups::Groups;
use super::{Answer, Doings, Figures, Question};
use crate::api::Shared;
use crate::api::error::ApiError;
use crate::storage::query::{Fields, SpanRow};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// One tool.
#[derive(Debug, Serialize)]
struct Tool {
    tool: String,
    #[serde(flatten)]
    figures: Figures,
}

/// `GET /api/tools/stats`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let mut question = Question::read(query.as_deref())?;
    question.filters.operation = Some("execute_tool".to_owned());
    let fields = Fields::TOOL | Fields::FAILURE;
    let (groups, incomplete) = question.groups(&api, fields, take).await?;
    let (tools, other) = groups.ranked(question.limit);
    let tool = |(tool, doings): (String, Doings)| Tool { tool, figures: doings.into() };
    let other = other.map(|doings| tool(("other".to_owned(), doings)));
    let groups = tools.into_iter().map(tool).collect();
    Ok(Json(Answer { window: question.window, groups, other, incomplete }).into_response())
}

fn take(groups: &mut Groups<Doings>, row: &SpanRow<'_>) {
    if let Some(tool) = row.tool {
        groups.of(tool).add(row);
    }
}
