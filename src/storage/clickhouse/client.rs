//! ClickHouse's HTTP interface.
//!
//! Plain HTTP through `reqwest`, which is here already, and RowBinary: what is needed is one way
//! to send a body and one to read rows. The `clickhouse` crate would bring some thirty further
//! crates for derived row types, which a schema that varies by version cannot use, and takes no
//! stretch of an answer before its row is whole, so that budgets could not be kept.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client as Http, Response, redirect};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::ClickHouseError;
use super::options::ClickHouseOptions;
use super::row_binary::Values;
use crate::storage::query::Budget;
use crate::{clock, limits};

/// How often it is looked whether an answer is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Sends queries, from threads that may wait.
pub(super) struct Client {
    http: Http,
    url: String,
    runtime: Handle,
}

impl Client {
    pub(super) fn new(
        options: &ClickHouseOptions,
        runtime: Handle,
    ) -> Result<Self, ClickHouseError> {
        let unusable = |what: &str| ClickHouseError::Unreachable(what.to_owned());
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-clickhouse-user", &options.user), ("x-clickhouse-key", &options.password)]
        {
            let value = HeaderValue::from_str(value);
            let mut value = value.map_err(|_| unusable("the user or password cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let http = Http::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(limits::CLICKHOUSE_CONNECT_SECONDS))
            // A redirect could carry the password somewhere else.
            .redirect(redirect::Policy::none());
        let http = http.build().map_err(|_| unusable("there is no HTTP client"))?;
        let url = format!("{}/", options.url.trim_end_matches('/'));
        reqwest::Url::parse(&url).map_err(|_| unusable("the URL is not one"))?;
        Ok(Self { http, url, runtime })
    }

    /// Runs a statement without an answer.
    pub(super) fn run(&self, statement: &str) -> Result<(), ClickHouseError> {
        self.runtime.block_on(self.send(&[], statement.to_owned().into()))
    }

    /// Waits; says whether it was not stopped meanwhile.
    pub(super) fn sleep(&self, pause: Duration, stopped: &mut watch::Receiver<bool>) -> bool {
        self.runtime.block_on(async {
            tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await.is_err()
        })
    }

    /// Sends rows; returns once ClickHouse has them for good. The server is told to put them into
    /// the table before it answers, and to take them only once under this token where its table
    /// can tell.
    pub(super) fn insert(
        &self,
        statement: &str,
        token: &str,
        rows: Bytes,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<(), ClickHouseError> {
        let parameters = [
            ("query", statement),
            ("insert_deduplication_token", token),
            ("async_insert", "0"),
            ("wait_end_of_query", "1"),
            // A sender with a wrong clock must not hold everybody up.
            ("max_partitions_per_insert_block", "0"),
        ];
        self.runtime.block_on(async {
            tokio::select! {
                sent = self.send(&parameters, rows) => sent,
                _ = stopped.wait_for(|stopped| *stopped) => Err(ClickHouseError::GivenUp),
            }
        })
    }

    async fn send(&self, parameters: &[(&str, &str)], body: Bytes) -> Result<(), ClickHouseError> {
        let longest = Duration::from_secs(limits::CLICKHOUSE_INSERT_SECONDS);
        let request = self.http.post(self.address(parameters)?).body(body).timeout(longest);
        let mut response = checked(request.send().await.map_err(failed)?).await?;
        // It is taken once the whole answer is there.
        while response.chunk().await.map_err(failed)?.is_some() {}
        Ok(())
    }

    /// Asks and lends every row to `visit` until it breaks off. `read` takes one row out of the
    /// bytes. Bytes of the answer are spent from the budget; one that is spent is
    /// [`ClickHouseError::GivenUp`].
    pub(super) fn select<R>(
        &self,
        query: &str,
        budget: &mut Budget<'_>,
        read: impl Fn(&mut Values<'_>) -> Option<R>,
        mut visit: impl FnMut(R) -> ControlFlow<()>,
    ) -> Result<(), ClickHouseError> {
        let left = left(budget)?;
        let seconds = format!("{:.3}", left.as_secs_f64());
        let rows = limits::CLICKHOUSE_READ_ROWS.to_string();
        let parameters = [
            ("default_format", "RowBinary"),
            ("wait_end_of_query", "1"),
            ("max_execution_time", &seconds),
            ("max_rows_to_read", &rows),
            ("cancel_http_readonly_queries_on_client_close", "1"),
        ];
        let request = self.http.post(self.address(&parameters)?).body(query.to_owned());
        let request = request.timeout(left + Duration::from_secs(1));
        self.runtime.block_on(async {
            let response = while_wanted(budget, request.send()).await?.map_err(failed)?;
            let mut response = while_wanted(budget, checked(response)).await??;
            let mut unread: Vec<u8> = Vec::new();
            let mut enough = 0;
            loop {
                let chunk = while_wanted(budget, response.chunk()).await?.map_err(failed)?;
                let more = chunk.is_some();
                let chunk = chunk.unwrap_or_default();
                budget.spend(chunk.len() as u64);
                unread.extend_from_slice(&chunk);
                // A long row is not tried again with every piece of it.
                if more && unread.len() < enough {
                    continue;
                }
                let mut values = Values(&unread);
                let mut rest = unread.len();
                while rest > 0
                    && let Some(row) = read(&mut values)
                {
                    rest = values.0.len();
                    if visit(row).is_break() {
                        return Ok(());
                    }
                }
                if rest > limits::CLICKHOUSE_ROW_BYTES {
                    return Err(ClickHouseError::Garbled);
                }
                unread.drain(..unread.len() - rest);
                enough = rest * 2;
                if !more {
                    break;
                }
            }
            if unread.is_empty() { Ok(()) } else { Err(ClickHouseError::Garbled) }
        })
    }

    fn address(&self, parameters: &[(&str, &str)]) -> Result<reqwest::Url, ClickHouseError> {
        reqwest::Url::parse_with_params(&self.url, parameters)
            .map_err(|_| ClickHouseError::Unreachable("the URL is not one".to_owned()))
    }
}

/// How much time is left.
fn left(budget: &Budget<'_>) -> Result<Duration, ClickHouseError> {
    if budget.is_spent() {
        return Err(ClickHouseError::GivenUp);
    }
    let longest = Duration::from_millis(limits::SEARCH_MILLISECONDS);
    let left = budget.deadline.map(|end| end.saturating_duration_since(clock::monotonic()));
    Ok(left.unwrap_or(longest).min(longest).max(Duration::from_millis(1)))
}

/// Waits for something as long as the budget is not spent.
async fn while_wanted<T>(
    budget: &Budget<'_>,
    what: impl Future<Output = T>,
) -> Result<T, ClickHouseError> {
    let mut what = std::pin::pin!(what);
    loop {
        match tokio::time::timeout(LOOK_EVERY, &mut what).await {
            Ok(done) => return Ok(done),
            Err(_elapsed) if budget.is_spent() => return Err(ClickHouseError::GivenUp),
            Err(_elapsed) => {}
        }
    }
}

/// The response, if it is not an error.
async fn checked(mut response: Response) -> Result<Response, ClickHouseError> {
    let code = response.headers().get("x-clickhouse-exception-code");
    let code = code.and_then(|code| code.to_str().ok()?.parse().ok());
    if response.status().is_success() && code.is_none() {
        return Ok(response);
    }
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() >= limits::CLICKHOUSE_ERROR_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text);
    let said = text.strip_prefix("Code: ").and_then(|rest| rest.split('.').next());
    let code = code.or_else(|| said?.parse().ok());
    match code {
        Some(code) => Err(ClickHouseError::Refused { code, name: error_name(&text) }),
        None => {
            Err(ClickHouseError::Unreachable(format!("HTTP status {}", response.status().as_u16())))
        }
    }
}

/// ClickHouse's name of the error, `UNKNOWN_TABLE`, which ends what it says. All else may repeat
/// the query, and with it what somebody looked for.
fn error_name(text: &str) -> String {
    let inside = text.rsplit('(').filter_map(|part| part.split_once(')'));
    let mut names = inside.map(|(name, _)| name).filter(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    });
    names.next().unwrap_or("no name").to_owned()
}

fn failed(error: reqwest::Error) -> ClickHouseError {
    if error.is_timeout() && !error.is_connect() {
        return ClickHouseError::Slow;
    }
    ClickHouseError::Unreachable(error.without_url().to_string())
}
