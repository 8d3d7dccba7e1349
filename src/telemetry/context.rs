//! Whose work a task does: tenant, user, agent, conversation and request, carried along with it.
//!
//! A context belongs to a task and not to a thread: [`scope`] sets it whenever its future is
//! polled, [`carry`] takes the current one (and the current span) along into a spawned task,
//! [`Context::carried`] into a thread.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task;

use pin_project_lite::pin_project;
use tracing::Instrument as _;

use crate::limits;
use crate::model::TraceParent;

/// Whose work a task does. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(Option<Arc<Facts>>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Facts {
    tenant: Option<Box<str>>,
    user: Option<Box<str>>,
    agent: Option<Box<str>>,
    conversation: Option<Box<str>>,
    request_id: Option<Box<str>>,
    trace: Option<TraceParent>,
    trace_state: Option<Box<str>>,
    /// Members of a baggage that are not ours, as they came.
    foreign_baggage: Option<Box<str>>,
}

thread_local! {
    static CURRENT: RefCell<Context> = const { RefCell::new(Context(None)) };
}

pin_project! {
    /// A future with a context of its own.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        context: Context,
        #[pin]
        future: F,
    }
}

/// Puts the context that was there before back.
struct Entered(Context);

/// A fact of the context: how it is read and, cleaned, set.
macro_rules! fact {
    ($name:ident, $with:ident, $what:literal) => {
        #[doc = concat!("The ", $what, ".")]
        pub fn $name(&self) -> Option<&str> {
            self.0.as_ref()?.$name.as_deref()
        }

        #[doc = concat!("With another ", $what, "; what is empty removes it.")]
        #[must_use]
        pub fn $with(mut self, value: &str) -> Self {
            self.facts().$name = clean(value);
            self
        }
    };
}

impl Context {
    /// A context that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The context of the running task or thread.
    pub fn current() -> Self {
        // At a thread's end nothing is current any more.
        CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
    }

    fact!(tenant, with_tenant, "tenant");
    fact!(user, with_user, "user");
    fact!(agent, with_agent, "agent that works, by its name or id");
    fact!(conversation, with_conversation, "conversation or session");
    fact!(request_id, with_request_id, "id of the request");

    /// The span of the caller, as its `traceparent` said.
    pub fn trace_parent(&self) -> Option<TraceParent> {
        self.0.as_ref()?.trace
    }

    /// Works with this context until the closure returns.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self.clone());
        work()
    }

    /// A closure with this context, for a thread.
    ///
    /// ```
    /// use pharos::telemetry::Context;
    ///
    /// let context = Context::new().with_tenant("acme");
    /// let work = context.carried(|| Context::current().tenant().map(str::to_owned));
    /// assert_eq!(std::thread::spawn(work).join().unwrap().as_deref(), Some("acme"));
    /// ```
    pub fn carried<T, F: FnOnce() -> T>(&self, work: F) -> impl FnOnce() -> T + use<T, F> {
        let (context, span) = (self.clone(), tracing::Span::current());
        move || context.run(|| span.in_scope(work))
    }

    pub(super) fn trace_state(&self) -> Option<&str> {
        self.0.as_ref()?.trace_state.as_deref()
    }

    pub(super) fn foreign_baggage(&self) -> Option<&str> {
        self.0.as_ref()?.foreign_baggage.as_deref()
    }

    pub(super) fn with_trace(mut self, trace: TraceParent, state: Option<&str>) -> Self {
        let fits = |state: &&str| state.len() <= limits::TRACE_STATE_BYTES && is_header(state);
        let facts = self.facts();
        facts.trace = Some(trace);
        facts.trace_state = state.filter(fits).map(Box::from);
        self
    }

    pub(super) fn with_foreign_baggage(mut self, members: String) -> Self {
        self.facts().foreign_baggage = (!members.is_empty()).then(|| members.into());
        self
    }

    /// Its facts under the keys that log lines have.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let facts = [
            ("tenant_id", self.tenant()),
            ("user_id", self.user()),
            ("agent_id", self.agent()),
            ("conversation_id", self.conversation()),
            ("request_id", self.request_id()),
        ];
        facts.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }

    fn facts(&mut self) -> &mut Facts {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

/// Runs a future with a context: whatever it awaits and whatever polls it, and nothing else.
///
/// ```
/// use pharos::telemetry::{Context, scope};
///
/// # async fn answer() {}
/// # async fn handle() {
/// let context = Context::new().with_tenant("acme").with_request_id("r-1");
/// scope(context, answer()).await;
/// # }
/// ```
pub fn scope<F: Future>(context: Context, future: F) -> Scoped<F> {
    Scoped { context, future }
}

/// Takes the current context and the current span along into a task that is spawned.
///
/// ```
/// use pharos::telemetry::carry;
///
/// # async fn summarise() {}
/// # async fn handle() {
/// tokio::spawn(carry(summarise()));
/// # }
/// ```
pub fn carry<F: Future>(future: F) -> Scoped<tracing::instrument::Instrumented<F>> {
    scope(Context::current(), future.in_current_span())
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut task::Context<'_>) -> task::Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.context.clone());
        this.future.poll(waker)
    }
}

impl Entered {
    fn new(context: Context) -> Self {
        Self(swap(context))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(std::mem::take(&mut self.0));
    }
}

fn swap(context: Context) -> Context {
    CURRENT.try_with(|current| current.replace(context)).unwrap_or_default()
}

/// A value that may stand on a log line and in a header: short, without control characters;
/// `None` where nothing is left.
fn clean(value: &str) -> Option<Box<str>> {
    let value = value.trim();
    let value = &value[..value.floor_char_boundary(limits::CONTEXT_VALUE_BYTES)];
    if value.is_empty() {
        return None;
    }
    if !value.contains(char::is_control) {
        return Some(value.into());
    }
    Some(value.replace(char::is_control, "_").into())
}

/// Whether a text may stand in a header.
pub(super) fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Option<String> {
        Context::current().tenant().map(str::to_owned)
    }

    #[test]
    fn values_are_cleaned() {
        let long = "é".repeat(limits::CONTEXT_VALUE_BYTES);
        for (sent, kept) in [
            (" acme ", Some("acme")),
            ("", None),
            ("\t\n", None),
            ("a\r\nb\u{1b}[2J", Some("a__b_[2J")),
            (&long, Some(&long[..limits::CONTEXT_VALUE_BYTES])),
        ] {
            assert_eq!(Context::new().with_tenant(sent).tenant(), kept, "{sent:?}");
        }
        assert_eq!(Context::new().with_tenant("a").with_tenant("").tenant(), None);
    }

    #[test]
    fn a_context_ends_with_its_scope_also_over_a_panic() {
        let outer = Context::new().with_tenant("outer");
        let inner = Context::current().with_tenant("inner");
        outer.run(|| {
            let caught = std::panic::catch_unwind(|| inner.run(|| panic!("expected")));
            assert!(caught.is_err());
            assert_eq!(tenant().as_deref(), Some("outer"));
        });
        assert_eq!(tenant(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tasks_keep_their_own_context() {
        let mut tasks = Vec::new();
        for index in 0..20 {
            let context = Context::new().with_tenant(&format!("t-{index}"));
            tasks.push(tokio::spawn(scope(context, async move {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                    assert_eq!(tenant(), Some(format!("t-{index}")));
                }
                let child = tokio::spawn(carry(async { tenant() })).await.unwrap();
                let bare = tokio::spawn(async { tenant() }).await.unwrap();
                (child, bare)
            })));
        }
        for (index, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), (Some(format!("t-{index}")), None));
        }
        assert_eq!(tenant(), None);
    }

    #[tokio::test]
    async fn select_mixes_no_contexts() {
        let named = |name: &'static str| {
            scope(Context::new().with_tenant(name), async move {
                tokio::task::yield_now().await;
                assert_eq!(tenant().as_deref(), Some(name));
                std::future::pending::<()>().await;
            })
        };
        let ends = scope(Context::new().with_tenant("c"), async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            tenant()
        });
        tokio::select! {
            () = named("a") => unreachable!("it never ends"),
            () = named("b") => unreachable!("it never ends"),
            ended = ends => assert_eq!(ended.as_deref(), Some("c")),
        }
        assert_eq!(tenant(), None);
    }

    #[test]
    fn threads_are_given_a_context() {
        let context = Context::new().with_user("u").with_request_id("r");
        let seen = std::thread::spawn(context.carried(Context::current)).join().unwrap();
        assert_eq!(seen, context);
        let entries: Vec<_> = seen.entries().collect();
        assert_eq!(entries, [("user_id", "u"), ("request_id", "r")]);
    }
}
