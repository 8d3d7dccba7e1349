//! One HTTP request that is served. For tower there is a layer, which does this.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::guard::{Begun, Ended, Guard, Kind};
use crate::telemetry::{Context, trace};

/// A request that is being served.
pub type Request = Guard<Served>;

/// The endpoint of a request that matched no route.
pub(in crate::telemetry) const UNMATCHED: &str = "unmatched";
/// The status of a request whose caller went away before it was answered.
const GONE: u16 = 499;
/// The status of a request whose handler panicked.
const BROKEN: u16 = 500;

/// The methods that stay what they are; every other is `_OTHER`, so that no client can fill the
/// page with its inventions.
static METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// What is known of it.
#[derive(Debug)]
pub struct Served {
    method: &'static str,
    route: Option<Box<str>>,
    status: Option<u16>,
}

/// Begins to serve a request. `route` is the template (`/chat/{id}`), never a raw path; empty
/// where nothing matched.
pub fn request(method: &str, route: &str) -> Request {
    served(method, route, None, Context::current())
}

/// The same, with the raw path for the span and a context that is not yet the current one.
pub(in crate::telemetry) fn served(
    method: &str,
    route: &str,
    path: Option<&str>,
    context: Context,
) -> Request {
    let method = method_label(method);
    let route = (!route.is_empty()).then_some(route);
    let title = || match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    };
    let span = work_span!("server", "request", title(), context, {
        "http.request.method" = method,
        "http.route" = route,
        "url.path" = path,
        "http.response.status_code" = tracing::field::Empty,
    });
    if let Some(parent) = context.trace_parent() {
        trace::set_parent(&span, parent, context.trace_state());
    }
    let kind = Served { method, route: route.map(Box::from), status: None };
    Guard::begin(kind, span, context)
}

impl Request {
    /// It was answered with a status code: from 500 on a failure.
    pub fn answered(&mut self, status: u16) {
        self.status(status);
        match status {
            500.. => self.failed(&status.to_string()),
            _ => self.success(),
        }
    }

    /// An answer has begun with a status code; its body is still under way.
    pub(in crate::telemetry) fn status(&mut self, status: u16) {
        if self.kind.status.replace(status) == Some(status) {
            return;
        }
        self.span.record("http.response.status_code", i64::from(status));
    }
}

impl Kind for Served {
    fn begin(&self, begun: &Begun<'_>) {
        begun.shift(&catalog::ACTIVE_CONNECTIONS, &[], 1.0);
    }

    fn end(&mut self, ended: &Ended<'_>) {
        ended.shift(&catalog::ACTIVE_CONNECTIONS, &[], -1.0);
        let route = self.route.as_deref().unwrap_or(UNMATCHED);
        let status = self.status.unwrap_or_else(|| match ended.failed {
            true if std::thread::panicking() => BROKEN,
            true => GONE,
            false => 200,
        });
        with_status_text(status, |text| {
            ended.count(&catalog::HTTP_REQUESTS, &[self.method, route, text], 1);
        });
        ended.observe(&catalog::HTTP_REQUEST_DURATION, &[self.method, route], ended.seconds);
    }
}

/// The value of a `method` label.
pub(in crate::telemetry) fn method_label(method: &str) -> &'static str {
    let known = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
    known.copied().unwrap_or("_OTHER")
}

/// Lends a status code as text, without an allocation.
fn with_status_text<T>(status: u16, read: impl FnOnce(&str) -> T) -> T {
    let digits = [100, 10, 1].map(|place| b'0' + (status / place % 10) as u8);
    read(std::str::from_utf8(&digits).unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_and_methods_become_labels() {
        with_status_text(404, |text| assert_eq!(text, "404"));
        assert_eq!(method_label("get"), "GET");
        assert_eq!(method_label("PROPFIND"), "_OTHER");
        assert_eq!(method_label("\u{1b}[2J"), "_OTHER");
    }
}
