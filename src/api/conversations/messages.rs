//! `/api/conversations/{id}/messages`: what was said, run after run, each message once.

use super::transcript::{Answers, History, Prompt, role};
use crate::api::error::ApiError;
use crate::api::messages::LogMessages;
use crate::api::moment::rfc3339;
use crate::api::parameters::Parameters;
use crate::api::performance::session;
use crate::api::session_runs::SessionRuns;
use crate::api::span_body::text_or_piece;
use crate::api::span_view::Id;
use crate::api::{Shared, json_answer};
use crate::limits;
use crate::model::{CallBook as _, Operation, SpanId, TraceId};
use crate::semconv::{Ledger, Part, Passage};
use crate::storage::index::Understand;
use crate::storage::query::{Budget, QueryError, Store, StoredTrace};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// The query parameters.
pub(in crate::api) const PARAMETERS: &[&str] = &["limit", "cursor"];

/// A page of messages.
#[derive(Debug, Serialize)]
struct Page {
    conversation: String,
    messages: Vec<Message>,
    next: Option<String>,
    /// Whether messages may be missing, because a bound was reached or something is not readable.
    incomplete: bool,
}

/// Something that was said.
#[derive(Debug, Serialize)]
struct Message {
    role: String,
    part: &'static str,
    /// A text, or the beginning of a long one and where to read on.
    text: Value,
    time: String,
    trace_id: Id<TraceId>,
    span_id: Id<SpanId>,
}

/// One call of a model (or run of an agent, where no call says anything).
struct Call<'a> {
    span_id: SpanId,
    start_ns: u64,
    end_ns: u64,
    counts: bool,
    said: Vec<Passage<'a>>,
}

/// A page that is being filled.
struct Filling {
    history: History,
    /// Messages before the page, and how many of them were passed over.
    from: usize,
    passed: usize,
    limit: usize,
    messages: Vec<Message>,
    more: bool,
}

/// `GET /api/conversations/{id}/messages`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let limit = parameters.number("limit", 1..=limits::MESSAGE_PAGE)?;
    let from = parameters.number("cursor", 0..=limits::CONVERSATION_MESSAGES)?.unwrap_or(0);
    let id = session(id, "id")?;
    let limit = limit.unwrap_or(limits::MESSAGE_PAGE_DEFAULT);
    let store = api.handles.store.clone();
    let understand = api.handles.understand.clone();
    let found = api.searches.run(move |cancelled| {
        let filling = Filling::new(from, limit);
        let page = read(&*store, id, &understand, filling, cancelled)?;
        Ok::<_, QueryError>(page.map(|page| serde_json::to_vec(&page)))
    });
    let page = found.await??;
    let message = "No span names this conversation.";
    let page = page.ok_or_else(|| ApiError::NotFound(message.to_owned()))?;
    Ok(json_answer(page.map_err(ApiError::internal)?))
}

/// Reads the conversation from its beginning, because what is new in a call is known only to
/// whoever has read those before; `None` where nothing names it.
fn read(
    store: &dyn Store,
    conversation: String,
    understand: &Understand,
    mut filling: Filling,
    cancelled: &AtomicBool,
) -> Result<Option<Page>, QueryError> {
    let mut budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
    let runs = SessionRuns::oldest(store, &conversation, &mut budget)?;
    if runs.traces.is_empty() && !runs.incomplete {
        return Ok(None);
    }
    let mut incomplete = runs.incomplete;
    for (trace, _) in runs.traces {
        if filling.more || cancelled.load(Ordering::Relaxed) {
            break;
        }
        if filling.history.len() >= limits::CONVERSATION_MESSAGES
            || budget.deadline.is_some_and(|deadline| crate::clock::monotonic() >= deadline)
        {
            incomplete = true;
            break;
        }
        let trace = store.trace(trace)?;
        incomplete |= trace.truncated;
        filling.take(&trace, understand);
    }
    let Filling { from, messages, more, .. } = filling;
    let next = more.then(|| (from + messages.len()).to_string());
    Ok(Some(Page { conversation, messages, next, incomplete }))
}

impl Filling {
    fn new(from: usize, limit: usize) -> Self {
        let (history, messages) = Default::default();
        Self { history, from, passed: 0, limit, messages, more: false }
    }

    /// Takes what is new in a run, in the order of time.
    fn take(&mut self, trace: &StoredTrace, understand: &Understand) {
        let calls = calls(trace, understand);
        // What goes into a call is said when it begins, what comes out when it ends.
        let mut turns: Vec<(u64, bool, usize)> = (0..)
            .zip(&calls)
            .flat_map(|(at, call)| [(call.start_ns, false, at), (call.end_ns, true, at)])
            .collect();
        turns.sort_unstable();
        let mut answers = Answers::default();
        for (time_ns, ends, at) in turns {
            let call = &calls[at];
            let mut prompt = Prompt::default();
            for (place, passage) in (0_usize..).zip(&call.said) {
                if is_answer(passage.part) != ends {
                    continue;
                }
                let new = match ends {
                    true => self.history.answers(&mut answers, passage, call.counts),
                    false => self.history.hears(&mut prompt, passage),
                };
                if new {
                    self.tell(|| Message {
                        role: role(passage).to_owned(),
                        part: passage.part.name(),
                        text: text_or_piece(&passage.text, &format!("/span/messages/{place}/text")),
                        time: rfc3339(time_ns),
                        trace_id: Id(trace.id),
                        span_id: Id(call.span_id),
                    });
                }
            }
        }
    }

    fn tell(&mut self, message: impl FnOnce() -> Message) {
        if self.passed < self.from {
            self.passed += 1;
        } else if self.messages.len() < self.limit {
            self.messages.push(message());
        } else {
            self.more = true;
        }
    }
}

fn is_answer(part: Part) -> bool {
    matches!(part, Part::Completion | Part::ToolResult)
}

/// The calls of a run that say something: those of models, else the runs of agents and
/// workflows, else whatever speaks.
fn calls<'a>(trace: &'a StoredTrace, understand: &Understand) -> Vec<Call<'a>> {
    let from_logs = LogMessages::of(trace);
    let mut ledger = Ledger::new(trace.span_count().max(1));
    let mut found: Vec<(u8, Call<'a>)> = Vec::new();
    trace.visit(|origin, span| {
        let known = understand.span(origin, span);
        let (rank, counts) = match &known.operation {
            // What is embedded is not said to anybody.
            Operation::Llm(call) if call.operation == "embeddings" => return,
            Operation::Llm(call) => (0, ledger.settle(span, origin.scope.name, call).counts),
            Operation::Agent(_) | Operation::Workflow(_) => (1, false),
            Operation::Tool(_) => return,
            _ => (2, false),
        };
        let said = from_logs.with(span, &known.operation);
        if !said.is_empty() {
            let (span_id, start_ns) = (span.span_id, span.start_ns);
            let end_ns = span.end_ns.max(start_ns);
            found.push((rank, Call { span_id, start_ns, end_ns, counts, said }));
        }
    });
    let best = found.iter().map(|(rank, _)| *rank).min();
    found.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, call)| call).collect()
}
