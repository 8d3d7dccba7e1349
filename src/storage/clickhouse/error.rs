//! Why ClickHouse did not do what it was asked.

/// A request to ClickHouse failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClickHouseError {
    /// There is no connection, or it broke.
    #[error("ClickHouse cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("ClickHouse did not answer in time")]
    Slow,
    /// Nobody waits for the answer any more, or the budget of the question is spent.
    #[error("the question was given up")]
    GivenUp,
    /// It answered with an error of its own.
    #[error("ClickHouse refused with code {code} ({name})")]
    Refused {
        /// ClickHouse's number of the error.
        code: u32,
        /// ClickHouse's name of the error, `UNKNOWN_TABLE`.
        name: String,
    },
    /// The tables are not those of the OpenTelemetry collector's exporter.
    #[error("the tables do not fit: {0}")]
    Schema(String),
    /// The answer is not what was asked for.
    #[error("ClickHouse sent an answer that cannot be read")]
    Garbled,
}

/// What a failure can be counted as.
pub const REASONS: [&str; 8] =
    ["unreachable", "slow", "schema", "read_only", "too_many_parts", "memory", "denied", "other"];

impl ClickHouseError {
    /// One of [`REASONS`].
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow | Self::GivenUp => "slow",
            Self::Schema(_) => "schema",
            Self::Garbled => "other",
            Self::Refused { code, .. } => match code {
                // Numbers of ClickHouse's ErrorCodes.cpp.
                10 | 16 | 20 | 36 | 47 | 53 | 60 | 81 => "schema",
                159 | 209 => "slow",
                164 | 242 => "read_only",
                252 => "too_many_parts",
                173 | 241 => "memory",
                192..=194 | 497 | 516 => "denied",
                _ => "other",
            },
        }
    }

    /// Whether the bounds of the question were reached, and not something broken.
    pub(super) fn is_bound(&self) -> bool {
        // Too many rows, timeout, memory, bytes, rows or bytes.
        let bounds = [158, 159, 241, 307, 396];
        matches!(self, Self::Refused { code, .. } if bounds.contains(code))
            || matches!(self, Self::GivenUp | Self::Slow)
    }
}
