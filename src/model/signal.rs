//! The three kinds of telemetry that OTLP carries.

/// What a batch holds. The discriminant is what the log writes to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Signal {
    /// Spans.
    Traces = 1,
    /// Log records and events.
    Logs = 2,
    /// Data points of an app's own metrics.
    Metrics = 3,
}

impl Signal {
    /// All signals, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The name used in paths (`/v1/traces`) and in the `signal` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// The signal of a byte read from disk.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| *signal as u8 == byte)
    }
}
