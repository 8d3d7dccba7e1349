//! The tables of `docs/EVENTS.md`, written from the table of kinds.

use std::fmt::Write;

use super::frame::{COMMON, LASTING};
use super::kinds::KINDS;
use super::schema::{Field, Kind, Shape, To, Want};

/// The part of the page that is written.
pub(super) fn reference() -> String {
    let mut out = String::from("\n### Every event\n\n");
    fields(&mut out, COMMON);
    out.push_str("\n### What has a duration\n\n");
    fields(&mut out, LASTING);
    for kind in KINDS {
        section(&mut out, kind);
    }
    out
}

fn section(out: &mut String, kind: &Kind) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\n### `{}`\n\n{}", kind.name, kind.doc);
    if !kind.aliases.is_empty() {
        let _ = write!(out, " Also `{}`.", kind.aliases.join("`, `"));
    }
    let becomes = match kind.shape {
        Shape::Span { .. } | Shape::End { .. } => "a span".to_owned(),
        Shape::Start { record, .. } => format!("a log record `{record}`"),
        Shape::Moment { record: "debug.", .. } => "a log record `debug.<event_type>`".to_owned(),
        Shape::Moment { record, .. } => format!("a log record `{record}`"),
    };
    let _ = write!(out, " Becomes {becomes}.");
    if !kind.must.is_empty() {
        let _ = write!(out, " Needs `{}`.", kind.must.join("`, `"));
    }
    if !kind.one_of.is_empty() {
        let _ = write!(out, " Needs one of `{}`.", kind.one_of.join("`, `"));
    }
    out.push('\n');
    let own = kind.fields.iter().filter(|it| !std::ptr::eq(**it, COMMON));
    let own: Vec<&[Field]> = own.copied().filter(|it| !std::ptr::eq(*it, LASTING)).collect();
    if own.iter().any(|fields| !fields.is_empty()) {
        out.push('\n');
        let all = own.into_iter().flatten();
        rows(out, all);
    }
}

fn fields(out: &mut String, fields: &[Field]) {
    rows(out, fields.iter());
}

fn rows<'f>(out: &mut String, fields: impl Iterator<Item = &'f Field>) {
    out.push_str("| field | value | becomes | |\n|---|---|---|---|\n");
    for field in fields {
        let becomes = match field.to {
            To::Attribute(name) | To::List(name) | To::Messages(name, _) => format!("`{name}`"),
            To::Body => "body".to_owned(),
            To::Frame(_) => String::new(),
        };
        let mut said = field.doc.to_owned();
        if let Some(default) = field.default {
            let _ = write!(said, " `{default}` if left out.");
        }
        if !field.aliases.is_empty() {
            let _ = write!(said, " Also `{}`.", field.aliases.join("`, `"));
        }
        let _ = writeln!(out, "| `{}` | {} | {becomes} | {said} |", field.name, value(field.want));
    }
}

fn value(want: Want) -> String {
    match want {
        Want::Text => "text".to_owned(),
        Want::Content => "text or JSON".to_owned(),
        Want::Count(_) => "whole number".to_owned(),
        Want::Number(_) => "number".to_owned(),
        Want::Seconds(_) => "seconds".to_owned(),
        Want::Milliseconds(_) => "milliseconds".to_owned(),
        Want::Flag => "`true` or `false`".to_owned(),
        Want::Word(words) => format!("`{}`", words.join("`, `")),
        Want::Code => "status code".to_owned(),
        Want::Time => "time".to_owned(),
        Want::Id(digits) => format!("{digits} hexadecimal digits"),
        Want::Traceparent => "`traceparent`".to_owned(),
        Want::Facts => "object".to_owned(),
    }
}
