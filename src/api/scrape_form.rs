//! `Accept` of a scrape: which form of the page the scraper prefers among those there are.
//!
//! By Prometheus' content negotiation. Names on the page are such that every scheme of escaping
//! but `dots` leaves them alone, so the scheme that is asked for is the one that was used.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::metrics::{Format, TEXT_CONTENT_TYPE as DEFAULT};

/// The form of a page and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) content_type: HeaderValue,
}

/// What the scraper prefers; where it takes nothing that there is, what every scraper takes.
pub(super) fn preferred(headers: &HeaderMap) -> Form {
    let mut best: Option<(f64, Form)> = None;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let Some((weight, form)) = offer(range) else { continue };
            // Of two that weigh the same the first counts.
            if weight > best.as_ref().map_or(0.0, |(best, _)| *best) {
                best = Some((weight, form));
            }
        }
    }
    best.map_or_else(
        || Form { format: Format::Text, content_type: HeaderValue::from_static(DEFAULT) },
        |(_, form)| form,
    )
}

/// What there is for one media range, and how much it is wanted.
fn offer(range: &str) -> Option<(f64, Form)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let (mut weight, mut version, mut escaping) = (1.0, None, None);
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        match &*name.trim().to_ascii_lowercase() {
            "q" => weight = value.parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q))?,
            "version" => version = Some(value.to_owned()),
            "escaping" => escaping = Some(value.to_owned()),
            _ => {}
        }
    }
    let (format, version) = match (&*media, version.as_deref()) {
        ("application/openmetrics-text", None | Some("1.0.0")) => (Format::OpenMetrics, "1.0.0"),
        ("application/openmetrics-text", Some("0.0.1")) => (Format::OpenMetrics, "0.0.1"),
        ("application/*", _) => (Format::OpenMetrics, "1.0.0"),
        ("text/plain", Some("1.0.0")) => (Format::Text, "1.0.0"),
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => (Format::Text, "0.0.4"),
        _ => return None,
    };
    let escaping = (version == "1.0.0").then_some(escaping).flatten();
    let form = Form { format, content_type: content_type(format, version, escaping.as_deref()) };
    Some((weight, form))
}

fn content_type(format: Format, version: &str, escaping: Option<&str>) -> HeaderValue {
    let media = match format {
        Format::Text => "text/plain",
        Format::OpenMetrics => "application/openmetrics-text",
    };
    let mut text = format!("{media}; version={version}; charset=utf-8");
    if let Some(asked) = escaping {
        let known = ["allow-utf-8", "values"].into_iter().find(|known| *known == asked);
        text.push_str("; escaping=");
        text.push_str(known.unwrap_or("underscores"));
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        let form = preferred(&headers);
        assert_eq!(form.content_type, expected, "{accept}");
        let open = expected.starts_with("application/openmetrics-text");
        assert_eq!(form.format == Format::OpenMetrics, open);
    }

    const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    #[test]
    fn what_scrapers_send() {
        let two = "application/openmetrics-text;version=1.0.0,\
                   application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;\
                   q=0.5,*/*;q=0.1";
        check(two, OPEN);
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                     application/openmetrics-text;version=0.0.1;q=0.4,\
                     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                     text/plain;version=0.0.4;q=0.2,/;q=0.1";
        check(three, &format!("{OPEN}; escaping=allow-utf-8"));
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                        encoding=delimited,text/plain;version=0.0.4;q=0.3";
        check(protobuf, DEFAULT);
        check("text/html,application/xhtml+xml,*/*;q=0.8", DEFAULT);
        check("*/*", DEFAULT);
    }

    #[test]
    fn weights_versions_and_nonsense() {
        check("application/openmetrics-text;q=0.1, text/plain;q=0.9", DEFAULT);
        check("text/plain;q=0.2, application/openmetrics-text;q=0.9", OPEN);
        check("application/openmetrics-text; version=\"1.0.0\"", OPEN);
        check("APPLICATION/OpenMetrics-Text", OPEN);
        let old = "application/openmetrics-text; version=0.0.1; charset=utf-8";
        check("application/openmetrics-text; version=0.0.1", old);
        check("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8");
        let underscores = "text/plain; version=1.0.0; charset=utf-8; escaping=underscores";
        check("text/plain;version=1.0.0;escaping=underscores", underscores);
        check("text/plain;version=1.0.0;escaping=dots", underscores);
        for nothing in [
            "",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=x",
            "application/openmetrics-text;q=-1, image/png",
            "application/json",
            ";;;,,,",
        ] {
            check(nothing, DEFAULT);
        }
    }
}
