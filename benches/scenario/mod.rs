//! What is measured, one file per theme.

mod bombs;
mod embedded;
mod events;
mod gateway;
mod idle;
mod large;
mod reading;
mod scrape;
mod sealing;
mod searching;
mod storage;
mod throughput;

use std::path::PathBuf;
use std::time::Duration;

use crate::load::process::Process;

/// One line of the table.
pub struct Row {
    pub figure: String,
    pub measured: String,
    pub aim: &'static str,
    pub note: String,
}

type Scenario = (&'static str, fn() -> Vec<Row>);

/// Every scenario by the name that selects it.
pub const ALL: [Scenario; 15] = [
    ("idle", idle::run),
    ("lean", throughput::lean),
    ("fat", throughput::fat),
    ("grpc", throughput::grpc),
    ("latency", throughput::latency),
    ("events", events::run),
    ("bombs", bombs::run),
    ("reading", reading::run),
    ("scrape", scrape::run),
    ("searching", searching::run),
    ("storage", storage::run),
    ("sealing", sealing::run),
    ("large", large::run),
    ("crate", embedded::run),
    ("gateway", gateway::run),
];

/// A Pharos over an empty folder that goes away with it.
pub struct Bench {
    pub pharos: Process,
    pub folder: tempfile::TempDir,
}

pub fn start(extra: &[&str]) -> Bench {
    // Not under /tmp by default: there it may be memory, which makes every sync free.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = Process::start(&binary(), folder.path(), extra).unwrap();
    Bench { pharos, folder }
}

pub fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_pharos"))
}

pub fn seconds() -> Duration {
    let seconds = std::env::var("PHAROS_BENCH_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(10))
}

pub fn row(figure: &str, measured: String, aim: &'static str, note: String) -> Row {
    Row { figure: figure.to_owned(), measured, aim, note }
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
