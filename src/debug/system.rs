//! `system_events.jsonl`: who tried what, and who changed what.
//!
//! Invariant: a key is told by its name, never by itself.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use super::DebugOptions;
use super::backward::Backward;
use super::event::rfc3339;
use super::lines::LineSender;
use super::toggle::Change;
use crate::{clock, limits};

/// Where security events are told; cheap to clone, never waits.
#[derive(Clone)]
pub struct SystemEvents {
    lines: Option<LineSender>,
    refused: Arc<Refused>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    timestamp: String,
    event: &'a str,
    #[serde(flatten)]
    facts: Value,
}

/// Keeps a guessing caller from pushing everything else out of the files: a few lines each
/// second, and how many of the time before were left out.
#[derive(Debug, Default)]
struct Refused {
    second: AtomicU64,
    within: AtomicU64,
    untold: AtomicU64,
}

impl SystemEvents {
    /// Events as lines of a file.
    pub fn new(lines: LineSender) -> Self {
        Self { lines: Some(lines), refused: Arc::default() }
    }

    /// Events that nobody keeps.
    pub fn nowhere() -> Self {
        Self { lines: None, refused: Arc::default() }
    }

    /// A request was turned away: `reason` is `missing`, `unknown` or `role`; `key` is the name
    /// of a known one.
    pub fn access_denied(&self, reason: &str, needed_role: &str, key: Option<&str>) {
        let Some(untold) = self.refused.admit(clock::unix_nanos() / 1_000_000_000) else { return };
        let event = match reason {
            "role" => "key_refused",
            _ => "login_failed",
        };
        let facts = json!({
            "reason": reason, "needed_role": needed_role, "key_name": key, "untold": untold,
        });
        self.tell(event, facts);
    }

    /// The configuration in force, by the digest of what is shown of it, and whether the one of
    /// the start before was another. Blocks on the disk.
    pub fn configuration(&self, options: &DebugOptions, digest: &str, version: &str) {
        let path = DebugOptions::system_events(&options.folder);
        let before = last_digest(&path, options.bounds.files).unwrap_or_default();
        let changed = before.as_ref().is_some_and(|before| before != digest);
        let event = if changed { "config_changed" } else { "config_read" };
        self.tell(event, json!({ "sha256": digest, "before": before, "version": version }));
    }

    pub(super) fn damaged_toggle(&self) {
        self.tell("debug_toggle_damaged", json!({ "enabled": false }));
    }

    /// Another process wrote the file of the toggle: nobody knows who.
    pub(super) fn toggle_file(&self, open_scopes: usize) {
        let enabled = open_scopes > 0;
        let facts = json!({ "source": "file", "enabled": enabled, "scopes": open_scopes });
        self.tell("debug_toggle_changed", facts);
    }

    pub(super) fn toggle(&self, change: &Change, by: Option<&str>) {
        let (enabled, subject, until_ns) = match change {
            Change::On { subject, until_ns } => (true, Some(subject), *until_ns),
            Change::Off(subject) => (false, Some(subject), None),
            Change::AllOff => (false, None, None),
        };
        let facts = json!({
            "source": "api",
            "key_name": by,
            "enabled": enabled,
            "tenant": subject.and_then(|subject| subject.tenant.as_deref()),
            "agent": subject.and_then(|subject| subject.agent.as_deref()),
            "trace_id": subject.and_then(|subject| subject.trace_id).map(|id| id.to_string()),
            "expires_at": until_ns.map(rfc3339),
        });
        self.tell("debug_toggle_changed", facts);
    }

    fn tell(&self, event: &str, facts: Value) {
        let Some(lines) = &self.lines else { return };
        let timestamp = rfc3339(clock::unix_nanos());
        lines.object(&Line { timestamp, event, facts });
    }
}

/// The digest that the newest event about a configuration names, if it is not far back.
fn last_digest(path: &Path, files: usize) -> io::Result<Option<String>> {
    let mut lines = Backward::open(path, files, limits::SYSTEM_LOOK_BACK_BYTES)?;
    while let Some(line) = lines.next_line()? {
        if memchr::memmem::find(&line, b"\"sha256\"").is_none() {
            continue;
        }
        let event: Value = serde_json::from_slice(&line).unwrap_or_default();
        let told = |key: &str| event.get(key).and_then(Value::as_str);
        if told("event").is_some_and(|event| event.starts_with("config_")) {
            return Ok(told("sha256").map(str::to_owned));
        }
    }
    Ok(None)
}

impl Refused {
    fn admit(&self, second: u64) -> Option<u64> {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.within.store(0, Ordering::Relaxed);
        }
        if self.within.fetch_add(1, Ordering::Relaxed) < limits::SYSTEM_REFUSALS_PER_SECOND {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_guesses_is_a_few_lines_a_second() {
        let refused = Refused::default();
        let told = (0..1_000).filter(|_| refused.admit(7).is_some()).count() as u64;
        assert_eq!(told, limits::SYSTEM_REFUSALS_PER_SECOND);
        assert_eq!(refused.admit(8), Some(1_000 - told));
    }
}
