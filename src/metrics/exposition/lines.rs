//! The lines of a page: heads, samples and the end.

use super::Format;
use super::number;
use crate::metrics::exemplar::{Exemplar, Slot};

/// Units that may end a name. OpenMetrics wants the unit of a family as the end of its name.
const UNITS: [&str; 17] = [
    "seconds",
    "bytes",
    "usd",
    "ratio",
    "percent",
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "meters",
    "grams",
    "joules",
    "volts",
    "amperes",
    "celsius",
];

/// A page that is being written.
pub(super) struct Lines {
    page: String,
    format: Format,
}

/// The kind of a family, for its `# TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Its samples end in `_total`.
    Counter,
    /// What comes and goes.
    Gauge,
    /// Constant 1, told by labels.
    Info,
    /// Buckets.
    Histogram,
    /// Quantiles.
    Summary,
    /// Nobody says.
    Unknown,
}

/// A line of which the name and labels stand already.
#[must_use]
pub(super) struct Sample<'l>(&'l mut Lines);

impl Lines {
    pub(super) fn new(format: Format) -> Self {
        Self { page: String::with_capacity(64 * 1024), format }
    }

    /// Writes what is said of a family before its samples.
    pub(super) fn head(&mut self, name: &str, help: &str, word: Word) {
        let open = self.format == Format::OpenMetrics;
        let family = if open { family_name(name, word) } else { name };
        let page = &mut self.page;
        page.extend(["# HELP ", family, " "]);
        push_escaped(page, help, open);
        page.extend(["\n# TYPE ", family, " ", word.of(self.format), "\n"]);
        if let Some(unit) = unit(family).filter(|_| open && word != Word::Info) {
            page.extend(["# UNIT ", family, " ", unit, "\n"]);
        }
    }

    /// Begins a sample; `labels` as they stand on the page.
    pub(super) fn sample(&mut self, name: &str, suffix: &str, labels: &str) -> Sample<'_> {
        self.page.extend([name, suffix]);
        if !labels.is_empty() {
            self.page.extend(["{", labels, "}"]);
        }
        self.page.push(' ');
        Sample(self)
    }

    /// Begins the sample of a bucket.
    pub(super) fn bucket(&mut self, name: &str, labels: &str, bound: &str) -> Sample<'_> {
        let comma = if labels.is_empty() { "" } else { "," };
        self.page.extend([name, "_bucket{", labels, comma, "le=\"", bound, "\"} "]);
        Sample(self)
    }

    /// A bound or quantile as it stands in this form. A series must have one name only, so it is
    /// always the shortest number, which OpenMetrics wants with a point.
    pub(super) fn bound(&self, bound: f64) -> String {
        match self.format {
            Format::Text => number::plain(bound),
            Format::OpenMetrics => number::canonical(bound),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.format == Format::OpenMetrics
    }

    /// The page, which in OpenMetrics says where it ends.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.page.push_str("# EOF\n");
        }
        self.page
    }
}

impl Sample<'_> {
    /// Writes a whole number.
    pub(super) fn whole(self, value: u64) -> Self {
        number::push_whole(&mut self.0.page, value);
        self
    }

    /// Writes a number.
    pub(super) fn number(self, value: f64) -> Self {
        number::push(&mut self.0.page, value);
        self
    }

    /// Writes the exemplar of the sample, where the form has a place for it.
    pub(super) fn exemplar(self, slot: Option<&Slot>) -> Self {
        if self.0.format == Format::OpenMetrics
            && let Some(exemplar) = slot.and_then(Slot::get)
        {
            push_exemplar(&mut self.0.page, &exemplar);
        }
        self
    }

    /// Ends the line.
    pub(super) fn end(self) {
        self.0.page.push('\n');
    }
}

impl Word {
    fn of(self, format: Format) -> &'static str {
        match (self, format) {
            (Self::Counter, _) => "counter",
            (Self::Info, Format::OpenMetrics) => "info",
            (Self::Gauge | Self::Info, _) => "gauge",
            (Self::Histogram, _) => "histogram",
            (Self::Summary, _) => "summary",
            (Self::Unknown, Format::OpenMetrics) => "unknown",
            (Self::Unknown, Format::Text) => "untyped",
        }
    }
}

/// The name of a family in OpenMetrics, which its samples end with a suffix.
fn family_name(name: &str, word: Word) -> &str {
    let suffix = match word {
        Word::Counter => "_total",
        Word::Info => "_info",
        _ => "",
    };
    name.strip_suffix(suffix).unwrap_or(name)
}

/// The unit that a family's name ends with.
fn unit(family: &str) -> Option<&'static str> {
    let (before, last) = family.rsplit_once('_')?;
    UNITS.into_iter().find(|unit| !before.is_empty() && *unit == last)
}

/// Ids are 63 of the 128 characters that the labels of an exemplar may have.
fn push_exemplar(page: &mut String, exemplar: &Exemplar) {
    use std::fmt::Write as _;
    let Exemplar { trace_id, span_id, value, at_ns } = exemplar;
    write!(page, " # {{trace_id=\"{trace_id:032x}\",span_id=\"{span_id:016x}\"}} ")
        .expect("a string takes all that is written");
    number::push(page, *value);
    if *at_ns > 0 {
        let (seconds, millis) = (at_ns / 1_000_000_000, at_ns / 1_000_000 % 1_000);
        write!(page, " {seconds}.{millis:03}").expect("a string takes all that is written");
    }
}

/// Writes `name="value"`, after a comma where something stands before it.
pub(in crate::metrics) fn push_label(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.extend([name, "=\""]);
    push_escaped(labels, value, true);
    labels.push('"');
}

/// Escapes what the format gives a meaning to; in help texts of the text format quotes have none.
fn push_escaped(page: &mut String, text: &str, quotes: bool) {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'\n' | b'"')) {
        page.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '\n' => page.push_str("\\n"),
            '"' if quotes => page.push_str("\\\""),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_help_are_escaped() {
        let mut labels = String::new();
        push_label(&mut labels, "a", r#"\"#);
        push_label(&mut labels, "b", "\"\n");
        assert_eq!(labels, r#"a="\\",b="\"\n""#);
        let head = |format| {
            let mut lines = Lines::new(format);
            lines.head("m", "a \"word\"\nand \\", Word::Gauge);
            lines.finish()
        };
        let text = "# HELP m a \"word\"\\nand \\\\\n# TYPE m gauge\n";
        assert_eq!(head(Format::Text), text);
        let open = "# HELP m a \\\"word\\\"\\nand \\\\\n# TYPE m gauge\n# EOF\n";
        assert_eq!(head(Format::OpenMetrics), open);
    }

    #[test]
    fn families_are_named_for_what_they_hold() {
        let check = |name: &str, word, expected: &str| {
            let mut lines = Lines::new(Format::OpenMetrics);
            lines.head(name, "Help.", word);
            let page = lines.finish();
            let heads = page.lines().filter(|line| !line.contains("HELP") && *line != "# EOF");
            assert_eq!(heads.collect::<Vec<_>>().join(" "), expected);
        };
        check("jobs_total", Word::Counter, "# TYPE jobs counter");
        check("x_bytes_total", Word::Counter, "# TYPE x_bytes counter # UNIT x_bytes bytes");
        check("x_seconds", Word::Histogram, "# TYPE x_seconds histogram # UNIT x_seconds seconds");
        check("build_info", Word::Info, "# TYPE build info");
        check("seconds", Word::Gauge, "# TYPE seconds gauge");
        check("x", Word::Unknown, "# TYPE x unknown");
    }
}
