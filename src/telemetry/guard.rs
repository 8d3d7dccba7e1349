//! A piece of work that is under way: recorded once, when it ends, however it ends.

use std::any::type_name;
use std::future::Future;
use std::time::Instant;

use tracing::{Instrument as _, Span};

use super::context::{Context, scope};
use super::meter;
use crate::clock;
use crate::limits::FAILURE_CLASS_BYTES;
use crate::metrics::Registry;
use crate::metrics::catalog::{ERRORS, Family};

/// The class of work whose guard was dropped without an outcome: a cancelled future, an early
/// return, a lost branch.
const ABANDONED: &str = "abandoned";
/// The class of work that a panic ended.
const PANIC: &str = "panic";
/// The class of a failure that has no name.
const UNKNOWN: &str = "unknown";
/// The class of a failure whose name is a message.
const OTHER: &str = "other";

/// A piece of work that is under way, with its span. It is recorded exactly once: by
/// [`success`](Self::success), [`failed`](Self::failed), [`settle`](Self::settle) or
/// [`run`](Self::run), else when it is dropped, as a failure of class `abandoned` (`panic` while a
/// panic unwinds).
#[derive(Debug)]
#[must_use = "work that is dropped at once was abandoned"]
pub struct Guard<K: Kind> {
    pub(super) kind: K,
    pub(super) span: Span,
    pub(super) begun: Instant,
    meter: Option<&'static Registry>,
    context: Context,
    open: bool,
}

/// What kind of work a [`Guard`] guards. Implemented by the recorders of this crate.
pub trait Kind {
    /// Work has begun.
    #[doc(hidden)]
    fn begin(&self, _: &Begun<'_>) {}

    /// Work has ended.
    #[doc(hidden)]
    fn end(&mut self, ended: &Ended<'_>);

    /// The context inside of the work.
    #[doc(hidden)]
    fn inside(&self, context: Context) -> Context {
        context
    }
}

/// Where work that begins is recorded.
#[derive(Debug)]
pub struct Begun<'a> {
    meter: Option<&'a Registry>,
}

/// How work ended, and where that is recorded.
#[derive(Debug)]
pub struct Ended<'a> {
    meter: Option<&'a Registry>,
    context: &'a Context,
    pub(super) span: &'a Span,
    pub(super) seconds: f64,
    pub(super) failed: bool,
}

impl<K: Kind> Guard<K> {
    /// Begins work now, within the given span.
    pub(super) fn begin(kind: K, span: Span, context: Context) -> Self {
        let meter = meter::current();
        kind.begin(&Begun { meter });
        Self { kind, span, begun: clock::monotonic(), meter, context, open: true }
    }

    /// It ended well.
    pub fn success(&mut self) {
        self.finish(None);
    }

    /// It failed. The class is a word for this kind of failure (`RateLimited`, `Timeout`, a status
    /// code), never a message.
    pub fn failed(&mut self, class: &str) {
        self.finish(Some(class));
    }

    /// It ended as a result says; the class of a failure is the name of the error's type.
    pub fn settle<T, E>(&mut self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.finish(None),
            Err(_) => self.finish(Some(error_name(type_name::<E>()))),
        }
    }

    /// Does the work within its span and context, and ends as its result says.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn run<T, E>(mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let result = self.within(work).await;
        self.settle(&result);
        result
    }

    /// A future within the span and context of this work, which does not end with it.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F, K> {
        let context = self.kind.inside(self.context.clone());
        scope(context, work).instrument(self.span.clone())
    }

    /// Does something within the span and context of this work, which does not end with it.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.kind.inside(self.context.clone()).run(|| self.span.in_scope(work))
    }

    /// The span, to put more onto it. Disabled once the work has ended.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Records the end, the first time only.
    fn finish(&mut self, failure: Option<&str>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        // Dropped at the end of this function, which closes it unless others work in it still.
        let span = std::mem::replace(&mut self.span, Span::none());
        let class = failure.map(error_class);
        if let Some(class) = class {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", class);
            if let Some(meter) = self.meter {
                meter.count(&ERRORS, &[class], 1);
            }
        }
        let ended = Ended {
            meter: self.meter,
            context: &self.context,
            span: &span,
            seconds: clock::monotonic().duration_since(self.begun).as_secs_f64(),
            failed: class.is_some(),
        };
        self.kind.end(&ended);
    }
}

impl<K: Kind> Drop for Guard<K> {
    fn drop(&mut self) {
        self.finish(Some(left()));
    }
}

impl Begun<'_> {
    pub(super) fn shift(&self, family: &'static Family, values: &[&str], by: f64) {
        if let Some(meter) = self.meter {
            meter.shift(family, values, by);
        }
    }
}

impl Ended<'_> {
    /// The value of a `status` label.
    pub(super) fn status(&self) -> &'static str {
        if self.failed { "error" } else { "success" }
    }

    pub(super) fn count(&self, family: &'static Family, values: &[&str], more: u64) {
        if let Some(meter) = self.meter {
            meter.count(family, values, more);
        }
    }

    pub(super) fn add_amount(&self, family: &'static Family, values: &[&str], more: f64) {
        if let Some(meter) = self.meter {
            meter.add_amount(family, values, more);
        }
    }

    pub(super) fn observe(&self, family: &'static Family, values: &[&str], value: f64) {
        if let Some(meter) = self.meter {
            meter.observe(family, values, value);
        }
    }

    pub(super) fn shift(&self, family: &'static Family, values: &[&str], by: f64) {
        if let Some(meter) = self.meter {
            meter.shift(family, values, by);
        }
    }

    /// Counts a value that cannot be true.
    pub(super) fn invalid(&self) {
        if let Some(meter) = self.meter {
            meter.refuse_value();
        }
    }

    /// The agent on whose behalf it was done.
    pub(super) fn agent(&self) -> Option<&str> {
        self.context.agent()
    }
}

/// Why a guard is dropped without an outcome.
pub(super) fn left() -> &'static str {
    if std::thread::panicking() { PANIC } else { ABANDONED }
}

/// The class of an error, which is a word: whole messages would use up the values that real
/// classes need, and may quote what nobody should read.
pub(super) fn error_class(class: &str) -> &str {
    match class.trim() {
        "" => UNKNOWN,
        class if class.len() > FAILURE_CLASS_BYTES || class.contains(char::is_whitespace) => OTHER,
        class => class,
    }
}

/// The last part of a type's name: `reqwest::error::Error` is `Error`, a boxed one `error`.
fn error_name(name: &'static str) -> &'static str {
    if name.contains("dyn ") {
        return "error";
    }
    let bare = name.split('<').next().unwrap_or(name);
    let bare = bare.rsplit("::").next().unwrap_or(bare).trim_matches(['&', '(', ')']);
    if bare.is_empty() { "error" } else { bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named_by_their_type() {
        assert_eq!(error_name(type_name::<std::io::Error>()), "Error");
        assert_eq!(error_name(type_name::<std::num::ParseIntError>()), "ParseIntError");
        assert_eq!(error_name(type_name::<Box<dyn std::error::Error + Send>>()), "error");
        assert_eq!(error_name(type_name::<Option<std::fmt::Error>>()), "Option");
        assert_eq!(error_name(type_name::<&str>()), "str");
        assert_eq!(error_name(type_name::<()>()), "error");
    }

    #[test]
    fn classes_are_words() {
        for (given, class) in [
            ("Timeout", "Timeout"),
            (" 429 ", "429"),
            ("", "unknown"),
            ("the server said no", "other"),
            (&"x".repeat(FAILURE_CLASS_BYTES + 1), "other"),
        ] {
            assert_eq!(error_class(given), class);
        }
    }
}
