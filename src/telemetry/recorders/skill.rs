//! One step of a skill.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// A step of a skill, under way.
pub type SkillStep = Guard<Step>;

/// What is known of it.
#[derive(Debug)]
pub struct Step {
    skill: Box<str>,
    outcome: Option<Box<str>>,
}

/// Begins a step of a skill.
pub fn skill_step(skill: &str) -> SkillStep {
    let context = Context::current();
    let span = work_span!("internal", "skill_step", format!("skill_step {skill}"), context, {
        "pharos.event.type" = "skill_step",
        "skill.name" = skill,
        "pharos.skill.outcome" = tracing::field::Empty,
    });
    Guard::begin(Step { skill: skill.into(), outcome: None }, span, context)
}

impl SkillStep {
    /// How it ended, in the app's own word, which stands in place of `success` and `error`.
    pub fn outcome(&mut self, outcome: &str) -> &mut Self {
        self.span.record("pharos.skill.outcome", outcome);
        self.kind.outcome = Some(outcome.into());
        self
    }
}

impl Kind for Step {
    fn end(&mut self, ended: &Ended<'_>) {
        let outcome = self.outcome.as_deref().filter(|outcome| !outcome.is_empty());
        let labels = [&*self.skill, outcome.unwrap_or(ended.status())];
        ended.count(&catalog::SKILL_STEPS, &labels, 1);
    }
}
