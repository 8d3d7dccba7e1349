//! Spans, log records and data points: what must hold of each, and where its texts are.

use super::gate::Reason;
use super::walk::{Head, Walk, level, point_schema};
use crate::limits;
use crate::otlp::schema::{self, Kind, Message};
use crate::otlp::wire::{Content, Field, Fields};
use crate::otlp::write;

/// Counts the attributes of one record and leaves out those beyond the limit.
struct Surplus {
    /// The field number of `dropped_attributes_count`.
    count_field: u32,
    allowed: usize,
    dropped: u64,
}

impl<'a> Walk<'a, '_> {
    pub(super) fn span(&mut self, bytes: &'a [u8]) -> Result<Head<'a>, Reason> {
        let mut head = Head { trace_id: &[], span_id: &[], start_ns: 0, end_ns: 0 };
        let mut attributes = 0_usize;
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                9 => {
                    attributes += 1;
                    if attributes <= limits::ATTRIBUTES_PER_RECORD {
                        self.attribute(field.content.bytes()?, 0)?;
                    }
                }
                1 => head.trace_id = field.content.bytes()?,
                2 => head.span_id = field.content.bytes()?,
                4 => parent_id(field.content.bytes()?)?,
                3 | 5 => self.text(&field)?,
                7 => head.start_ns = field.content.fixed64()?,
                8 => head.end_ns = field.content.fixed64()?,
                11 => self.message(&schema::EVENT, field.content.bytes()?)?,
                13 => self.message(&schema::LINK, field.content.bytes()?)?,
                15 => self.message(&schema::STATUS, field.content.bytes()?)?,
                6 | 10 | 12 | 14 => drop(field.content.varint()?),
                16 => fixed32(field.content)?,
                _ => {}
            }
        }
        if head.trace_id.len() != 16 || is_zero(head.trace_id) {
            return Err(Reason::InvalidTraceId);
        }
        if head.span_id.len() != 8 || is_zero(head.span_id) {
            return Err(Reason::InvalidSpanId);
        }
        self.limit_attributes(bytes, 9, 10, attributes)?;
        Ok(head)
    }

    pub(super) fn log_record(&mut self, bytes: &'a [u8]) -> Result<Head<'a>, Reason> {
        let mut head = Head { trace_id: &[], span_id: &[], start_ns: 0, end_ns: 0 };
        let mut attributes = 0_usize;
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                6 => {
                    attributes += 1;
                    if attributes <= limits::ATTRIBUTES_PER_RECORD {
                        self.attribute(field.content.bytes()?, 0)?;
                    }
                }
                5 => self.value(field.content.bytes()?, 0)?,
                1 => head.start_ns = field.content.fixed64()?,
                11 => head.end_ns = field.content.fixed64()?,
                2 | 7 => drop(field.content.varint()?),
                3 | 12 => self.text(&field)?,
                8 => fixed32(field.content)?,
                9 => head.trace_id = field.content.bytes()?,
                10 => head.span_id = field.content.bytes()?,
                _ => {}
            }
        }
        optional_ids(&mut head)?;
        self.limit_attributes(bytes, 6, 7, attributes)?;
        Ok(head)
    }

    /// Everything of a metric but its data points.
    pub(super) fn metric_head(&mut self, bytes: &'a [u8]) -> Result<(), Reason> {
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1..=3 => self.text(&field)?,
                12 => self.attribute(field.content.bytes()?, 0)?,
                number if point_schema(number).is_some() => {
                    for part in Fields::of(field.content.bytes()?) {
                        let part = part?;
                        match part.number {
                            1 => drop(part.content.bytes()?),
                            2 if matches!(number, 7 | 9 | 10) => drop(part.content.varint()?),
                            3 if number == 7 => drop(part.content.varint()?),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn point(
        &mut self,
        points: &'static Message,
        bytes: &'a [u8],
    ) -> Result<Head<'a>, Reason> {
        let mut head = Head { trace_id: &[], span_id: &[], start_ns: 0, end_ns: 0 };
        self.message(points, bytes)?;
        for field in Fields::of(bytes) {
            let field = field?;
            match points.field(field.number).map(|known| known.name) {
                Some("startTimeUnixNano") => head.start_ns = field.content.fixed64()?,
                Some("timeUnixNano") => head.end_ns = field.content.fixed64()?,
                _ => {}
            }
        }
        Ok(head)
    }

    /// Any message that is not worth a walk of its own: validated and redacted by OTLP's table.
    pub(super) fn message(
        &mut self,
        message: &'static Message,
        bytes: &'a [u8],
    ) -> Result<(), Reason> {
        let mut attributes = 0_usize;
        let mut attribute_field = 0;
        for field in Fields::of(bytes) {
            let field = field?;
            let Some(known) = message.field(field.number) else { continue };
            match known.kind {
                Kind::Message(nested) if std::ptr::eq(nested, &schema::KEY_VALUE) => {
                    attributes += 1;
                    attribute_field = field.number;
                    if attributes <= limits::ATTRIBUTES_PER_RECORD {
                        self.attribute(field.content.bytes()?, 0)?;
                    }
                }
                Kind::Message(nested) => self.message(nested, field.content.bytes()?)?,
                Kind::Text => self.text(&field)?,
                Kind::Bytes | Kind::Id => drop(field.content.bytes()?),
                _ => number(known, field.content)?,
            }
        }
        if attributes <= limits::ATTRIBUTES_PER_RECORD {
            return Ok(());
        }
        let count = message.named("droppedAttributesCount").ok_or(Reason::TooManyAttributes)?;
        self.limit_attributes(bytes, attribute_field, count.number, attributes)
    }

    /// Leaves out the attributes beyond the limit and says so in the record's own count.
    fn limit_attributes(
        &mut self,
        bytes: &'a [u8],
        attribute_field: u32,
        count_field: u32,
        attributes: usize,
    ) -> Result<(), Reason> {
        let surplus = attributes.saturating_sub(limits::ATTRIBUTES_PER_RECORD);
        if surplus == 0 {
            return Ok(());
        }
        Surplus { count_field, allowed: limits::ATTRIBUTES_PER_RECORD, dropped: surplus as u64 }
            .leave_out(self, bytes, attribute_field)
    }
}

impl Surplus {
    /// An event's attributes may end where an attribute of its span begins: the number of the
    /// count tells the two apart.
    fn level(&self) -> u8 {
        level::SURPLUS + self.count_field as u8
    }

    fn leave_out<'a>(
        mut self,
        walk: &mut Walk<'a, '_>,
        bytes: &'a [u8],
        attribute_field: u32,
    ) -> Result<(), Reason> {
        for field in Fields::of(bytes) {
            let field = field?;
            if field.number == self.count_field {
                self.dropped = self.dropped.saturating_add(field.content.varint()?);
            }
        }
        let dropped = self.dropped.min(u64::from(u32::MAX));
        let mut told = false;
        for field in Fields::of(bytes) {
            let field = field?;
            if field.number == attribute_field && self.allowed > 0 {
                self.allowed -= 1;
            } else if field.number == attribute_field && !told {
                // The first attribute too many gives its place to the count of all of them.
                told = true;
                walk.edits.replace(walk.range(field.raw), |out| {
                    write::varint_field(out, self.count_field, dropped);
                });
            } else if field.number == attribute_field || field.number == self.count_field {
                walk.edits.leave_out(walk.range(field.raw), self.level());
            }
        }
        Ok(())
    }
}

fn is_zero(id: &[u8]) -> bool {
    id.iter().all(|byte| *byte == 0)
}

fn parent_id(id: &[u8]) -> Result<(), Reason> {
    if id.is_empty() || id.len() == 8 { Ok(()) } else { Err(Reason::InvalidParentId) }
}

/// A log record may belong to no trace: absent and all-zero ids say so. Any other length is a
/// sender's mistake that would file the record under a trace that does not exist.
fn optional_ids(head: &mut Head<'_>) -> Result<(), Reason> {
    if !matches!(head.trace_id.len(), 0 | 16) {
        return Err(Reason::InvalidTraceId);
    }
    if !matches!(head.span_id.len(), 0 | 8) {
        return Err(Reason::InvalidSpanId);
    }
    if is_zero(head.trace_id) {
        head.trace_id = &[];
    }
    if is_zero(head.span_id) {
        head.span_id = &[];
    }
    Ok(())
}

fn fixed32(content: Content<'_>) -> Result<(), Reason> {
    match content {
        Content::Fixed32(_) => Ok(()),
        _ => Err(Reason::Malformed),
    }
}

/// Checks the wire type of a numeric field; repeated ones may be packed.
fn number(field: &schema::Field, content: Content<'_>) -> Result<(), Reason> {
    let valid = match (field.kind, content) {
        (Kind::Fixed64 | Kind::Sfixed64 | Kind::Double, Content::Fixed64(_))
        | (Kind::Fixed32, Content::Fixed32(_)) => true,
        (Kind::Fixed64 | Kind::Sfixed64 | Kind::Double, Content::Bytes(packed)) => {
            field.repeated && packed.len() % 8 == 0
        }
        (Kind::Fixed64 | Kind::Sfixed64 | Kind::Double | Kind::Fixed32, _) => false,
        (_, Content::Varint(_)) => true,
        (_, Content::Bytes(packed)) => field.repeated && packed_varints(packed),
        _ => false,
    };
    if valid { Ok(()) } else { Err(Reason::Malformed) }
}

fn packed_varints(packed: &[u8]) -> bool {
    let mut length = 0;
    for byte in packed {
        length += 1;
        if *byte < 0x80 {
            // The tenth byte of a varint holds one bit.
            if length == 10 && *byte > 1 {
                return false;
            }
            length = 0;
        } else if length == 10 {
            return false;
        }
    }
    length == 0
}

/// A field that holds text: checked and redacted.
impl<'a> Walk<'a, '_> {
    pub(super) fn text(&mut self, field: &Field<'a>) -> Result<(), Reason> {
        let text = field.content.text()?;
        if let Some(redacted) = self.redactor.text(text, &mut self.hits) {
            self.edits.replace(self.range(field.raw), |out| {
                write::bytes_field(out, field.number, redacted.as_bytes());
            });
        }
        Ok(())
    }
}
