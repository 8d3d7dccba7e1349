//! Durations and sizes as people write them, and back.

use std::time::Duration;

const DURATIONS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// `1d12h`, `30s`, `500ms`; the units as Prometheus has them, each larger one first.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, milliseconds) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
        if *milliseconds >= last {
            return None;
        }
        last = *milliseconds;
        total = total.checked_add(number.checked_mul(*milliseconds)?)?;
        rest = after;
    }
    (last != u64::MAX).then(|| Duration::from_millis(total))
}

/// `64MiB`, `10 GB`, `1048576`. Units are read without regard to case.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text)?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Some(number);
    }
    let (_, factor) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

/// The shortest text that [`duration`] reads as the same time.
pub(super) fn write_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Years and weeks are left out: `15d` says more than `2w1d`.
    for (unit, milliseconds) in DURATIONS.iter().skip(2) {
        if rest >= *milliseconds {
            text.push_str(&format!("{}{unit}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    text
}

/// The largest binary unit that divides the number.
pub(super) fn write_bytes(bytes: u64) -> String {
    let unit =
        SIZES[..4].iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| bytes.to_string(), |(name, factor)| format!("{}{name}", bytes / factor))
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, milliseconds, written) in [
            ("15d", 15 * 86_400_000, "15d"),
            ("1d12h", 36 * 3_600_000, "1d12h"),
            ("90m", 5_400_000, "1h30m"),
            ("500ms", 500, "500ms"),
            ("2w", 14 * 86_400_000, "14d"),
            ("0s", 0, "0s"),
        ] {
            let read = duration(text).expect(text);
            assert_eq!(read, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(write_duration(read), written);
            assert_eq!(duration(written), Some(read));
        }
        for text in ["", "15", "d", "15x", "1h1h", "1m1h", "-1s", "1.5h", "99999999999999999999y"] {
            assert_eq!(duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        for (text, number, written) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("1048576", 1 << 20, "1MiB"),
            ("10 gb", 10_000_000_000, "9765625KiB"),
            ("100", 100, "100"),
            ("0", 0, "0"),
            ("3B", 3, "3"),
        ] {
            assert_eq!(bytes(text), Some(number), "{text}");
            assert_eq!(write_bytes(number), written);
            assert_eq!(bytes(written), Some(number));
        }
        for text in ["", "MiB", "1.5GiB", "10 Gb/s", "-1", "99999999999TiB"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
    }
}
