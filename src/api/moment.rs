//! Times as callers write and read them.

use jiff::Timestamp;

/// RFC 3339 in UTC with nanoseconds: `2026-11-21T08:20:27.123456789Z`.
pub(super) fn rfc3339(unix_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::MAX);
    format!("{time:.9}")
}

/// Nanoseconds as milliseconds, the unit of durations in answers.
pub(super) fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// Reads RFC 3339, or a Unix time whose unit its size tells: seconds (up to the year 5138, with
/// a fraction if wanted), milliseconds, microseconds or nanoseconds. Times before 1970 are none.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: u64 = text.parse().ok()?;
        return match number {
            0..100_000_000_000 => number.checked_mul(1_000_000_000),
            100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000_000),
            100_000_000_000_000..100_000_000_000_000_000 => number.checked_mul(1_000),
            _ => Some(number),
        };
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        && (1..=11).contains(&whole.len())
        && (1..=9).contains(&fraction.len())
    {
        let nanoseconds: u64 = format!("{fraction:0<9}").parse().ok()?;
        return whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanoseconds);
    }
    // A plus sign that was not escaped in a query string arrives as a space.
    let time: Timestamp = text.replace(' ', "+").parse().ok().or_else(|| text.parse().ok())?;
    u64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_nanoseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(1_700_000_000_000_000_001), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn every_way_to_say_a_time() {
        let expected = Some(1_700_000_000_000_000_000);
        for text in [
            "1700000000",
            "1700000000.0",
            "1700000000000",
            "1700000000000000",
            "1700000000000000000",
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.000Z",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20 01:00",
            " 2023-11-14t22:13:20z ",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse("1700000000.000000001"), Some(1_700_000_000_000_000_001));
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse(&u64::MAX.to_string()), Some(u64::MAX));
        assert_eq!(parse(&rfc3339(123)), Some(123));
    }

    #[test]
    fn what_is_no_time() {
        for bad in [
            "",
            "now",
            "yesterday",
            "-1",
            "1e9",
            "18446744073709551616",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-13-45T99:99:99Z",
            "1969-12-31T23:59:59Z",
            "9999-12-30T00:00:00Z",
            "1.",
            ".5",
            "1.0000000001",
            "٣",
            "NaN",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
