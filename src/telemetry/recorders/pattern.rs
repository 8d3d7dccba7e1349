//! One execution of an orchestration pattern.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// An execution of a pattern, under way.
pub type PatternExecution = Guard<Execution>;

/// What is known of it.
#[derive(Debug)]
pub struct Execution {
    pattern: Box<str>,
}

/// Begins an execution of an orchestration pattern.
pub fn pattern_execution(pattern_id: &str) -> PatternExecution {
    let context = Context::current();
    let span = work_span!("internal", "pattern", format!("pattern {pattern_id}"), context, {
        "pharos.event.type" = "pattern_execution",
        "pharos.pattern.id" = pattern_id,
    });
    Guard::begin(Execution { pattern: pattern_id.into() }, span, context)
}

impl Kind for Execution {
    fn end(&mut self, ended: &Ended<'_>) {
        ended.count(&catalog::PATTERN_EXECUTIONS, &[&self.pattern, ended.status()], 1);
        ended.observe(&catalog::PATTERN_EXECUTION_DURATION, &[&self.pattern], ended.seconds);
    }
}
