//! `/api/investigate/{trace_id}`: what happened in a run, what it cost and what went wrong.
//!
//! [`run`] makes a tree of the trace's spans; [`failure`], [`critical_path`], [`accounts`],
//! [`repeats`], [`prompts`] and [`loops`] each answer one question about it, [`compare`] looks at
//! earlier runs of the same workflow; [`digest`] writes the answer, within a bound if one is
//! given. No model is asked: the same trace, among the same earlier ones, gives the same answer.

mod accounts;
mod compare;
mod critical_path;
mod digest;
mod failure;
mod fit;
#[cfg(test)]
mod fixture;
mod loops;
mod prompts;
mod repeats;
mod run;

use super::error::ApiError;
use super::parameters::Parameters;
use super::{Shared, json_answer, trace};
use crate::limits;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use compare::{Earlier, Workflow};

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &["max_tokens"];

/// The largest bound: beyond it nothing would be left out.
const MOST_TOKENS: usize = 100_000_000;

/// `GET /api/investigate/{trace_id}`.
pub(super) async fn answer(
    State(api): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let bounds = limits::INVESTIGATE_MIN_TOKENS..=MOST_TOKENS;
    let max_tokens = parameters.number("max_tokens", bounds)?;
    let understand = api.handles.understand.clone();
    let debug = api.handles.debug.clone();
    let store = api.handles.store.clone();
    let body = trace::with_trace(&api, &id, move |trace| {
        let events = debug.of_trace(trace.id, limits::DEBUG_TRACE_EVENTS);
        let earlier = |workflow: &Workflow| {
            Earlier::read(&*store, workflow).unwrap_or_else(|error| {
                tracing::warn!(%error, "Earlier runs could not be read to compare with.");
                None
            })
        };
        digest::digest(trace, &understand, max_tokens, &events, earlier).into_bytes()
    });
    Ok(json_answer(body.await?))
}
