//! Where a value came from, and what is wrong with it.

use std::fmt;
use std::sync::Arc;

/// The layer that set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody did.
    Default,
    /// The configuration file; lines and columns count from 1.
    File {
        /// As it was given on the command line.
        file: Arc<str>,
        /// The line of the value.
        line: u64,
        /// The column of the value.
        column: u64,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag, by its name with the dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One mistake: where, which key, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was made.
    pub origin: Origin,
    /// The key, empty where the mistake is not about one.
    pub key: String,
    /// What is wrong and what would be right. Never the value of a secret.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// All mistakes of one configuration, in the order of the file.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
