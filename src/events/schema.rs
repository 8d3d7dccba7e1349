//! The form of the tables that say which events there are and what they hold.

use crate::model::{RunKind, SpanKind};

/// A kind of event.
#[derive(Debug)]
pub struct Kind {
    /// Its `type`.
    pub name: &'static str,
    /// Other names that are understood.
    pub aliases: &'static [&'static str],
    /// What it tells, as a sentence.
    pub doc: &'static str,
    /// What becomes of it.
    pub shape: Shape,
    /// Names of fields that must be there.
    pub must: &'static [&'static str],
    /// Names of fields of which one must be there; empty where none need be.
    pub one_of: &'static [&'static str],
    /// Attributes that every event of the kind has.
    pub constant: &'static [(&'static str, &'static str)],
    /// The fields that are its own.
    pub fields: &'static [&'static [Field]],
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A span; it says how long it took. Its name is put together of words (which begin with
    /// `=`) and of the values of fields.
    Span {
        /// The span's kind.
        kind: SpanKind,
        /// The pieces of its name.
        name: &'static [&'static str],
        /// Whether it is a run that could have been told by its beginning and its end.
        run: bool,
    },
    /// The span of a run that another event has begun.
    End {
        /// The span's kind.
        kind: SpanKind,
        /// The pieces of its name.
        name: &'static [&'static str],
        /// What ran.
        run: RunKind,
    },
    /// A log record that begins a run.
    Start {
        /// The record's event name.
        record: &'static str,
        /// What runs.
        run: RunKind,
    },
    /// A log record.
    Moment {
        /// The record's event name.
        record: &'static str,
        /// Its severity where the event has none.
        severity: u32,
    },
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its name; with a dot in it, the name within an object.
    pub name: &'static str,
    /// Other names that are understood, at the top of the event.
    pub aliases: &'static [&'static str],
    /// What its value may be.
    pub want: Want,
    /// Where its value goes.
    pub to: To,
    /// The value where none is sent.
    pub default: Option<&'static str>,
    /// What it says, as a sentence.
    pub doc: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Want {
    /// Text that is not empty.
    Text,
    /// Text, or any JSON, which is kept as text.
    Content,
    /// A whole number from 0 to this.
    Count(u64),
    /// A number from 0 to this.
    Number(f64),
    /// Seconds, from 0 to this.
    Seconds(f64),
    /// Milliseconds, from 0 to this many seconds.
    Milliseconds(f64),
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An HTTP status code.
    Code,
    /// A moment: RFC 3339, or a number since 1970.
    Time,
    /// Hexadecimal digits, so many.
    Id(usize),
    /// A W3C `traceparent`.
    Traceparent,
    /// An object with facts of the app's own.
    Facts,
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Into an attribute of this name.
    Attribute(&'static str),
    /// Into an attribute that is a list of one.
    List(&'static str),
    /// Into an attribute with messages; plain text is one of this role.
    Messages(&'static str, &'static str),
    /// Into the log record's body.
    Body,
    /// Into the frame that all events have.
    Frame(Frame),
}

/// The parts of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields' own documentation says what they are")]
pub enum Frame {
    Time,
    Start,
    End,
    Duration,
    TraceId,
    SpanId,
    ParentSpanId,
    Traceparent,
    RunId,
    Id,
    Service,
    Status,
    Success,
    StatusCode,
    ErrorType,
    ErrorMessage,
    Severity,
    EventType,
    Facts,
}

impl Kind {
    /// Every field, its own first.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().flatten()
    }

    /// Whether it becomes a span.
    pub fn is_span(&self) -> bool {
        matches!(self.shape, Shape::Span { .. } | Shape::End { .. })
    }
}

impl Field {
    /// A field without other names.
    pub(super) const fn new(name: &'static str, want: Want, to: To, doc: &'static str) -> Self {
        Self { name, aliases: &[], want, to, default: None, doc }
    }

    /// The same with other names.
    pub(super) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same with a value where none is sent.
    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }
}
