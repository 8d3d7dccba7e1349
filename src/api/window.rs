//! The window of time that a question is about.

use super::error::ApiError;
use super::moment::rfc3339;
use super::parameters::Parameters;
use super::search::time;
use crate::limits;
use crate::storage::query::Filters;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

const HOUR_NS: u64 = 3_600_000_000_000;

/// From when to when, in nanoseconds since the Unix epoch, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

impl Window {
    /// The window asked for by the parameters `hours`, `from` and `to`: the last hours, or from
    /// one time to another; the last [`limits::WINDOW_DEFAULT_HOURS`] where nothing is said.
    pub(super) fn of(parameters: &Parameters, now_ns: u64) -> Result<Self, ApiError> {
        let hours = parameters.number("hours", 1..=limits::WINDOW_HOURS)?;
        let (from, to) = (time(parameters, "from")?, time(parameters, "to")?);
        if hours.is_some() && (from.is_some() || to.is_some()) {
            return Err(ApiError::parameter("hours", "hours goes without from and to."));
        }
        // A sender's clock may run ahead of ours.
        let to_ns = to.unwrap_or(u64::MAX);
        let hours = hours.unwrap_or(limits::WINDOW_DEFAULT_HOURS);
        let back = now_ns.min(to_ns).saturating_sub(hours.saturating_mul(HOUR_NS));
        let from_ns = from.unwrap_or(back);
        if from_ns > to_ns {
            return Err(ApiError::parameter("from", "from is later than to."));
        }
        Ok(Self { from_ns, to_ns })
    }

    /// Conditions that admit what began in it.
    pub(super) fn filters(self) -> Filters {
        let to_ns = (self.to_ns < u64::MAX).then_some(self.to_ns);
        Filters { from_ns: Some(self.from_ns), to_ns, ..Filters::default() }
    }
}

impl Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Window", 2)?;
        fields.serialize_field("from", &rfc3339(self.from_ns))?;
        let to = (self.to_ns < u64::MAX).then(|| rfc3339(self.to_ns));
        fields.serialize_field("to", &to)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: u64 = 1_795_248_000_000_000_000;

    fn window(query: &str) -> Result<(u64, u64), String> {
        let parameters = Parameters::of(Some(query), &["hours", "from", "to"]).unwrap();
        match Window::of(&parameters, NOW_NS) {
            Ok(window) => Ok((window.from_ns, window.to_ns)),
            Err(ApiError::Parameter { name, .. }) => Err(name),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn windows_are_what_was_asked_for() {
        assert_eq!(window(""), Ok((NOW_NS - 24 * HOUR_NS, u64::MAX)));
        assert_eq!(window("hours=1"), Ok((NOW_NS - HOUR_NS, u64::MAX)));
        // Longer than anything is kept, and bounded all the same.
        assert_eq!(window("hours=87600"), Ok((NOW_NS - 87_600 * HOUR_NS, u64::MAX)));
        assert_eq!(window("from=1&to=2"), Ok((1_000_000_000, 2_000_000_000)));
        assert_eq!(window("to=86401"), Ok((1_000_000_000, 86_401_000_000_000)));
        assert_eq!(window("to=1"), Ok((0, 1_000_000_000)));
        for (bad, at_fault) in [
            ("hours=0", "hours"),
            ("hours=87601", "hours"),
            ("hours=-1", "hours"),
            ("hours=24.5", "hours"),
            ("hours=1&from=1", "hours"),
            ("from=3&to=2", "from"),
            ("from=yesterday", "from"),
            ("to=2026-13-01T00:00:00Z", "to"),
        ] {
            assert_eq!(window(bad), Err(at_fault.to_owned()), "{bad}");
        }
    }
}
