//! `/api/conversations`: the conversations of a window, the latest first.

use super::tallies::{Tallies, Tally};
use crate::api::Shared;
use crate::api::error::ApiError;
use crate::api::moment::rfc3339;
use crate::api::money::Cost;
use crate::api::parameters::Parameters;
use crate::api::span_view::Tokens;
use crate::api::window::Window;
use crate::clock;
use crate::limits;
use crate::storage::query::{Budget, Fields, QueryError, RowQuery};
use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use std::cmp::Reverse;
use std::ops::ControlFlow;

/// The query parameters.
pub(in crate::api) const PARAMETERS: &[&str] =
    &["hours", "from", "to", "tenant", "user", "agent", "limit", "cursor"];

/// A page of conversations.
#[derive(Debug, Serialize)]
pub(in crate::api) struct Page {
    window: Window,
    conversations: Vec<Conversation>,
    next: Option<String>,
    /// Whether some may be missing or counted too small, because a bound was reached or
    /// something is not readable.
    incomplete: bool,
}

/// One conversation, as far as it falls into the window.
#[derive(Debug, Serialize)]
struct Conversation {
    id: Box<str>,
    tenant: Option<Box<str>>,
    user: Option<Box<str>>,
    agents: Vec<Box<str>>,
    runs: u64,
    first_time: String,
    last_time: String,
    span_count: u64,
    error_count: u64,
    llm_calls: u64,
    tokens: Tokens,
    cost: Cost,
}

/// A place in the order: the latest first, equals by their ids.
type Key = (Reverse<u64>, Box<str>);

/// Which conversations, and where the page begins.
#[derive(Debug, Default)]
struct Wanted {
    tenant: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    after: Option<Key>,
}

/// `GET /api/conversations`.
pub(in crate::api) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page>, ApiError> {
    let parameters = Parameters::of(query.as_deref(), PARAMETERS)?;
    let window = Window::of(&parameters, clock::unix_nanos())?;
    let text = |name| -> Result<Option<String>, ApiError> {
        Ok(parameters.text(name)?.map(str::to_owned))
    };
    let after = parameters.text("cursor")?.map(read_cursor).transpose()?;
    let wanted =
        Wanted { tenant: text("tenant")?, user: text("user")?, agent: text("agent")?, after };
    let limit = parameters.number("limit", 1..=limits::CONVERSATION_PAGE)?;
    let limit = limit.unwrap_or(limits::CONVERSATION_PAGE_DEFAULT);
    let store = api.handles.store.clone();
    let found = api.searches.run(move |cancelled| {
        let fields = Fields::OWNER | Fields::AGENT | Fields::FAILURE | Fields::USAGE;
        let query = RowQuery { filters: window.filters(), fields, trace: None };
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        let mut tallies = Tallies::new(limits::CONVERSATION_TRACES);
        let scanned = store.rows(&query, budget, &mut |row| {
            tallies.add(row);
            ControlFlow::Continue(())
        })?;
        let incomplete = scanned.incomplete || tallies.incomplete;
        let (conversations, next) = page(tallies, &wanted, limit);
        Ok::<_, QueryError>(Page { window, conversations, next, incomplete })
    });
    Ok(Json(found.await??))
}

/// The conversations behind the cursor, and the cursor behind them.
fn page(tallies: Tallies, wanted: &Wanted, limit: usize) -> (Vec<Conversation>, Option<String>) {
    let found = tallies.finish().into_iter().filter(|(_, tally)| wanted.admits(tally));
    let mut found: Vec<(Key, Tally)> =
        found.map(|(id, tally)| ((Reverse(tally.last_ns), id), tally)).collect();
    if let Some(after) = &wanted.after {
        found.retain(|(key, _)| key > after);
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(key, _)| write_cursor(key));
    (found.into_iter().map(|((_, id), tally)| Conversation::of(id, tally)).collect(), next)
}

impl Wanted {
    fn admits(&self, tally: &Tally) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        is(&self.tenant, tally.tenant.as_ref().map(|said| &*said.text))
            && is(&self.user, tally.user.as_ref().map(|said| &*said.text))
            && self.agent.as_deref().is_none_or(|agent| tally.agents.contains(agent))
    }
}

impl Conversation {
    fn of(id: Box<str>, tally: Tally) -> Self {
        Self {
            id,
            tenant: tally.tenant.map(|said| said.text),
            user: tally.user.map(|said| said.text),
            agents: tally.agents.into_iter().collect(),
            runs: tally.runs,
            first_time: rfc3339(tally.first_ns),
            last_time: rfc3339(tally.last_ns),
            span_count: tally.spans,
            error_count: tally.errors,
            llm_calls: tally.llm_calls,
            tokens: tally.tokens,
            cost: tally.cost,
        }
    }
}

fn write_cursor((Reverse(last_ns), id): &Key) -> String {
    URL_SAFE_NO_PAD.encode(format!("{last_ns} {id}"))
}

fn read_cursor(text: &str) -> Result<Key, ApiError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (last_ns, id) = text.split_once(' ')?;
        Some((Reverse(last_ns.parse().ok()?), id.into()))
    };
    let message = "cursor is next of the page before.";
    read().ok_or_else(|| ApiError::parameter("cursor", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::skeleton::row;
    use crate::model::{TraceId, Usage};
    use crate::storage::query::SpanRow;

    fn at<'a>(trace: u64, id: u64, start_ns: u64, conversation: Option<&'a str>) -> SpanRow<'a> {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&trace.to_be_bytes());
        let trace_id = TraceId::from_bytes(&bytes).unwrap();
        SpanRow { trace_id, start_ns, end_ns: start_ns + 5, conversation, ..row(id, 0, "x") }
    }

    fn ids(found: &[Conversation]) -> Vec<&str> {
        found.iter().map(|conversation| &*conversation.id).collect()
    }

    #[test]
    fn spans_that_do_not_name_the_conversation_belong_to_it_with_their_trace() {
        let mut tallies = Tallies::new(10);
        let usage = Usage { input: Some(7), output: Some(1), ..Usage::default() };
        // The call comes before the span that says whose it is.
        tallies.add(&SpanRow { usage, counts: true, model: Some("m"), ..at(1, 2, 10, None) });
        tallies.add(&SpanRow {
            tenant: Some("acme"),
            agent: Some("planner"),
            failed: true,
            ..at(1, 1, 5, Some("c-1"))
        });
        tallies.add(&SpanRow { tenant: Some("late"), ..at(2, 3, 100, Some("c-1")) });
        tallies.add(&at(3, 4, 50, None));
        let (found, next) = page(tallies, &Wanted::default(), 10);
        assert_eq!((ids(&found), next), (vec!["c-1"], None));
        let conversation = &found[0];
        assert_eq!((conversation.runs, conversation.span_count), (2, 3));
        assert_eq!((conversation.llm_calls, conversation.error_count), (1, 1));
        assert_eq!(conversation.tenant.as_deref(), Some("acme"));
        assert_eq!(conversation.cost.unpriced_calls(), 1);
        assert_eq!(conversation.last_time, rfc3339(105));
        assert_eq!(conversation.first_time, rfc3339(5));
    }

    #[test]
    fn pages_follow_one_another_although_new_ones_come() {
        let names: Vec<String> = (0..7_u64).map(|number| format!("c {number}")).collect();
        let fill = |more: u64| {
            let mut tallies = Tallies::new(100);
            for (number, name) in (0..).zip(&names) {
                // Two of them at the same moment.
                tallies.add(&at(number + 1, 1, 10 * (number / 2), Some(name)));
            }
            for number in 0..more {
                tallies.add(&at(50 + number, 1, 1_000, Some("new")));
            }
            tallies
        };
        let (mut seen, mut wanted) = (Vec::new(), Wanted::default());
        for more in 0.. {
            let (found, next) = page(fill(more), &wanted, 3);
            seen.extend(found.into_iter().map(|conversation| conversation.id));
            let Some(next) = next else { break };
            wanted.after = Some(read_cursor(&next).unwrap());
        }
        let seen: Vec<&str> = seen.iter().map(|id| &**id).collect();
        assert_eq!(seen, ["c 6", "c 4", "c 5", "c 2", "c 3", "c 0", "c 1"]);
    }

    #[test]
    fn only_the_newest_traces_are_kept() {
        let mut tallies = Tallies::new(100);
        let name = |trace: u64| format!("c{trace}");
        for trace in (1..=1_000_u64).rev() {
            tallies.add(&at(trace, 1, trace, Some(&name(trace))));
        }
        for trace in 1_001..=2_000_u64 {
            tallies.add(&at(trace, 1, trace, Some(&name(trace))));
        }
        assert!(tallies.incomplete);
        let (found, _) = page(tallies, &Wanted::default(), 1_000);
        assert!((50..=100).contains(&found.len()), "{}", found.len());
        assert_eq!(&*found[0].id, "c2000");
        assert_eq!(&*found[49].id, "c1951");
    }

    #[test]
    fn cursors_that_nobody_gave() {
        let long = "A".repeat(4_000);
        for bad in ["x", "%", &long, &URL_SAFE_NO_PAD.encode("no number"), "MTIz"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
        let key: Key = (Reverse(7), "with spaces é".into());
        assert_eq!(read_cursor(&write_cursor(&key)).unwrap(), key);
    }
}
