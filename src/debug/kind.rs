//! The kinds of debug events.

/// What a debug event tells of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
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

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Request,
        Self::History,
        Self::Plan,
        Self::ToolCall,
        Self::SkillStep,
        Self::Supervisor,
        Self::CompletionPrompt,
        Self::CompletionResponse,
    ];

    /// The `event_type` in files, answers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::History => "history",
            Self::Plan => "plan",
            Self::ToolCall => "tool_call",
            Self::SkillStep => "skill_step",
            Self::Supervisor => "supervisor",
            Self::CompletionPrompt => "completion_prompt",
            Self::CompletionResponse => "completion_response",
        }
    }

    /// The `event_name` of the log record that is sent onward.
    pub fn record_name(self) -> String {
        format!("pharos.debug.{}", self.name())
    }

    /// The kind of an `event_type`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that an attribute, span event or log record called `debug.<event_type>` has.
    /// Names that Pharos itself gives (`pharos.debug.…`) are none of these, so that what it
    /// writes causes nothing further.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::from_name(key.strip_prefix("debug.")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_own_records_are_no_source() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
            assert_eq!(EventKind::from_key(&format!("debug.{}", kind.name())), Some(kind));
            assert_eq!(EventKind::from_key(&kind.record_name()), None);
        }
        for foreign in ["", "debug.", "debug.debug.plan", "plan", "debug.Plan", "debug.secret"] {
            assert_eq!(EventKind::from_key(foreign), None, "{foreign}");
        }
    }
}
