//! Spans and log records in ClickHouse, in the tables of the OpenTelemetry collector's exporter.
//!
//! The log stays in front as the durable buffer: [`writer`] is a reader of it with a cursor of its
//! own, which sends large batches of rows and moves on once ClickHouse has taken them
//! ([`encode`] makes the rows, [`residue`] keeps what the columns cannot hold, [`facts`] what is
//! understood). Questions are answered by ClickHouse and by the log together: what ClickHouse
//! does not have yet is searched there, and what both have counts once.
//!
//! Invariant: nothing that ClickHouse does or does not do loses or delays what comes in.

mod client;
mod condition;
mod encode;
mod error;
mod facts;
mod light;
mod logs;
mod options;
mod plain;
mod residue;
mod row_binary;
mod rows;
mod schema;
mod search;
mod sql;
mod state;
mod tail;
mod trace;
mod whole;
mod writer;

use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::watch;

pub use self::error::{ClickHouseError, REASONS};
pub use self::options::ClickHouseOptions;
pub use self::state::ClickHouseStatus;
pub use self::writer::ClickHouseObserver;

use self::client::Client;
use self::schema::Schema;
use self::state::State;
use self::writer::Writer;
use super::index::Index;
use super::query::{
    Budget, LogPage, LogQuery, QueryError, RowQuery, Scanned, SearchPage, SearchQuery, SpanRow,
    Store, StoredTrace,
};
use super::{Cursor, Log, Position};
use crate::model::{SpanId, TraceId};

/// The tables in ClickHouse and the log in front of them.
pub struct ClickHouse {
    client: Arc<Client>,
    options: ClickHouseOptions,
    state: Arc<State>,
    log: Arc<Log>,
    index: Arc<Index>,
    stop: watch::Sender<bool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// ClickHouse cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cursor cannot be read or made.
    #[error("the cursor of ClickHouse: {0}")]
    Cursor(#[source] io::Error),
    /// The address or the credentials are not usable.
    #[error(transparent)]
    Client(#[from] ClickHouseError),
}

impl ClickHouse {
    /// Starts to write what the log holds from the saved cursor on, or from the oldest batch
    /// kept. ClickHouse need not be there yet.
    pub fn start(
        options: ClickHouseOptions,
        log: &Arc<Log>,
        index: &Arc<Index>,
        observer: Arc<dyn ClickHouseObserver>,
        runtime: &Handle,
    ) -> Result<Arc<Self>, StartError> {
        let (fs, layout) = log.place();
        let cursor = |name| Cursor::open(Arc::clone(&fs), &layout.clickhouse(), name);
        let taken = cursor("taken").map_err(StartError::Cursor)?;
        let planned = cursor("planned").map_err(StartError::Cursor)?;
        let from = taken.load().map_err(StartError::Cursor)?.unwrap_or(Position::OLDEST);
        let client = Arc::new(Client::new(&options, runtime.clone())?);
        let state = Arc::new(State::starting_at(from));
        let (stop, stopped) = watch::channel(false);
        let writer = Writer {
            client: Arc::clone(&client),
            options: options.clone(),
            understand: index.understand().clone(),
            log: Arc::clone(log),
            state: Arc::clone(&state),
            observer,
            taken,
            planned,
            stopped,
        };
        let thread = thread::Builder::new().name("clickhouse".to_owned());
        let thread = thread.spawn(move || writer.run()).map_err(StartError::Cursor)?;
        let (log, index) = (Arc::clone(log), Arc::clone(index));
        let writer = Mutex::new(Some(thread));
        Ok(Arc::new(Self { client, options, state, log, index, stop, writer }))
    }

    /// How it is doing.
    pub fn status(&self, now_ns: u64) -> ClickHouseStatus {
        let lag_bytes = self.log.bytes_from(self.state.taken());
        ClickHouseStatus { lag_bytes, ..self.state.status(now_ns) }
    }

    /// Stops writing. What was not taken yet is in the log and is sent after the next start.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread has been reported by the panic hook.
            let _ = thread.join();
        }
    }

    /// The tables, as they were last seen or are found now. Reading makes none.
    fn schema(&self, budget: &mut Budget<'_>) -> Result<Arc<Schema>, ClickHouseError> {
        if let Some(schema) = self.state.schema() {
            return Ok(schema);
        }
        let options = ClickHouseOptions { create_schema: false, ..self.options.clone() };
        Schema::find(&self.client, &options, budget).map(Arc::new)
    }
}

impl Store for ClickHouse {
    fn search(&self, query: &SearchQuery, budget: Budget<'_>) -> Result<SearchPage, QueryError> {
        self.search_all(query, budget)
    }

    fn trace(&self, id: TraceId) -> Result<StoredTrace, QueryError> {
        self.gather(id, None)
    }

    fn span(&self, trace: TraceId, span: SpanId) -> Result<StoredTrace, QueryError> {
        self.gather(trace, Some(span))
    }

    fn logs(&self, query: &LogQuery, budget: Budget<'_>) -> Result<LogPage, QueryError> {
        self.search_logs(query, budget)
    }

    fn rows(
        &self,
        query: &RowQuery,
        budget: Budget<'_>,
        visit: &mut dyn FnMut(&SpanRow<'_>) -> ControlFlow<()>,
    ) -> Result<Scanned, QueryError> {
        self.lend(query, budget, visit)
    }
}

#[cfg(test)]
mod tests;
