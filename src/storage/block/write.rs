//! Writing a block: rows are gathered into row groups, row groups into files, and the seal makes
//! it a block.

use std::sync::Arc;

use parquet::file::writer::SerializedFileWriter;

use super::content::{ContentWriter, finish};
use super::error::BlockError;
use super::file::{SummingFile, Sums};
use super::records::LogColumns;
use super::seal::{LogGroup, Seal, SpanGroup};
use super::spans::SpanColumns;
use super::{Step, schema};
use crate::limits;
use crate::model::{LogRecord, Span, Status};
use crate::storage::Position;
use crate::storage::fs::{self, Fs};
use crate::storage::index::ServiceSet;
use crate::storage::layout::{BlockName, BlockPart, Layout};
use crate::storage::query::SpanRow;

/// A record to be stored as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    /// Its bytes.
    pub(super) record: &'a [u8],
    /// The request that holds where it is from.
    pub(super) origin: &'a [u8],
    /// Where its batch was in the log: [`packed`].
    pub(super) position: i64,
}

/// A position as one number, in the order of positions: an offset has 36 bits.
pub(in crate::storage) fn packed(at: Position) -> i64 {
    const OFFSET_BITS: u32 = 36;
    let segment = at.segment.min((1 << (63 - OFFSET_BITS)) - 1);
    (segment << OFFSET_BITS | at.offset.min((1 << OFFSET_BITS) - 1)).cast_signed()
}

/// A block that is being written.
pub(super) struct BlockWriter {
    fs: Arc<dyn Fs>,
    layout: Layout,
    seal: Seal,
    spans: Option<SerializedFileWriter<SummingFile>>,
    logs: Option<SerializedFileWriter<SummingFile>>,
    content: ContentWriter,
    span_columns: SpanColumns,
    log_columns: LogColumns,
    /// Of the row groups that are being gathered.
    span_group: SpanGroup,
    log_group: LogGroup,
    /// Traces in the row group of spans.
    traces: u64,
    last_trace: [u8; 16],
    /// Is told of every step.
    watch: fn(Step),
}

impl BlockWriter {
    /// A block of this name. What an earlier try left of it is replaced.
    pub(super) fn new(
        fs: Arc<dyn Fs>,
        layout: Layout,
        name: BlockName,
        watch: fn(Step),
    ) -> Result<Self, BlockError> {
        fs.create_dir_all(&layout.blocks())?;
        let content = SummingFile::create(&*fs, &layout.block_file(&name, BlockPart::Content))?;
        watch(Step::Begun);
        let seal = Seal {
            name,
            first_arrival_ns: u64::MAX,
            last_arrival_ns: 0,
            log_bytes: 0,
            spans: Vec::new(),
            logs: Vec::new(),
            files: <[Sums; 3]>::default(),
        };
        Ok(Self {
            content: ContentWriter::new(content)?,
            fs,
            layout,
            seal,
            spans: None,
            logs: None,
            span_columns: SpanColumns::default(),
            log_columns: LogColumns::default(),
            span_group: SpanGroup::EMPTY,
            log_group: LogGroup::EMPTY,
            traces: 0,
            last_trace: [0; 16],
            watch,
        })
    }

    /// Notes that a batch went into it, or all batches of another block.
    pub(super) fn note_arrival(&mut self, first_ns: u64, last_ns: u64, bytes: u64) {
        self.seal.first_arrival_ns = self.seal.first_arrival_ns.min(first_ns);
        self.seal.last_arrival_ns = self.seal.last_arrival_ns.max(last_ns);
        self.seal.log_bytes += bytes;
    }

    /// Adds a span.
    pub(super) fn push_span(
        &mut self,
        row: &SpanRow<'_>,
        span: &Span<'_>,
        raw: Raw<'_>,
    ) -> Result<(), BlockError> {
        let content = &mut self.content;
        self.span_columns.push(row, span, raw, content)?;
        let group = &mut self.span_group;
        group.rows += 1;
        group.bytes += raw.record.len() as u64;
        group.min_start_ns = group.min_start_ns.min(row.start_ns);
        group.max_start_ns = group.max_start_ns.max(row.start_ns);
        group.max_duration_ns = group.max_duration_ns.max(row.duration_ns());
        group.services.0 |= ServiceSet::of(row.service).0;
        group.failed |= row.status == Status::Error;
        self.traces += u64::from(self.last_trace != *row.trace_id.as_bytes());
        self.last_trace = *row.trace_id.as_bytes();
        let columns = &self.span_columns;
        if is_full(columns.rows(), columns.bytes()) {
            self.write_spans()?;
        }
        Ok(())
    }

    /// Adds a log record.
    pub(super) fn push_log(
        &mut self,
        service: &str,
        log: &LogRecord<'_>,
        raw: Raw<'_>,
    ) -> Result<(), BlockError> {
        let content = &mut self.content;
        self.log_columns.push(service, log, raw, content)?;
        let group = &mut self.log_group;
        let time = if log.time_ns > 0 { log.time_ns } else { log.observed_ns };
        group.rows += 1;
        group.bytes += raw.record.len() as u64;
        group.min_time_ns = group.min_time_ns.min(time);
        group.max_time_ns = group.max_time_ns.max(time);
        group.max_severity = group.max_severity.max(log.severity);
        group.services.0 |= ServiceSet::of(service).0;
        let columns = &self.log_columns;
        if is_full(columns.rows(), columns.bytes()) {
            self.write_logs()?;
        }
        Ok(())
    }

    fn write_spans(&mut self) -> Result<(), BlockError> {
        if self.span_columns.rows() == 0 {
            return Ok(());
        }
        let mut file = match self.spans.take() {
            Some(file) => file,
            None => self.begin(BlockPart::Spans, schema::SPANS)?,
        };
        self.span_columns.write(&mut file)?;
        self.spans = Some(file);
        self.seal.spans.push(std::mem::replace(&mut self.span_group, SpanGroup::EMPTY));
        self.traces = 0;
        Ok(())
    }

    fn write_logs(&mut self) -> Result<(), BlockError> {
        if self.log_columns.rows() == 0 {
            return Ok(());
        }
        let mut file = match self.logs.take() {
            Some(file) => file,
            None => self.begin(BlockPart::Logs, schema::LOGS)?,
        };
        self.log_columns.write(&mut file)?;
        self.logs = Some(file);
        self.seal.logs.push(std::mem::replace(&mut self.log_group, LogGroup::EMPTY));
        Ok(())
    }

    fn begin(
        &self,
        part: BlockPart,
        columns: &str,
    ) -> Result<SerializedFileWriter<SummingFile>, BlockError> {
        let path = self.layout.block_file(&self.seal.name, part);
        let file = SummingFile::create(&*self.fs, &path)?;
        let properties = schema::row_properties(self.traces.max(64));
        Ok(SerializedFileWriter::new(file, schema::parse(columns)?, properties.into())?)
    }

    /// Writes and syncs what is left, then the seal: from there on the block is there.
    pub(super) fn finish(mut self) -> Result<Seal, BlockError> {
        self.write_spans()?;
        self.write_logs()?;
        self.seal.files[2] = self.content.finish()?;
        (self.watch)(Step::ContentWritten);
        if let Some(file) = self.logs {
            self.seal.files[1] = finish(file)?;
        }
        (self.watch)(Step::LogsWritten);
        if let Some(file) = self.spans {
            self.seal.files[0] = finish(file)?;
        }
        (self.watch)(Step::SpansWritten);
        self.fs.sync_dir(&self.layout.blocks())?;
        (self.watch)(Step::NamesSynced);
        let path = self.layout.block_file(&self.seal.name, BlockPart::Seal);
        fs::replace(&*self.fs, &path, &self.seal.encode())?;
        (self.watch)(Step::Sealed);
        Ok(self.seal)
    }
}

fn is_full(rows: usize, bytes: usize) -> bool {
    rows >= limits::BLOCK_GROUP_ROWS || bytes >= limits::BLOCK_GROUP_BYTES
}
