//! Log records of a row group that is being gathered, and the bytes of one from its columns.

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::column::{Gathered, Texts, Values};
use super::content::ContentWriter;
use super::file::SummingFile;
use super::texts::WideColumns;
use super::write::Raw;
use crate::model::LogRecord;
use crate::otlp::wire::Fields;
use crate::otlp::write;

/// The columns in the order of the schema.
#[derive(Default)]
pub(super) struct LogColumns {
    rows: usize,
    time: Values<i64>,
    observed: Values<i64>,
    trace_id: Texts,
    span_id: Texts,
    severity: Values<i64>,
    severity_text: Texts,
    event_name: Texts,
    service: Texts,
    body: Texts,
    position: Values<i64>,
    origin: Texts,
    wide: WideColumns,
    rest: Vec<u8>,
}

impl LogColumns {
    /// Rows gathered.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes gathered in the wide columns.
    pub(super) fn bytes(&self) -> usize {
        self.wide.bytes() + self.body.bytes()
    }

    /// Adds a log record: as it was read, and raw.
    pub(super) fn push(
        &mut self,
        service: &str,
        log: &LogRecord<'_>,
        raw: Raw<'_>,
        contents: &mut ContentWriter,
    ) -> Result<(), ParquetError> {
        self.rows += 1;
        self.time.push(log.time_ns.cast_signed());
        self.observed.push(log.observed_ns.cast_signed());
        self.trace_id.push_some(log.trace_id.as_ref().map(|id| id.as_bytes().as_slice()));
        self.span_id.push_some(log.span_id.as_ref().map(|id| id.as_bytes().as_slice()));
        self.severity.push(i64::from(log.severity));
        let some = |text: &'_ str| !text.is_empty();
        self.severity_text.push_text(Some(log.severity_text).filter(|text| some(text)));
        self.event_name.push_text(Some(log.event_name).filter(|text| some(text)));
        self.service.push(service.as_bytes());
        let body = self.wide.text(&log.body, contents)?;
        self.body.push(body.as_bytes());
        self.position.push(raw.position);
        self.origin.push(raw.origin);
        self.wide.attributes(&log.attributes, contents)?;
        self.rest.clear();
        for field in Fields::of(raw.record).map_while(Result::ok) {
            // Trace and span ids of a wrong length have no column; they are nobody's.
            if !matches!(field.number, 1 | 2 | 3 | 5 | 6 | 9 | 10 | 11 | 12) {
                self.rest.extend_from_slice(field.raw);
            }
        }
        self.wide.end_row(&self.rest, contents)
    }

    /// Writes what was gathered as a row group.
    pub(super) fn write(
        &mut self,
        file: &mut SerializedFileWriter<SummingFile>,
    ) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        self.time.write(&mut group)?;
        self.observed.write(&mut group)?;
        self.trace_id.write_fixed(&mut group)?;
        self.span_id.write_fixed(&mut group)?;
        self.severity.write(&mut group)?;
        for texts in
            [&mut self.severity_text, &mut self.event_name, &mut self.service, &mut self.body]
        {
            texts.write(&mut group)?;
        }
        self.position.write(&mut group)?;
        self.origin.write(&mut group)?;
        let wide = &mut self.wide;
        wide.keys.write(&mut group)?;
        wide.values.write(&mut group)?;
        wide.types.write(&mut group)?;
        wide.content.write(&mut group)?;
        wide.rest.write(&mut group)?;
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// The narrow columns that a log record's bytes are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct NarrowLog<'a> {
    pub(super) time_ns: u64,
    pub(super) observed_ns: u64,
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: &'a [u8],
    pub(super) severity: u64,
    pub(super) severity_text: &'a [u8],
    pub(super) event_name: &'a [u8],
}

impl NarrowLog<'_> {
    /// Appends their fields of a `LogRecord`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let bytes = |out: &mut Vec<u8>, field, bytes: &[u8]| {
            if !bytes.is_empty() {
                write::bytes_field(out, field, bytes);
            }
        };
        write::fixed64_field(out, 1, self.time_ns);
        if self.severity > 0 {
            write::varint_field(out, 2, self.severity);
        }
        bytes(out, 3, self.severity_text);
        bytes(out, 9, self.trace_id);
        bytes(out, 10, self.span_id);
        write::fixed64_field(out, 11, self.observed_ns);
        bytes(out, 12, self.event_name);
    }
}
