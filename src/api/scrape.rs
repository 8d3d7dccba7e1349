//! `/metrics` for Prometheus.
//!
//! Rendering happens off the async threads, one page of a form at a time: scrapers that ask while
//! a page is being made share the next one, so that many of them cost as much as two.

use super::error::ApiError;
use super::{Shared, encoding, scrape_form};
use crate::metrics::Format;
use crate::{clock, limits};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// The last page of either form.
#[derive(Default)]
pub(super) struct Pages {
    text: Last,
    open_metrics: Last,
}

/// A page, locked while the next is made.
type Last = Arc<Mutex<Option<Arc<Page>>>>;

struct Page {
    /// When its rendering began: it shows at least all that had happened by then.
    begun: Instant,
    text: Bytes,
    packed: OnceLock<Bytes>,
}

/// `GET /metrics`.
pub(super) async fn answer(
    State(api): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = clock::monotonic();
    let packed = encoding::accepts_gzip(&headers);
    let form = scrape_form::preferred(&headers);
    let last = match form.format {
        Format::Text => &api.pages.text,
        Format::OpenMetrics => &api.pages.open_metrics,
    };
    let locked = tokio::time::timeout(patience(&headers), last.clone().lock_owned());
    let mut last = locked.await.map_err(|_| ApiError::Overloaded {
        message: "Other scrapes take too long.",
        retry_after_seconds: 1,
    })?;
    let render = api.handles.exposition.clone();
    // The lock moves into the task: a scraper that leaves does not let a second rendering begin.
    let body = super::blocking(move || {
        let page = match &*last {
            Some(page) if page.begun >= asked => page.clone(),
            _ => {
                let begun = clock::monotonic();
                let text = Bytes::from(render(form.format));
                let page = Arc::new(Page { begun, text, packed: OnceLock::new() });
                *last = Some(page.clone());
                page
            }
        };
        if !packed {
            return page.text.clone();
        }
        page.packed.get_or_init(|| encoding::gzip(&page.text)).clone()
    })
    .await?;
    let mut response = Body::from(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, form.content_type);
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// How long this scraper waits, less half a second to send it the page.
fn patience(headers: &HeaderMap) -> Duration {
    let own = headers
        .get("x-prometheus-scrape-timeout-seconds")
        .and_then(|value| value.to_str().ok()?.parse::<f64>().ok())
        .filter(|seconds| (0.6..=600.0).contains(seconds))
        .map(|seconds| Duration::from_secs_f64(seconds - 0.5));
    own.unwrap_or(Duration::from_millis(limits::SCRAPE_MILLISECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scraper_says_how_long_it_waits() {
        let patience = |value: &str| {
            let mut headers = HeaderMap::new();
            let name = "x-prometheus-scrape-timeout-seconds";
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            patience(&headers).as_millis() as u64
        };
        assert_eq!(patience("5"), 4_500);
        for bad in ["", "0", "-1", "NaN", "inf", "1e300", "x"] {
            assert_eq!(patience(bad), limits::SCRAPE_MILLISECONDS, "{bad}");
        }
    }
}
