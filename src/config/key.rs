//! What the table says about one key.

use std::time::Duration;

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// The dotted path in the file: `storage.retention.age`.
    pub(super) name: &'static str,
    /// What its value may be.
    pub(super) kind: Kind,
    /// What holds where nobody says anything.
    pub(super) preset: Preset,
    /// One or two sentences for the reference and `--help`.
    pub(super) doc: &'static str,
}

/// What a value may be. The bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text of at most [`crate::limits::CONFIG_TEXT_BYTES`].
    Text,
    /// A path, relative to the working directory.
    Path,
    /// A file that is read, relative to the configuration file's directory.
    File,
    /// An IP address (or `localhost`, or nothing for all interfaces) and a port.
    Address,
    /// An absolute path within a URL: `/metrics`.
    UrlPath,
    /// An `http://` or `https://` URL without credentials.
    Url,
    /// A number of bytes: `64MiB`, `10GB`, `1048576`.
    Bytes { min: u64, max: u64 },
    /// A time: `30s`, `12h`, `15d`, `1d12h`.
    Duration { min: Duration, max: Duration },
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A number that may have a fraction: `0.05`, `600`.
    Decimal { min: f64, max: f64 },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of words, each at most once.
    Words(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of regular expressions (syntax of the `regex` crate).
    Patterns,
    /// 64 hexadecimal digits.
    Sha256,
    /// A text that is never shown; not on the command line either, where others can see it.
    Secret,
    /// A map of HTTP header names to secret values.
    Headers,
    /// A list of tables with these keys.
    Rows(&'static [Key]),
    /// Known, and refused with this explanation.
    Refused(&'static str),
}

/// What holds where nobody says anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Preset {
    /// Leaving it out is a mistake.
    Required,
    /// There is no value; the word `none` says so explicitly.
    Absent,
    /// This text, read like one from the environment.
    Text(&'static str),
    /// This text, and the word `none` takes the value away.
    Optional(&'static str),
    /// This number, of bytes or of things.
    Number(u64),
    /// An empty list or map.
    Empty,
}

impl Key {
    /// The flag: `storage.disk_reserve_bytes` becomes `storage.disk-reserve-bytes`.
    pub(super) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable: `storage.path` becomes `PHAROS_STORAGE_PATH`.
    pub(super) fn variable(&self) -> String {
        format!("PHAROS_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Whether the word `none` is a value of this key.
    pub(super) fn may_be_none(&self) -> bool {
        matches!(self.preset, Preset::Absent | Preset::Optional(_))
    }
}

impl Kind {
    /// Whether one text can say it; only then there is a flag and an environment variable.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Words(_)
                | Self::Texts
                | Self::Patterns
                | Self::Secret
                | Self::Headers
                | Self::Rows(_)
                | Self::Refused(_)
        )
    }

    /// What stands behind the flag in `--help` and in the reference.
    pub(super) fn shape(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Path | Self::File => "path".into(),
            Self::Address => "address:port".into(),
            Self::UrlPath => "/path".into(),
            Self::Url => "URL".into(),
            Self::Bytes { .. } => "bytes".into(),
            Self::Duration { .. } => "duration".into(),
            Self::Count { .. } | Self::Decimal { .. } => "number".into(),
            Self::Switch => "true|false".into(),
            Self::Word(words) => words.join("|"),
            Self::Words(words) => format!("list of {}", words.join("|")),
            Self::Texts => "list of text".into(),
            Self::Patterns => "list of regex".into(),
            Self::Sha256 => "64 hex digits".into(),
            Self::Secret => "secret text".into(),
            Self::Headers => "map of name to secret".into(),
            Self::Rows(_) => "list of tables".into(),
            Self::Refused(_) => "refused".into(),
        }
    }
}
