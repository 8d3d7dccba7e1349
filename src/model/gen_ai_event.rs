//! What a log record says of a GenAI operation.

/// A GenAI message or operation event. Nothing here is counted: the span that the event belongs
/// to carries the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenAiEvent<'a> {
    /// The event's name, for instance `gen_ai.user.message`.
    pub name: &'a str,
    /// What it reports.
    pub kind: GenAiEventKind,
    /// Who speaks (`system`, `user`, `assistant`, `tool`); empty where the event has no role.
    pub role: &'a str,
    /// Whether it carries what was said, not only that something was.
    pub has_content: bool,
}

/// The kinds of GenAI events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GenAiEventKind {
    /// One message that went to the model.
    Prompt,
    /// One answer of the model.
    Completion,
    /// The whole exchange of one call.
    Details,
    /// A judgement of an answer.
    Evaluation,
    /// A failed call.
    Exception,
}
