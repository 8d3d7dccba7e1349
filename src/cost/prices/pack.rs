//! The table in force, and how it is replaced while calls are priced by it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use std::{fs, io};

use arc_swap::{ArcSwap, Guard};

use super::compute::{self, Priced, Used};
use super::file::{self, PriceFileError};
use super::line::Line;
use super::table::{Disagreement, Table};
use super::{KNOWN_AT, builtin};
use crate::model::{Cost, LlmCall, Pricing, Rates, Usage};
use crate::{clock, limits};

/// Where prices come from.
#[derive(Debug, Clone)]
pub struct PricesOptions {
    /// Price files.
    pub files: Vec<PathBuf>,
    /// Whether the built-in table holds where no file says anything.
    pub builtin: bool,
    /// The age from which on the newest source is called stale.
    pub stale_after: Duration,
}

/// Why no table can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// A file is wrong.
    #[error(transparent)]
    File(#[from] PriceFileError),
    /// Two files disagree.
    #[error(transparent)]
    Disagreement(#[from] Box<Disagreement>),
}

/// The state of the prices.
#[derive(Debug, Clone, PartialEq)]
pub struct PackStatus {
    /// How long the last build took.
    pub build_seconds: f64,
    /// The size of the table, written out.
    pub bytes: u64,
    /// When the newest source was written, in nanoseconds since the Unix epoch.
    pub newest_ns: u64,
    /// Whether that is longer ago than configured.
    pub stale: bool,
    /// Why the files as they are now are not in force.
    pub failing: Option<String>,
    /// Since when, in nanoseconds since the Unix epoch.
    pub failing_since_ns: Option<u64>,
    /// How often files could not be taken.
    pub failures: u64,
    /// What is odd in the files in force.
    pub problems: Vec<String>,
    /// Models of the files that have no price of a token.
    pub without_tokens: u64,
}

/// Prices in force. Asking is free of locks and of copies.
#[derive(Debug)]
pub struct Prices {
    options: PricesOptions,
    table: ArcSwap<Table>,
    failures: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone)]
struct State {
    stamps: Vec<Stamp>,
    build_seconds: f64,
    newest_ns: u64,
    failing: Option<(String, u64)>,
    problems: Vec<String>,
    without_tokens: u64,
}

/// What tells whether a file has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Stamp {
    modified_ns: u64,
    bytes: u64,
    inode: u64,
}

/// A table and what is to be said of its making.
struct Loaded {
    table: Table,
    state: State,
}

impl Prices {
    /// The prices of these sources.
    ///
    /// # Errors
    /// Where a file cannot be read, is wrong, or disagrees with another one.
    pub fn open(options: PricesOptions) -> Result<Self, LoadError> {
        let Loaded { table, state } = load(&options)?;
        Ok(Self {
            options,
            table: ArcSwap::from_pointee(table),
            failures: AtomicU64::new(0),
            state: Mutex::new(state),
        })
    }

    /// The built-in table alone.
    pub fn builtin() -> Self {
        let options = PricesOptions {
            files: Vec::new(),
            builtin: true,
            stale_after: Duration::from_secs(u64::MAX),
        };
        Self::open(options).expect("the built-in table agrees with itself: tested")
    }

    /// Looks at the files again, and takes them if they have changed or `anyway`. Says whether
    /// another table holds now.
    ///
    /// # Errors
    /// Why the files are not taken. The table in force stays.
    pub fn reload(&self, anyway: bool) -> Result<bool, LoadError> {
        let stamps: Vec<Stamp> = self.options.files.iter().map(|path| stamp(path)).collect();
        if !anyway && stamps == self.state().stamps {
            return Ok(false);
        }
        match load(&self.options) {
            Ok(Loaded { table, state }) => {
                let changed = table.version() != self.table.load().version();
                if changed {
                    self.table.store(Arc::new(table));
                }
                *self.state() = state;
                Ok(changed)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                let mut state = self.state();
                // The same wrong file is not read again and again.
                state.stamps = stamps;
                let since = state.failing.as_ref().map_or_else(clock::unix_nanos, |it| it.1);
                state.failing = Some((error.to_string(), since));
                Err(error)
            }
        }
    }

    /// The table in force.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// The sources, in the order in which they count: the files as configured, then the built-in
    /// table.
    pub fn sources(&self) -> Vec<String> {
        let files = self.options.files.iter().map(|path| path.display().to_string());
        let builtin = self.options.builtin.then(|| format!("built in, known on {KNOWN_AT}"));
        files.chain(builtin).collect()
    }

    /// How the prices are doing.
    pub fn status(&self, now_ns: u64) -> PackStatus {
        let State { build_seconds, newest_ns, failing, problems, without_tokens, .. } =
            self.state().clone();
        let age = Duration::from_nanos(now_ns.saturating_sub(newest_ns));
        let (failing, since) = failing.unzip();
        PackStatus {
            build_seconds,
            bytes: self.table.load().bytes(),
            newest_ns,
            stale: age > self.options.stale_after,
            failing,
            failing_since_ns: since,
            failures: self.failures.load(Ordering::Relaxed),
            problems,
            without_tokens,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compute(&self, call: &LlmCall<'_>, at_ns: u64) -> Priced {
        const NOTHING: Priced = Priced { cost: Cost::UNPRICED, rates: Rates { ..NO_RATES } };
        let said = Cost::said(call);
        if said.usd.is_some_and(|usd| usd.is_finite() && usd <= limits::COST_PER_CALL_USD) {
            return Priced { cost: said, ..NOTHING };
        }
        if !call.usage.is_some() {
            return NOTHING;
        }
        let used = Used {
            usage: call.usage,
            source: call.usage_source,
            tier: call.service_tier,
            answers: call.operation != "embeddings",
        };
        let table = self.table.load();
        // The model that answered is named more exactly than the one that was asked for.
        let names = [call.response_model, call.request_model];
        let line = names.into_iter().flatten().find_map(|model| table.find(&call.provider, model));
        let period = line.and_then(|line| line.at(at_ns));
        period.and_then(|period| compute::price(period, &used, table.version())).unwrap_or(NOTHING)
    }
}

const NO_RATES: Rates = Rates { input: 0, cached: 0, cache_write: 0, output: 0, reasoning: 0 };

impl Pricing for Prices {
    fn cost(&self, call: &LlmCall<'_>, at_ns: u64) -> Cost {
        self.compute(call, at_ns).cost
    }

    fn quote(&self, provider: &str, model: &str, usage: Usage, at_ns: u64) -> Cost {
        let table = self.table.load();
        let used = Used { usage, ..Used::default() };
        let period = table.find(provider, model).and_then(|line| line.at(at_ns));
        let priced = period.and_then(|period| compute::price(period, &used, table.version()));
        priced.map_or(Cost::UNPRICED, |priced| priced.cost)
    }

    fn price(&self, call: &mut LlmCall<'_>, at_ns: u64) {
        let Priced { cost, rates } = self.compute(call, at_ns);
        call.cost = cost;
        call.rates = rates;
    }

    fn version(&self) -> u64 {
        self.table.load().version()
    }
}

fn load(options: &PricesOptions) -> Result<Loaded, LoadError> {
    let started = clock::monotonic();
    let mut state = State::default();
    let mut files: Vec<(String, Vec<Line>)> = Vec::with_capacity(options.files.len());
    for (place, path) in (0_u16..).zip(&options.files) {
        let name = path.display().to_string();
        // Before reading, so that what is written meanwhile is seen as a change.
        let stamp = stamp(path);
        let bytes = read(path).map_err(|error| PriceFileError::unreadable(&name, error))?;
        let read = file::read(&name, &bytes, place)?;
        state.newest_ns = state.newest_ns.max(stamp.modified_ns);
        state.stamps.push(stamp);
        state.without_tokens += read.without_tokens;
        state.problems.extend(read.problems.into_iter().map(|what| format!("{name}: {what}")));
        files.push((name, read.lines));
    }
    state.problems.truncate(limits::PRICE_PROBLEMS);
    let lines = if options.builtin { builtin::lines() } else { Vec::new() };
    if options.builtin {
        state.newest_ns = state.newest_ns.max(builtin::known_at_ns());
    }
    let table = Table::of(lines, files)?;
    state.build_seconds = started.elapsed().as_secs_f64();
    Ok(Loaded { table, state })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(limits::PRICE_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits::PRICE_FILE_BYTES {
        return Err(io::Error::other(format!("is longer than {} bytes", limits::PRICE_FILE_BYTES)));
    }
    Ok(bytes)
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(metadata) = fs::metadata(path) else { return Stamp::default() };
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Stamp {
        modified_ns: modified.map_or(0, |at| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)),
        bytes: metadata.len(),
        inode: metadata.ino(),
    }
}
