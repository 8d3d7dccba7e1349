//! The `traceparent` header of requests to the API.

use axum::http::HeaderMap;

pub use crate::model::TraceParent;

/// The caller's span; `None` for no header, more than one, or one that is malformed.
pub(crate) fn of(headers: &HeaderMap) -> Option<TraceParent> {
    let mut all = headers.get_all("traceparent").iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    TraceParent::parse(only.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        let value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.append("traceparent", value.parse().unwrap());
        assert!(of(&headers).is_some());
        headers.append("traceparent", value.parse().unwrap());
        assert!(of(&headers).is_none());
    }
}
