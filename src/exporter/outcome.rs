//! What became of one request, in the classes of the OTLP specification.

use std::time::Duration;

use crate::otlp::wire::{Content, Fields};

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken; this many items of it were rejected for good (partial success).
    Delivered { rejected: u64 },
    /// Not taken now. The target may have said when to come again.
    Retry { after: Option<Duration>, why: String },
    /// Never going to be taken as it is.
    Refused { why: String },
}

/// The class of an HTTP status: 429, 502, 503 and 504 are worth a retry, other errors are not.
pub(super) fn of_http(status: u16, after: Option<Duration>, body: &[u8]) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered { rejected: rejected_items(body) },
        429 | 502 | 503 | 504 => Outcome::Retry { after, why: format!("HTTP {status}") },
        _ => Outcome::Refused { why: format!("HTTP {status}") },
    }
}

/// The class of a gRPC status code. `RESOURCE_EXHAUSTED` is worth a retry only when the target
/// says when; `UNAUTHENTICATED` and `PERMISSION_DENIED` are treated as a target that is set up
/// wrong today, for which nothing needs to be lost.
pub(super) fn of_grpc(code: tonic::Code, after: Option<Duration>) -> Outcome {
    use tonic::Code;
    let why = format!("gRPC {code:?}");
    match code {
        Code::Ok => Outcome::Delivered { rejected: 0 },
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated
        | Code::PermissionDenied => Outcome::Retry { after, why },
        Code::ResourceExhausted if after.is_some() => Outcome::Retry { after, why },
        _ => Outcome::Refused { why },
    }
}

/// `rejected_*` of the partial success in an export response; 0 in anything else.
pub(super) fn rejected_items(response: &[u8]) -> u64 {
    let number = |message: &[u8]| {
        Fields::of(message).flatten().find_map(|field| match (field.number, field.content) {
            (1, Content::Varint(number)) => Some(number),
            _ => None,
        })
    };
    let partial = Fields::of(response).flatten().find(|field| field.number == 1);
    partial.and_then(|field| field.content.bytes().ok()).and_then(number).unwrap_or(0)
}

/// The delay in a `google.rpc.Status` with a `RetryInfo` detail, as gRPC puts it into
/// `grpc-status-details-bin`. Garbage is no delay.
pub(super) fn retry_info(details: &[u8]) -> Option<Duration> {
    const TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";
    let of_number = |message, number| {
        Fields::of(message)
            .flatten()
            .find(|field| field.number == number)
            .map(|field| field.content)
    };
    for field in Fields::of(details).flatten().filter(|field| field.number == 3) {
        let any = field.content.bytes().ok()?;
        if of_number(any, 1).and_then(|kind| kind.text().ok()) != Some(TYPE) {
            continue;
        }
        let info = of_number(any, 2)?.bytes().ok()?;
        let delay = of_number(info, 1)?.bytes().ok()?;
        let part = |number| of_number(delay, number).and_then(|content| content.varint().ok());
        let nanos = u32::try_from(part(2).unwrap_or(0)).ok().filter(|nanos| *nanos < 1_000_000_000);
        let seconds = part(1).unwrap_or(0);
        return (seconds < 86_400).then(|| Duration::new(seconds, nanos.unwrap_or(0)));
    }
    None
}

/// `Retry-After` in either form; `None` for anything unreadable or longer than a day.
pub(super) fn retry_after(header: &str, now_ns: u64) -> Option<Duration> {
    let header = header.trim();
    let after = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(header).ok()?;
            let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
            at.saturating_sub(Duration::from_nanos(now_ns))
        }
    };
    (after < Duration::from_secs(86_400)).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::write;

    #[test]
    fn http_classes_follow_the_specification() {
        for status in [429, 502, 503, 504] {
            assert!(matches!(of_http(status, None, b""), Outcome::Retry { .. }), "{status}");
        }
        for status in [301, 400, 401, 404, 413, 500, 501] {
            assert!(matches!(of_http(status, None, b""), Outcome::Refused { .. }), "{status}");
        }
        assert_eq!(of_http(200, None, b""), Outcome::Delivered { rejected: 0 });
    }

    #[test]
    fn exhausted_is_worth_a_retry_only_with_a_time() {
        let soon = Some(Duration::from_secs(1));
        assert!(matches!(of_grpc(tonic::Code::ResourceExhausted, soon), Outcome::Retry { .. }));
        let never = of_grpc(tonic::Code::ResourceExhausted, None);
        assert!(matches!(never, Outcome::Refused { .. }));
        assert!(matches!(of_grpc(tonic::Code::InvalidArgument, soon), Outcome::Refused { .. }));
    }

    #[test]
    fn partial_success_is_read() {
        let mut response = Vec::new();
        write::message_field(&mut response, 1, |out| {
            write::varint_field(out, 1, 7);
            write::bytes_field(out, 2, b"bad ids");
        });
        assert_eq!(rejected_items(&response), 7);
        assert_eq!(rejected_items(b"\xff\xff garbage"), 0);
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now_ns = 1_700_000_000_000_000_000;
        assert_eq!(retry_after("7", now_ns), Some(Duration::from_secs(7)));
        let date = "Tue, 14 Nov 2023 22:13:50 GMT";
        assert_eq!(retry_after(date, now_ns), Some(Duration::from_secs(30)));
        for bad in ["", "-1", "soon", "99999999999", "7.5"] {
            assert_eq!(retry_after(bad, now_ns), None, "{bad}");
        }
    }

    #[test]
    fn retry_info_survives_garbage() {
        let mut details = Vec::new();
        write::message_field(&mut details, 3, |out| {
            write::bytes_field(out, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            write::message_field(out, 2, |out| {
                write::message_field(out, 1, |out| {
                    write::varint_field(out, 1, 2);
                    write::varint_field(out, 2, 500_000_000);
                });
            });
        });
        assert_eq!(retry_info(&details), Some(Duration::from_millis(2_500)));
        for cut in 0..details.len() {
            let _ = retry_info(&details[..cut]);
        }
        assert_eq!(retry_info(b"\xff\x01\x02"), None);
    }
}
