//! W3C Trace Context: the value of the `traceparent` header.
//!
//! A value that cannot be read is ignored, as the recommendation asks: the request then starts a
//! trace of its own. Higher versions are read by the layout of version 00.

use std::fmt;

use super::{SpanId, TraceId};

/// The caller's span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace that the request belongs to.
    pub trace_id: TraceId,
    /// The caller's span in it.
    pub span_id: SpanId,
    /// Whether the caller records the trace.
    pub sampled: bool,
}

impl TraceParent {
    /// Reads `version-traceid-spanid-flags`, all lower-case hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(55)?;
        let mut parts = known.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hexadecimal = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let lengths = [version.len(), trace.len(), span.len(), flags.len()];
        if lengths != [2, 32, 16, 2] || ![version, trace, span, flags].into_iter().all(hexadecimal)
        {
            return None;
        }
        // Version 00 ends here; a later one may go on behind a dash. `ff` is forbidden.
        let ends_well = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        if version == "ff" || !ends_well {
            return None;
        }
        Some(Self {
            trace_id: trace.parse().ok()?,
            span_id: span.parse().ok()?,
            sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn the_examples_of_the_recommendation() {
        let parsed = TraceParent::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(parsed.trace_id.to_string(), TRACE);
        assert_eq!(parsed.span_id.to_string(), SPAN);
        assert!(parsed.sampled);
        assert_eq!(parsed.to_string(), format!("00-{TRACE}-{SPAN}-01"));
        assert!(!TraceParent::parse(&format!("00-{TRACE}-{SPAN}-00")).unwrap().sampled);
        assert!(TraceParent::parse(&format!("cc-{TRACE}-{SPAN}-01")).is_some());
        assert!(TraceParent::parse(&format!("cc-{TRACE}-{SPAN}-01-what-comes")).is_some());
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        let (zeros, upper) = ("0".repeat(32), TRACE.to_uppercase());
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01."),
            format!("cc-{TRACE}-{SPAN}-01.what"),
            format!("00-{SPAN}-{TRACE}-01"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("é0-{TRACE}-{SPAN}-01"),
            "-".repeat(55),
            "é".repeat(60),
        ] {
            assert_eq!(TraceParent::parse(&bad), None, "{bad}");
        }
    }
}
