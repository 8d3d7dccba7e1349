//! Starting Pharos and asking it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::http::{Answer, Sender};
use crate::load::process::Process;

/// The binary under test: what `PHAROS_BINARY` names, else what cargo built beside the tests.
pub(crate) fn binary() -> PathBuf {
    let named = std::env::var_os("PHAROS_BINARY");
    named.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_pharos")), PathBuf::from)
}

/// A Pharos over a folder.
pub(crate) fn start(folder: &Path, extra: &[&str]) -> Process {
    Process::start(&binary(), folder, extra).unwrap()
}

/// An address that nobody listens on.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Gets a path of the web port.
pub(crate) fn get(pharos: &Process, path: &str) -> Answer {
    Sender::connect(pharos.web).unwrap().get(path).unwrap()
}

/// Gets JSON that must be there.
pub(crate) fn json(pharos: &Process, path: &str) -> Value {
    let answer = get(pharos, path);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

/// Posts an export request of spans.
pub(crate) fn export(pharos: &Process, body: &[u8]) -> Answer {
    Sender::connect(pharos.otlp_http).unwrap().export("traces", body).unwrap()
}

/// Tries until it is so; fails with `what` after two minutes.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !so() {
        assert!(Instant::now() < deadline, "{what} did not come about within two minutes");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until everything acknowledged has been measured.
pub(crate) fn settle(pharos: &Process) {
    until("an empty projection", || {
        Page::of(pharos).sum("pharos_projection_lag_bytes", &[]) == 0.0
    });
}

/// A `/metrics` page.
pub(crate) struct Page(String);

impl Page {
    /// Scrapes it.
    pub(crate) fn of(pharos: &Process) -> Self {
        let answer = get(pharos, "/metrics");
        assert_eq!(answer.status, 200);
        Self(String::from_utf8(answer.body).unwrap())
    }

    /// The sum over the series of a family that have these labels.
    pub(crate) fn sum(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        self.0
            .lines()
            .filter_map(|line| line.strip_prefix(family))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter(|rest| {
                labels.iter().all(|(key, value)| rest.contains(&format!("{key}=\"{value}\"")))
            })
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// A number from the environment, for the long forms of tests.
pub(crate) fn count(variable: &str, short: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}
