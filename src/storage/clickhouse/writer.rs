//! The reader of the log that brings its batches to ClickHouse.
//!
//! A batch of rows is made of neighbouring batches of the log. Where it ends is saved before it
//! is sent, so that a batch that was cut off by a crash is sent again as the same one, under the
//! same token; the cursor moves once ClickHouse has taken it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use super::client::Client;
use super::encode::Rows;
use super::error::ClickHouseError;
use super::options::ClickHouseOptions;
use super::schema::Schema;
use super::state::State;
use crate::model::Signal;
use crate::storage::index::Understand;
use crate::storage::query::Budget;
use crate::storage::{Batch, Cursor, Log, LogReader, Position, ReadError};
use crate::{clock, limits};

/// How often it is looked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Is told what becomes of rows. Called from the writer's thread; must be quick.
pub trait ClickHouseObserver: Send + Sync {
    /// ClickHouse took these rows.
    fn inserted(&self, signal: Signal, rows: u64);
    /// An insert failed, for one of [`super::REASONS`]; it is tried again.
    fn failed(&self, reason: &'static str);
    /// Retention removed these items from the log before ClickHouse took them.
    fn expired(&self, signal: Signal, items: u64);
}

pub(super) struct Writer {
    pub(super) client: Arc<Client>,
    pub(super) options: ClickHouseOptions,
    pub(super) understand: Understand,
    pub(super) log: Arc<Log>,
    pub(super) state: Arc<State>,
    pub(super) observer: Arc<dyn ClickHouseObserver>,
    /// Up to where everything was taken.
    pub(super) taken: Cursor,
    /// Where the batch after that ends, while it is being sent.
    pub(super) planned: Cursor,
    pub(super) stopped: watch::Receiver<bool>,
}

/// The writer is being stopped.
struct Stopped;

/// What is sent together.
struct Insert {
    spans: Bytes,
    logs: Bytes,
    span_count: u64,
    log_count: u64,
    from: Position,
    until: Position,
}

impl Insert {
    fn new(rows: Rows, from: Position, until: Position) -> Self {
        let (span_count, log_count) = (rows.span_count as u64, rows.log_count as u64);
        let (spans, logs) = (rows.spans.into(), rows.logs.into());
        Self { spans, logs, span_count, log_count, from, until }
    }
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut reader = self.log.reader(self.state.taken());
        let planned = self.planned.load().ok().flatten();
        let mut planned = planned.filter(|end| *end > reader.position());
        while !*self.stopped.borrow() {
            let took = self.take_next(&mut reader, planned.take());
            self.count_expired(&mut reader);
            match took {
                Ok(()) => {}
                Err(Failure::Stopped) => break,
                Err(Failure::Read(error)) => {
                    tracing::error!(%error, "The log could not be read for ClickHouse.");
                    if self.sleep(Duration::from_secs(1)).is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Waits for something to send and sends it.
    fn take_next(
        &mut self,
        reader: &mut LogReader,
        planned: Option<Position>,
    ) -> Result<(), Failure> {
        let from = reader.position();
        let Some(first) = reader.next()? else {
            self.state.arrived(from);
            reader.wait(LOOK_EVERY);
            return Ok(());
        };
        self.state.waits_since(first.1.arrived_ns);
        let mut schema = self.schema()?;
        let mut insert = self.fill(reader, &schema, from, first, planned)?;
        if let Err(error) = self.planned.save(insert.until) {
            tracing::warn!(%error, "The end of a batch for ClickHouse could not be saved.");
        }
        let (mut failures, mut spans_taken) = (0, false);
        while let Err(error) = self.send(&schema, &insert, &mut spans_taken) {
            self.pause(&error, &mut failures)?;
            let found = self.schema()?;
            if found != schema {
                // The rows are for tables of another form.
                schema = found;
                insert = self.encode_again(&schema, insert.from, insert.until)?;
            }
        }
        self.state.succeeded();
        self.state.arrived(insert.until);
        if let Err(error) = self.taken.save(insert.until) {
            // Kept in memory; a crash now means that the batch is sent again and collapses.
            tracing::warn!(%error, "The cursor of ClickHouse could not be saved.");
        }
        Ok(())
    }

    /// Reads until there is enough, or nothing more came for long enough.
    fn fill(
        &self,
        reader: &mut LogReader,
        schema: &Schema,
        from: Position,
        (at, batch): (Position, Batch),
        planned: Option<Position>,
    ) -> Result<Insert, Failure> {
        let begun: Instant = clock::monotonic();
        let mut rows = Rows::default();
        rows.add(schema, &self.understand, at, &batch);
        loop {
            let until = reader.position();
            let full = rows.len() >= self.options.batch_rows
                || rows.bytes() >= limits::CLICKHOUSE_BATCH_BYTES;
            if planned.is_some_and(|end| until >= end) || planned.is_none() && full {
                return Ok(Insert::new(rows, from, until));
            }
            match reader.next()? {
                Some((at, batch)) => rows.add(schema, &self.understand, at, &batch),
                // A planned batch was read to its end before: what is missing has expired.
                None if planned.is_some() || begun.elapsed() >= self.options.flush => {
                    return Ok(Insert::new(rows, from, reader.position()));
                }
                None if *self.stopped.borrow() => return Err(Failure::Stopped),
                None => drop(reader.wait(LOOK_EVERY)),
            }
        }
    }

    fn encode_again(
        &self,
        schema: &Schema,
        from: Position,
        until: Position,
    ) -> Result<Insert, Failure> {
        let mut reader = self.log.reader(from);
        let mut rows = Rows::default();
        while reader.position() < until {
            let Some((at, batch)) = reader.next()? else { break };
            rows.add(schema, &self.understand, at, &batch);
        }
        Ok(Insert::new(rows, from, until))
    }

    fn send(
        &mut self,
        schema: &Schema,
        insert: &Insert,
        spans_taken: &mut bool,
    ) -> Result<(), ClickHouseError> {
        if !*spans_taken {
            self.send_rows(&schema.spans.insertion(), Signal::Traces, &insert.spans, insert)?;
            self.observer.inserted(Signal::Traces, insert.span_count);
            *spans_taken = true;
        }
        self.send_rows(&schema.logs.insertion(), Signal::Logs, &insert.logs, insert)?;
        self.observer.inserted(Signal::Logs, insert.log_count);
        Ok(())
    }

    fn send_rows(
        &mut self,
        statement: &str,
        signal: Signal,
        rows: &Bytes,
        insert: &Insert,
    ) -> Result<(), ClickHouseError> {
        if rows.is_empty() {
            return Ok(());
        }
        // The digest tells apart what two Pharos with logs of their own send to one cluster.
        let Insert { from, until, .. } = insert;
        let token =
            format!("pharos-{}-{from}-{until}-{:08x}", signal.name(), crc32fast::hash(rows));
        self.client.insert(statement, &token, rows.clone(), &mut self.stopped)
    }

    /// The tables; waits until they are found.
    fn schema(&mut self) -> Result<Arc<Schema>, Failure> {
        let mut failures = 0;
        loop {
            if let Some(schema) = self.state.schema() {
                return Ok(schema);
            }
            match Schema::find(&self.client, &self.options, &mut Budget::default()) {
                Ok(schema) => self.state.found(schema),
                Err(error) => self.pause(&error, &mut failures)?,
            }
        }
    }

    /// Notes a failure and waits before the next try; the tables are looked at anew then.
    fn pause(&mut self, error: &ClickHouseError, failures: &mut u32) -> Result<(), Failure> {
        if *self.stopped.borrow() {
            return Err(Failure::Stopped);
        }
        self.observer.failed(error.reason());
        if *failures == 0 {
            tracing::warn!(%error, "ClickHouse takes nothing; the log keeps it meanwhile.");
        }
        self.state.failed(error);
        let longest = Duration::from_secs(limits::CLICKHOUSE_PAUSE_SECONDS);
        let pause = Duration::from_millis(250).saturating_mul(1 << (*failures).min(20));
        *failures += 1;
        // Half is left to chance, so that many senders do not come in step.
        let pause = pause.min(longest).mul_f64(0.5 + 0.5 * fastrand::f64());
        self.sleep(pause)
    }

    fn sleep(&mut self, pause: Duration) -> Result<(), Failure> {
        if self.client.sleep(pause, &mut self.stopped) { Ok(()) } else { Err(Stopped.into()) }
    }

    fn count_expired(&self, reader: &mut LogReader) {
        let Some(expired) = reader.take_expired() else { return };
        for signal in [Signal::Traces, Signal::Logs] {
            let items = expired.items[signal as usize - 1];
            self.observer.expired(signal, items);
            self.state.expired(items);
        }
        let bytes = expired.bytes;
        tracing::warn!(bytes, "Retention removed telemetry before ClickHouse took it.");
    }
}

/// Why nothing was taken.
enum Failure {
    Stopped,
    Read(ReadError),
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}
