//! Numbers on the page.

use std::fmt::Write as _;

/// Whole numbers up to here are written without a look at fractions.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Writes a whole number. Most of a page is these.
pub(super) fn push_whole(page: &mut String, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    page.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// Writes a number in the shortest form that reads back as the same.
pub(super) fn push(page: &mut String, value: f64) {
    let size = value.abs();
    if value.fract() == 0.0 && size < WHOLE {
        if value < 0.0 {
            page.push('-');
        }
        return push_whole(page, size as u64);
    }
    let written = match value {
        value if value.is_nan() => write!(page, "NaN"),
        f64::INFINITY => write!(page, "+Inf"),
        f64::NEG_INFINITY => write!(page, "-Inf"),
        // Without an exponent such a number may have hundreds of digits.
        value if !(1e-5..1e17).contains(&size) => write!(page, "{value:e}"),
        value => write!(page, "{value}"),
    };
    written.expect("a string takes all that is written");
}

/// A bound as the text format has it.
pub(super) fn plain(bound: f64) -> String {
    let mut text = String::new();
    push(&mut text, bound);
    text
}

/// A bound as OpenMetrics has it, which is as Go writes it: always with a point or an exponent,
/// so that two exporters of one bound agree.
pub(super) fn canonical(bound: f64) -> String {
    let size = bound.abs();
    if !bound.is_finite() {
        return plain(bound);
    }
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return format!("{bound:?}");
    }
    let text = format!("{bound:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        let check = |value: f64, expected: &str| {
            assert_eq!(plain(value), expected);
            assert_eq!(expected.trim_start_matches('+').parse::<f64>().unwrap(), value);
        };
        check(0.0, "0");
        check(-0.0, "0");
        check(-3.0, "-3");
        check(12.75, "12.75");
        check(0.000_01, "0.00001");
        check(1e-7, "1e-7");
        check(9_007_199_254_740_993.0, "9007199254740992");
        check(1e300, "1e300");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        assert_eq!(plain(f64::NAN), "NaN");
        let mut page = String::new();
        push_whole(&mut page, u64::MAX);
        assert_eq!(page, u64::MAX.to_string());
    }

    #[test]
    fn bounds_are_as_go_writes_them() {
        let check = |bound: f64, expected: &str| assert_eq!(canonical(bound), expected);
        check(0.0, "0.0");
        check(1.0, "1.0");
        check(0.005, "0.005");
        check(-2.5, "-2.5");
        check(600.0, "600.0");
        check(0.000_05, "5e-05");
        check(1e6, "1e+06");
        check(123_456_789.0, "1.23456789e+08");
        check(1e100, "1e+100");
    }
}
