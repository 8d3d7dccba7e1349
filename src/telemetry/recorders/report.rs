//! What has no duration: budgets, spend, debug events, security events, errors.
//!
//! Each becomes a log record, which Pharos reads by its name. Those that a person should see are
//! on the app's own log too.

use crate::metrics::catalog;
use crate::telemetry::guard::error_class;
use crate::telemetry::{Context, meter};

/// What a debug event tells of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugKind {
    /// What a run was asked to do.
    Request,
    /// What had been said before, or around it.
    History,
    /// What an agent means to do.
    Plan,
    /// What a tool was called with, or what it answered.
    ToolCall,
    /// A step of a skill.
    SkillStep,
    /// A decision of the agent that directs others.
    Supervisor,
    /// What went to a model.
    CompletionPrompt,
    /// What a model answered.
    CompletionResponse,
}

/// Emits a log record under a name, with whose work it was.
macro_rules! report {
    ($level:ident, $name:literal, $target:literal, $message:literal,
     { $($key:literal = $value:expr),* $(,)? }) => {{
        let context = Context::current();
        tracing::$level!(
            name: $name,
            target: $target,
            {
                $($key = $value,)*
                "tenant.id" = context.tenant(),
                "user.id" = context.user(),
                "gen_ai.agent.name" = context.agent(),
                "gen_ai.conversation.id" = context.conversation(),
            },
            $message
        );
    }};
}

/// How a budget of tokens stands, in the app's own bookkeeping: for the current tenant and a
/// period (`daily`, `monthly`).
pub fn token_budget(period: &str, limit: u64, used: u64) {
    let whole = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    report!(info, "pharos.token_budget", "pharos::report", "A budget of tokens stands so.", {
        "pharos.budget.period" = period,
        "pharos.budget.limit_tokens" = whole(limit),
        "pharos.budget.used_tokens" = whole(used),
        "pharos.budget.remaining_tokens" = whole(limit.saturating_sub(used)),
    });
}

/// Money was spent that no call of a model carries: a search, a sandbox, a seat. `reason` is a
/// word for what it was spent on.
pub fn spend(usd: f64, reason: &str) {
    if !(usd.is_finite() && usd >= 0.0) {
        if let Some(meter) = meter::current() {
            meter.refuse_value();
        }
        return;
    }
    report!(info, "pharos.spend", "pharos::report", "Money was spent.", {
        "pharos.cost_usd" = usd,
        "pharos.spend.reason" = reason,
    });
}

/// Something that helps to look into a run, as text or JSON. It goes out over OTLP only, where
/// Pharos redacts it, and never into the app's own log.
pub fn debug_event(kind: DebugKind, content: &str) {
    /// One event for each kind, because a name is part of the place that emits it.
    macro_rules! emit {
        ($($kind:ident = $name:literal),*) => {
            match kind {
                $(DebugKind::$kind => {
                    report!(info, $name, "pharos::report", "A debug event.", {
                        "pharos.debug.content" = content,
                    });
                })*
            }
        };
    }
    emit!(
        Request = "pharos.debug.request",
        History = "pharos.debug.history",
        Plan = "pharos.debug.plan",
        ToolCall = "pharos.debug.tool_call",
        SkillStep = "pharos.debug.skill_step",
        Supervisor = "pharos.debug.supervisor",
        CompletionPrompt = "pharos.debug.completion_prompt",
        CompletionResponse = "pharos.debug.completion_response"
    );
}

/// Something happened that security wants to know: `failed_login`, `refused_key`. A warning on
/// the app's own log.
pub fn security_event(event: &str) {
    let class = error_class(event);
    if let Some(meter) = meter::current() {
        meter.count(&catalog::ERRORS, &[&format!("security.{class}")], 1);
    }
    report!(warn, "pharos.security", "pharos::security", "A security event.", {
        "pharos.security.event" = class,
    });
}

/// Something failed that has no recorder of its own; the class is a word, never a message.
pub fn error(class: &str) {
    let class = error_class(class);
    if let Some(meter) = meter::current() {
        meter.count(&catalog::ERRORS, &[class], 1);
    }
    report!(error, "pharos.error", "pharos::error", "Something failed.", {
        "error.type" = class,
    });
}
