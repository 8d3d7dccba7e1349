//! One execution of a tool.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// An execution of a tool, under way.
pub type ToolCall = Guard<Tool>;

/// What is known of it.
#[derive(Debug)]
pub struct Tool {
    name: Box<str>,
}

/// Begins an execution of a tool.
///
/// ```
/// use pharos::telemetry;
///
/// # async fn search(query: &str) -> Result<u32, std::fmt::Error> { Ok(3) }
/// # async fn work() -> Result<(), std::fmt::Error> {
/// let hits = telemetry::tool_call("search").run(search("lighthouse")).await?;
/// # Ok(()) }
/// ```
pub fn tool_call(name: &str) -> ToolCall {
    let context = Context::current();
    let span = work_span!("internal", "execute_tool", format!("execute_tool {name}"), context, {
        "gen_ai.operation.name" = "execute_tool",
        "gen_ai.tool.name" = name,
        "gen_ai.tool.call.id" = tracing::field::Empty,
        "gen_ai.tool.call.arguments" = tracing::field::Empty,
    });
    Guard::begin(Tool { name: name.into() }, span, context)
}

impl ToolCall {
    /// The model's id of the call.
    pub fn id(&mut self, id: &str) -> &mut Self {
        self.span.record("gen_ai.tool.call.id", id);
        self
    }

    /// The arguments as JSON text, which make loops visible. They leave the process: Pharos
    /// redacts them, another collector may not.
    pub fn arguments(&mut self, json: &str) -> &mut Self {
        self.span.record("gen_ai.tool.call.arguments", json);
        self
    }
}

impl Kind for Tool {
    fn end(&mut self, ended: &Ended<'_>) {
        let success = if ended.failed { "false" } else { "true" };
        ended.count(&catalog::TOOL_CALLS, &[&self.name, success], 1);
        ended.observe(&catalog::TOOL_DURATION, &[&self.name], ended.seconds);
        if let Some(agent) = ended.agent() {
            ended.count(&catalog::AGENT_STEPS, &[agent], 1);
        }
    }
}
