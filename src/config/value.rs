//! One value: read from text by its kind, and written back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::key::Kind;
use super::secret::{SHOWN, Secret};
use super::units;
use super::values::Values;
use crate::limits;

/// A value that its kind has accepted.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Text(String),
    Path(PathBuf),
    Address(SocketAddr),
    Bytes(u64),
    Duration(Duration),
    Count(u64),
    Decimal(f64),
    Switch(bool),
    Word(&'static str),
    Words(Vec<&'static str>),
    Texts(Vec<String>),
    Secret(Secret),
    Headers(Vec<(String, Secret)>),
    Rows(Vec<Values>),
}

impl Value {
    /// Reads the text of a scalar kind. The error says what would be right.
    pub(super) fn read(kind: &Kind, text: &str) -> Result<Self, String> {
        match kind {
            Kind::Text => read_text(text).map(Self::Text),
            Kind::Path | Kind::File => read_text(text).map(|path| Self::Path(PathBuf::from(path))),
            Kind::Address => read_address(text).map(Self::Address),
            Kind::UrlPath => read_url_path(text).map(Self::Text),
            Kind::Url => read_url(text).map(Self::Text),
            Kind::Bytes { min, max } => {
                let bytes = units::bytes(text).ok_or_else(|| {
                    format!("{} is not a size such as 64MiB or 10GB", quote(text))
                })?;
                within(bytes, *min, *max, units::write_bytes).map(Self::Bytes)
            }
            Kind::Duration { min, max } => {
                let duration = units::duration(text).ok_or_else(|| {
                    format!("{} is not a duration such as 30s, 12h or 15d", quote(text))
                })?;
                within(duration, *min, *max, units::write_duration).map(Self::Duration)
            }
            Kind::Count { min, max } => {
                let count = text
                    .parse::<u64>()
                    .map_err(|_| format!("{} is not a whole number", quote(text)))?;
                within(count, *min, *max, |count| count.to_string()).map(Self::Count)
            }
            Kind::Decimal { min, max } => read_decimal(text, *min, *max).map(Self::Decimal),
            Kind::Switch => match text {
                "true" => Ok(Self::Switch(true)),
                "false" => Ok(Self::Switch(false)),
                _ => Err(format!("{} is not true or false", quote(text))),
            },
            Kind::Word(words) => read_word(words, text).map(Self::Word),
            Kind::Words(words) => text
                .split_whitespace()
                .map(|word| read_word(words, word))
                .collect::<Result<_, _>>()
                .map(Self::Words),
            Kind::Sha256 => read_sha256(text).map(Self::Text),
            Kind::Secret => read_text(text).map(|text| Self::Secret(Secret::new(text))),
            Kind::Texts | Kind::Patterns => Err("must be a list".to_owned()),
            Kind::Headers => Err("must be a map of names to values".to_owned()),
            Kind::Rows(_) => Err("must be a list of tables".to_owned()),
            Kind::Refused(reason) => Err((*reason).to_owned()),
        }
    }

    /// The text of a scalar, in YAML, with nothing secret in it. Rows have no such text.
    pub(super) fn write(&self, kind: &Kind) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Text(_) if matches!(kind, Kind::Sha256) => SHOWN.to_owned(),
            Self::Secret(_) => SHOWN.to_owned(),
            Self::Text(text) => plain_or_quoted(text),
            Self::Path(path) => plain_or_quoted(&path.to_string_lossy()),
            Self::Address(address) => plain_or_quoted(&address.to_string()),
            Self::Bytes(bytes) => units::write_bytes(*bytes),
            Self::Duration(duration) => units::write_duration(*duration),
            Self::Count(count) => count.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Switch(on) => on.to_string(),
            Self::Word(word) => (*word).to_owned(),
            Self::Words(words) => format!("[{}]", words.join(", ")),
            Self::Texts(texts) => {
                format!("[{}]", texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", "))
            }
            Self::Headers(headers) => {
                let headers = headers.iter().map(|(name, _)| format!("{}: {SHOWN}", quote(name)));
                format!("{{{}}}", headers.collect::<Vec<_>>().join(", "))
            }
            Self::Rows(_) => "[]".to_owned(),
        }
    }
}

impl Value {
    /// The same as JSON: numbers and lists as such, sizes and durations as people write them.
    pub(super) fn write_json(&self, kind: &Kind) -> serde_json::Value {
        match self {
            Self::None => serde_json::Value::Null,
            Self::Text(text) if !matches!(kind, Kind::Sha256) => text.as_str().into(),
            Self::Path(path) => path.to_string_lossy().into(),
            Self::Address(address) => address.to_string().into(),
            Self::Count(count) => (*count).into(),
            Self::Decimal(number) => (*number).into(),
            Self::Switch(on) => (*on).into(),
            Self::Words(words) => words.clone().into(),
            Self::Texts(texts) => texts.clone().into(),
            Self::Headers(headers) => {
                headers.iter().map(|(name, _)| (name.as_str(), SHOWN)).collect()
            }
            other => other.write(kind).into(),
        }
    }
}

/// The text as a JSON string, which is also YAML; cut where it is too long to be shown.
pub(super) fn quote(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 80;
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    serde_json::Value::String(shown).to_string()
}

/// Whether a header's value may be sent as it is.
pub(super) fn read_header(name: &str, value: &str) -> Result<String, String> {
    const OURS: [&str; 6] =
        ["connection", "content-encoding", "content-length", "content-type", "host", "te"];
    let name = http::HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{} is not a header name", quote(name)))?;
    if OURS.contains(&name.as_str()) {
        return Err(format!("the header {name} is set by Pharos itself"));
    }
    http::HeaderValue::from_str(value)
        .map_err(|_| format!("the value of {name} has characters that no header may have"))?;
    Ok(name.as_str().to_owned())
}

/// A pattern that compiles and does not match everything.
pub(super) fn read_pattern(text: &str) -> Result<Value, String> {
    let Value::Text(text) = Value::read(&Kind::Text, text)? else {
        unreachable!("a text is read as a text");
    };
    match regex::RegexBuilder::new(&text).size_limit(limits::CONFIG_REGEX_BYTES).build() {
        Ok(pattern) if pattern.is_match("") => {
            Err(format!("{} matches the empty text, and so everything", quote(&text)))
        }
        Ok(_) => Ok(Value::Text(text)),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err(format!("{} is too large a regular expression", quote(&text)))
        }
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(format!("{} is not a regular expression: {reason}", quote(&text)))
        }
    }
}

fn plain_or_quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.'))
        && !text.ends_with(':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_:".contains(c))
        // What another kind would claim (numbers, `true`, `null`) needs its quotes.
        && (text.contains(['/', '.']) && text.parse::<f64>().is_err()
            || text.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
                && !matches!(
                    text.to_ascii_lowercase().as_str(),
                    "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan"
                        | "inf" | "infinity"
                ));
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn within<T: PartialOrd + Copy>(
    value: T,
    min: T,
    max: T,
    write: impl Fn(T) -> String,
) -> Result<T, String> {
    if value >= min && value <= max {
        return Ok(value);
    }
    Err(format!("{} is not between {} and {}", write(value), write(min), write(max)))
}

fn read_decimal(text: &str, min: f64, max: f64) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("{} is not a number such as 0.05", quote(text)))?;
    within(number, min, max, |number| number.to_string())
}

fn read_text(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > limits::CONFIG_TEXT_BYTES {
        return Err(format!("is longer than {} bytes", limits::CONFIG_TEXT_BYTES));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn read_address(text: &str) -> Result<SocketAddr, String> {
    let wrong =
        || format!("{} is not an IP address and a port such as 127.0.0.1:9464", quote(text));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    match host {
        "" => Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port.parse().map_err(|_| wrong())?)),
        "localhost" => {
            let port = port.parse().map_err(|_| wrong())?;
            Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
        }
        _ => text.parse().map_err(|_| wrong()),
    }
}

fn read_url_path(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if text.len() < 2 || !text.starts_with('/') || text.ends_with('/') || !text.chars().all(allowed)
    {
        return Err(format!("{} is not a path such as /metrics", quote(text)));
    }
    Ok(text.to_owned())
}

/// An `http://` or `https://` URL without credentials, query or slash at its end.
pub(crate) fn read_url(text: &str) -> Result<String, String> {
    // The text is not repeated: whoever puts credentials here must not find them in a log.
    let wrong = || "is not a URL such as http://collector:4317".to_owned();
    let uri: http::Uri = read_text(text)?.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
        return Err(wrong());
    }
    if authority.as_str().contains('@') {
        return Err("must not hold credentials; headers are the place for them".to_owned());
    }
    if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
        return Err(wrong());
    }
    if uri.query().is_some() {
        return Err("must not have a query".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn read_word(words: &[&'static str], text: &str) -> Result<&'static str, String> {
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .ok_or_else(|| format!("{} is not one of {}", quote(text), words.join(", ")))
}

fn read_sha256(text: &str) -> Result<String, String> {
    // Not repeated: it may be the key itself, put in the wrong place.
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("is not a SHA-256: 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, address) in [
            ("127.0.0.1:9464", "127.0.0.1:9464"),
            ("localhost:0", "127.0.0.1:0"),
            (":4317", "0.0.0.0:4317"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(read_address(text).expect(text), address.parse().unwrap());
        }
        for text in ["", "9464", "127.0.0.1", "127.0.0.1:", "example.org:80", "1.2.3.4:65536"] {
            assert!(read_address(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn decimals_are_read() {
        let read = |text: &str| read_decimal(text, 0.0, 1.0);
        assert_eq!((read("0.05"), read("1"), read("5e-2")), (Ok(0.05), Ok(1.0), Ok(0.05)));
        for text in ["", "NaN", "inf", "-inf", "5%", "0,05", "1e999"] {
            assert!(read(text).unwrap_err().contains("is not a number"), "{text:?}");
        }
        assert_eq!(read("-0.5").unwrap_err(), "-0.5 is not between 0 and 1");
        assert_eq!(read("1.5").unwrap_err(), "1.5 is not between 0 and 1");
    }

    #[test]
    fn urls_are_read() {
        for (text, url) in [
            ("http://collector:4317", "http://collector:4317"),
            ("https://otlp.example.org/prefix/", "https://otlp.example.org/prefix"),
            ("http://[::1]:4317/", "http://[::1]:4317"),
        ] {
            assert_eq!(read_url(text).expect(text), url);
        }
        for text in ["collector:4317", "ftp://a", "http://", "http://u:p@a/", "http://a?b", "/a"] {
            assert!(read_url(text).is_err(), "{text:?}");
        }
        assert!(!read_url("http://u:hunter2@a/").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn written_text_cannot_be_taken_for_another_kind() {
        for (text, written) in [
            ("/var/lib/pharos", "/var/lib/pharos"),
            ("./data", "./data"),
            ("production", "production"),
            ("true", "\"true\""),
            ("1.5", "\"1.5\""),
            ("a: b", "\"a: b\""),
            ("", "\"\""),
        ] {
            assert_eq!(plain_or_quoted(text), written);
        }
    }
}
