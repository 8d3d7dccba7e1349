//! Everything kept in a storage folder as lines of OTLP/JSON, the oldest first, without changing
//! anything there.
//!
//! A line is one export request, as the file exporter of the OpenTelemetry collector writes it.
//! Segments that are blocks are taken from these, so that every record comes once. Memory is
//! bounded: a line is written once it is large enough, and blocks are read a few rows at a time.

mod blocks;
mod line;

use std::io;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::line::Line;
use super::Batch;
use super::block::{Block, Catalog, CatalogError};
use super::fs::Fs;
use super::index::{LogHead, SpanHead};
use super::layout::{Layout, segment_name};
use super::log::{OpenError, Survey, Surveyed};
use super::query::Groups;
use super::verify::{Guest, LookError, enter};
use crate::model::{Signal, TraceId};
use crate::otlp::read;

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportQuery {
    /// Spans, log records or, if `None`, both.
    pub signal: Option<Signal>,
    /// When spans began and log records happened, in nanoseconds since the Unix epoch.
    pub times: RangeInclusive<u64>,
    /// Only this trace.
    pub trace_id: Option<TraceId>,
}

impl Default for ExportQuery {
    fn default() -> Self {
        Self { signal: None, times: 0..=u64::MAX, trace_id: None }
    }
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// Spans written.
    pub spans: u64,
    /// Log records written.
    pub logs: u64,
    /// What could not be read, in words.
    pub damage: Vec<String>,
}

/// An export was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder cannot be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The lines cannot be written.
    #[error("the lines cannot be written: {0}")]
    Write(#[source] io::Error),
}

/// Takes a line, without its end.
pub type TakeLine<'t> = dyn FnMut(&[u8]) -> io::Result<()> + 't;

/// Exports what is asked for; `take` gets the lines.
///
/// # Errors
///
/// The folder cannot be looked at, or `take` has failed. What is damaged is no error: the rest is
/// exported.
pub fn export(
    fs: &Arc<dyn Fs>,
    root: &Path,
    query: &ExportQuery,
    take: &mut TakeLine<'_>,
) -> Result<Exported, ExportError> {
    let layout = Layout::new(root);
    let guest = enter(&**fs, root, &layout)?;
    if matches!(guest, Guest::Beside) {
        return Err(LookError::InUse { path: root.to_owned() }.into());
    }
    let failed = |source| LookError::Io { path: root.to_owned(), source };
    let survey = Survey::take(Arc::clone(fs), layout.clone()).map_err(failed)?;
    for segment in &survey.segments {
        if let Some(version) = segment.newer() {
            let path = layout.segment(segment.number);
            return Err(LookError::Newer(OpenError::Newer { path, version }.to_string()).into());
        }
    }
    let log_from = survey.segments.first().map_or(0, |first| first.number);
    let (catalog, lost) = look_at_blocks(fs, &layout, root, log_from)?;
    let mut exporter = Exporter {
        query,
        lines: [Line::new(Signal::Traces), Line::new(Signal::Logs)],
        exported: Exported { damage: lost, ..Exported::default() },
        take,
    };
    let blocks = catalog.shelved().blocks;
    let mut sources: Vec<(u64, From<'_>)> =
        blocks.iter().map(|block| (block.seal.name.first, From::Block(block))).collect();
    for segment in &survey.segments {
        let number = segment.number;
        let is_in =
            |block: &Arc<Block>| (block.seal.name.first..=block.seal.name.last).contains(&number);
        if !blocks.iter().any(is_in) {
            sources.push((number, From::Segment(segment)));
        }
    }
    sources.sort_by_key(|(first, _)| *first);
    for (_, source) in sources {
        match source {
            From::Block(block) => exporter.block(block)?,
            From::Segment(segment) => exporter.segment(&survey, segment)?,
        }
        exporter.flush()?;
    }
    Ok(exporter.exported)
}

fn look_at_blocks(
    fs: &Arc<dyn Fs>,
    layout: &Layout,
    root: &Path,
    log_from: u64,
) -> Result<(Catalog, Vec<String>), LookError> {
    Catalog::look(Arc::clone(fs), layout.clone(), log_from).map_err(|error| match error {
        newer @ CatalogError::Version { .. } => LookError::Newer(newer.to_string()),
        CatalogError::Io(source) => LookError::Io { path: PathBuf::from(root), source },
    })
}

/// Where records are taken from.
enum From<'a> {
    Block(&'a Block),
    Segment(&'a Surveyed),
}

struct Exporter<'q, 't> {
    query: &'q ExportQuery,
    /// Of spans and of log records.
    lines: [Line; 2],
    exported: Exported,
    take: &'q mut TakeLine<'t>,
}

impl Exporter<'_, '_> {
    fn wants(&self, signal: Signal) -> bool {
        signal != Signal::Metrics && self.query.signal.is_none_or(|wanted| wanted == signal)
    }

    /// A segment that is in no block.
    fn segment(&mut self, survey: &Survey, segment: &Surveyed) -> Result<(), ExportError> {
        let mut outcome = Ok(());
        let walked = survey.walk(segment, &mut |_, batch| {
            outcome = self.batch(batch);
            if outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        outcome?;
        let damage = match walked {
            Ok(walked) => walked.damage,
            Err(error) => vec![error.to_string()],
        };
        let name = segment_name(segment.number);
        self.exported.damage.extend(damage.iter().map(|damage| format!("{name}: {damage}")));
        Ok(())
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), ExportError> {
        if !self.wants(batch.signal) {
            return Ok(());
        }
        for resource in read::messages(&batch.body, 1).map_while(Result::ok) {
            for scope in read::messages(resource, 2).map_while(Result::ok) {
                let origin = Groups { resource, scope }.request();
                for record in read::messages(scope, 2).map_while(Result::ok) {
                    if self.admits(batch.signal, record) {
                        self.push(batch.signal, &origin, record)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn admits(&self, signal: Signal, record: &[u8]) -> bool {
        if *self.query == (ExportQuery { signal: self.query.signal, ..ExportQuery::default() }) {
            return true;
        }
        let head = match signal {
            Signal::Traces => SpanHead::read(record).map(|head| (head.start_ns, head.trace_id)),
            _ => LogHead::read(record).map(|head| (head.time_ns, head.trace_id)),
        };
        let wanted = self.query.trace_id.as_ref().map(|id| id.as_bytes().as_slice());
        head.is_ok_and(|(time, trace)| {
            self.query.times.contains(&time) && wanted.is_none_or(|wanted| wanted == trace)
        })
    }

    fn push(&mut self, signal: Signal, origin: &[u8], record: &[u8]) -> Result<(), ExportError> {
        let line = &mut self.lines[usize::from(signal == Signal::Logs)];
        line.push(origin, record);
        if line.is_full() { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered.
    fn flush(&mut self) -> Result<(), ExportError> {
        let Exporter { lines, exported, take, .. } = self;
        for line in lines {
            let written = line.write(take).map_err(ExportError::Write)?;
            match line.signal() {
                Signal::Logs => exported.logs += written.records,
                _ => exported.spans += written.records,
            }
            if written.unreadable > 0 {
                let (count, signal) = (written.unreadable, line.signal().name());
                exported.damage.push(format!("{count} records ({signal}) are no OTLP"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
