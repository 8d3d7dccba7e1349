//! Why a point is not on the page.

/// The reason, as a counter has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no room for another series.
    SeriesLimit,
    /// It has more buckets, quantiles or labels than a series may have.
    TooLarge,
    /// Its name is empty, too long or nothing that Prometheus could call it.
    Name,
    /// Another metric has that name or those labels on the page, and is of another kind.
    Conflict,
    /// It is delta where the series is cumulative or the other way round, or says neither.
    Temporality,
    /// It is older than what is known, or was sent by an older process under the same identity.
    OutOfOrder,
    /// A counter that falls without having been started again.
    Backwards,
    /// A number that is NaN or infinite.
    NotFinite,
    /// Buckets, counts and bounds that do not fit one another; no value at all.
    Malformed,
}

impl Refusal {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 9] = [
        Self::SeriesLimit,
        Self::TooLarge,
        Self::Name,
        Self::Conflict,
        Self::Temporality,
        Self::OutOfOrder,
        Self::Backwards,
        Self::NotFinite,
        Self::Malformed,
    ];

    /// The value of the label `reason`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SeriesLimit => "series_limit",
            Self::TooLarge => "too_large",
            Self::Name => "name",
            Self::Conflict => "conflict",
            Self::Temporality => "temporality",
            Self::OutOfOrder => "out_of_order",
            Self::Backwards => "backwards",
            Self::NotFinite => "not_finite",
            Self::Malformed => "malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog;

    #[test]
    fn the_catalog_knows_every_reason() {
        let known = catalog::APP_METRICS_REFUSED.labels[0].values;
        assert_eq!(Refusal::ALL.map(Refusal::name), known);
        for (index, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
