//! Prometheus' text format 0.0.4.
//!
//! Labels are escaped once, when their series is made; a page is then mostly copying. Another
//! format (OpenMetrics, with exemplars) is another writer over the same families.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::catalog::Kind;
use super::cell::HistogramCell;
use super::family::{Cell, Recorded, State};

/// The `Content-Type` of the text format.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes the families, sorted by name as given, and between them those that collectors have
/// written. Families without a series are left out, and so is a collected one whose name is taken.
pub(super) fn text(families: &[Arc<Recorded>], collected: &BTreeMap<String, String>) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let mut collected = collected.iter().peekable();
    for family in families {
        while let Some((_, text)) = collected.next_if(|(name, _)| name.as_str() < &*family.name) {
            page.push_str(text);
        }
        let state = family.state();
        if state.series.is_empty() {
            continue;
        }
        collected.next_if(|(name, _)| name.as_str() == &*family.name);
        push_head(&mut page, &family.name, &state.help, family.kind.name());
        push_series(&mut page, family, &state);
    }
    page.extend(collected.map(|(_, text)| text.as_str()));
    page
}

/// Writes `# HELP` and `# TYPE`.
pub(super) fn push_head(page: &mut String, name: &str, help: &str, kind: &str) {
    page.extend(["# HELP ", name, " "]);
    push_escaped(page, help, false);
    page.extend(["\n# TYPE ", name, " ", kind, "\n"]);
}

fn push_series(page: &mut String, family: &Recorded, state: &State) {
    let bounds: Vec<String> = match family.kind {
        Kind::Histogram(bounds) => bounds.iter().map(f64::to_string).collect(),
        _ => Vec::new(),
    };
    for (labels, series) in &state.series {
        match &series.cell {
            Cell::Counter(cell) => push_sample(page, &family.name, "", labels, cell.get()),
            Cell::Amount(cell) => push_sample(page, &family.name, "", labels, cell.get()),
            Cell::Gauge(cell) => push_sample(page, &family.name, "", labels, cell.get()),
            Cell::Histogram(cell) => push_histogram(page, &family.name, labels, cell, &bounds),
        }
    }
}

fn push_histogram(
    page: &mut String,
    name: &str,
    labels: &str,
    cell: &HistogramCell,
    bounds: &[String],
) {
    let mut count = 0;
    let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
    for (bound, observed) in bounds.zip(cell.buckets()) {
        count += observed;
        page.extend([name, "_bucket{", labels, if labels.is_empty() { "" } else { "," }]);
        page.extend(["le=\"", bound, "\"} "]);
        push_value(page, count);
    }
    push_sample(page, name, "_sum", labels, cell.sum());
    push_sample(page, name, "_count", labels, count);
}

fn push_sample(
    page: &mut String,
    name: &str,
    suffix: &str,
    labels: &str,
    value: impl std::fmt::Display,
) {
    page.extend([name, suffix]);
    if !labels.is_empty() {
        page.extend(["{", labels, "}"]);
    }
    page.push(' ');
    push_value(page, value);
}

fn push_value(page: &mut String, value: impl std::fmt::Display) {
    writeln!(page, "{value}").expect("a string takes all that is written");
}

/// Writes `name="value"`, after a comma where something stands before it.
pub(super) fn push_label(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.extend([name, "=\""]);
    push_escaped(labels, value, true);
    labels.push('"');
}

/// Escapes what the format gives a meaning to; in help texts quotes have none.
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
        let mut head = String::new();
        push_head(&mut head, "m", "a \"word\"\nand \\", "gauge");
        assert_eq!(head, "# HELP m a \"word\"\\nand \\\\\n# TYPE m gauge\n");
    }
}
