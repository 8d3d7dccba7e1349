//! `/api/skills/stats`: which skills were used, with what success, and what they took.
//!
//! A span is a step of a skill if it names one: `gen_ai.skill.name`, `skill.name`, `skill_name`
//! or `skill`. Where an app puts the name on several spans of one use, each is a step.

use super::groups::{Groups, Merge};
use super::{Answer, Doings, Figures, Question};
use crate::api::Shared;
use crate::api::error::ApiError;
use crate::api::money::Cost;
use crate::api::span_view::Tokens;
use crate::storage::query::{Fields, SpanRow};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// One skill in an answer.
#[derive(Debug, Serialize)]
struct Skill {
    skill: String,
    #[serde(flatten)]
    figures: Figures,
    llm_calls: u64,
    tokens: Tokens,
    cost: Cost,
}

/// The steps of one skill.
#[derive(Debug, Default)]
struct Steps {
    doings: Doings,
    llm_calls: u64,
    tokens: Tokens,
    cost: Cost,
}

impl Merge for Steps {
    fn merge(&mut self, other: Self) {
        self.doings.merge(other.doings);
        self.llm_calls += other.llm_calls;
        self.tokens.merge(other.tokens);
        self.cost.merge(other.cost);
    }

    fn size(&self) -> u64 {
        self.doings.size()
    }
}

/// `GET /api/skills/stats`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let question = Question::read(query.as_deref())?;
    let fields = Fields::AGENT | Fields::FAILURE | Fields::USAGE;
    let (groups, incomplete) = question.groups(&api, fields, take).await?;
    let (skills, other) = groups.ranked(question.limit);
    let skill = |(skill, steps): (String, Steps)| {
        let Steps { doings, llm_calls, tokens, cost } = steps;
        Skill { skill, figures: doings.into(), llm_calls, tokens, cost }
    };
    let other = other.map(|steps| skill(("other".to_owned(), steps)));
    let groups = skills.into_iter().map(skill).collect();
    Ok(Json(Answer { window: question.window, groups, other, incomplete }).into_response())
}

fn take(groups: &mut Groups<Steps>, row: &SpanRow<'_>) {
    let Some(skill) = row.skill else { return };
    let steps = groups.of(skill);
    steps.doings.add(row);
    steps.llm_calls += u64::from(row.counts);
    steps.tokens.add(row.usage);
    steps.cost.add_row(row);
}
