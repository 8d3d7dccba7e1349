//! Asking the files for what was written to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::backward::Backward;
use super::kind::EventKind;
use crate::limits;
use crate::model::TraceId;

/// The files of debug events, as a reader sees them.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    files: usize,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Those of one trace.
    pub trace_id: Option<TraceId>,
    /// Those of one kind.
    pub kind: Option<EventKind>,
    /// At most so many.
    pub limit: usize,
}

/// Events, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Found {
    /// As they stand in the files.
    pub logs: Vec<Value>,
    /// Whether there may be more of them: the bound of bytes or time was reached.
    pub incomplete: bool,
}

/// What is in the files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Events in the files.
    pub total_logs: u64,
    /// The same by kind; every kind is there.
    pub by_event_type: BTreeMap<&'static str, u64>,
    /// The same by hour (`2026-11-21T08:00:00Z`), at most [`limits::DEBUG_HOURS`] of them, the
    /// newest.
    pub by_hour: BTreeMap<String, u64>,
    /// The newest events of operations that failed.
    pub recent_errors: Vec<Value>,
    /// Whether the bound of bytes or time was reached, so that the numbers are too small.
    pub incomplete: bool,
}

/// What every line has, as far as statistics ask.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(default)]
    failed: bool,
}

impl Records {
    pub(super) fn new(path: PathBuf, files: usize) -> Self {
        Self { path, files }
    }

    /// The newest events that are wanted. Blocks on the disk; ends early once `cancelled`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn newest(&self, wanted: &Wanted, cancelled: &AtomicBool) -> io::Result<Found> {
        let mut found = Found::default();
        let mut lines = self.lines()?;
        let trace_id = wanted.trace_id.map(|id| id.to_string());
        let finder = trace_id.as_ref().map(|id| memchr::memmem::Finder::new(id.as_bytes()));
        while found.logs.len() < wanted.limit {
            let Some(line) = lines.next_line()? else { break };
            if cancelled.load(Ordering::Relaxed) {
                found.incomplete = true;
                break;
            }
            // A line without these bytes need not be read.
            if finder.as_ref().is_some_and(|finder| finder.find(&line).is_none()) {
                continue;
            }
            let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
            let is = |key: &str, wanted: Option<&str>| {
                wanted.is_none_or(|wanted| event.get(key).and_then(Value::as_str) == Some(wanted))
            };
            let kind = wanted.kind.map(EventKind::name);
            if is("trace_id", trace_id.as_deref()) && is("event_type", kind) {
                found.logs.push(event);
            }
        }
        found.incomplete |= lines.cut_short();
        Ok(found)
    }

    /// What is in the files. Blocks on the disk; ends early once `cancelled`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn stats(&self, cancelled: &AtomicBool) -> io::Result<Stats> {
        let mut stats = Stats {
            total_logs: 0,
            by_event_type: EventKind::ALL.map(|kind| (kind.name(), 0)).into(),
            by_hour: BTreeMap::new(),
            recent_errors: Vec::new(),
            incomplete: false,
        };
        let mut lines = self.lines()?;
        while let Some(line) = lines.next_line()? {
            if cancelled.load(Ordering::Relaxed) {
                stats.incomplete = true;
                break;
            }
            stats.count(&line);
        }
        stats.incomplete |= lines.cut_short();
        Ok(stats)
    }

    fn lines(&self) -> io::Result<Backward> {
        Backward::open(&self.path, self.files, limits::DEBUG_READ_BYTES)
    }
}

impl Stats {
    fn count(&mut self, line: &[u8]) {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else { return };
        let Some(kind) = EventKind::from_name(&head.event_type) else { return };
        self.total_logs += 1;
        *self.by_event_type.entry(kind.name()).or_default() += 1;
        if let Some(hour) = head.timestamp.get(.."2026-11-21T08".len()) {
            *self.by_hour.entry(format!("{hour}:00:00Z")).or_default() += 1;
            if self.by_hour.len() > limits::DEBUG_HOURS {
                self.by_hour.pop_first();
            }
        }
        if head.failed
            && self.recent_errors.len() < limits::DEBUG_RECENT_ERRORS
            && let Ok(event) = serde_json::from_slice(line)
        {
            self.recent_errors.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;

    static RUNS: AtomicBool = AtomicBool::new(false);

    fn records(folder: &tempfile::TempDir) -> Records {
        let mut text = String::from("no json\n{\"event_type\":\"unheard_of\"}\n");
        for number in 0..100_u64 {
            let kind = EventKind::ALL[number as usize % 8].name();
            let trace_id = format!("{:032x}", number % 4 + 1);
            let hour = number / 50;
            let failed = number >= 98;
            writeln!(
                text,
                "{{\"timestamp\":\"2026-11-21T0{hour}:30:00.000000000Z\",\"event_type\":\"{kind}\",\
                 \"trace_id\":\"{trace_id}\",\"failed\":{failed},\"text\":\"{number}\"}}"
            )
            .unwrap();
        }
        let path = folder.path().join("debug_logs.jsonl");
        fs::write(&path, text + "{\"torn").unwrap();
        Records::new(path, 3)
    }

    fn texts(found: &Found) -> Vec<&str> {
        found.logs.iter().map(|event| event["text"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_newest_come_first_and_conditions_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder);
        let all = Wanted { trace_id: None, kind: None, limit: 3 };
        let found = records.newest(&all, &RUNS).unwrap();
        assert_eq!((texts(&found), found.incomplete), (vec!["99", "98", "97"], false));
        let trace_id = format!("{:032x}", 2).parse().ok();
        let found = records.newest(&Wanted { trace_id, limit: 2, ..all.clone() }, &RUNS).unwrap();
        assert_eq!(texts(&found), ["97", "93"]);
        let kind = Some(EventKind::History);
        let wanted = Wanted { trace_id, kind, limit: 500 };
        let found = records.newest(&wanted, &RUNS).unwrap();
        assert_eq!(texts(&found).len(), 13);
        assert!(found.logs.iter().all(|event| event["event_type"] == "history"));
        let none = Wanted { trace_id: TraceId::from_bytes(&[9; 16]), ..all };
        assert!(records.newest(&none, &RUNS).unwrap().logs.is_empty());
    }

    #[test]
    fn statistics_count_every_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let stats = records(&folder).stats(&RUNS).unwrap();
        assert_eq!(stats.total_logs, 100);
        assert_eq!(stats.by_event_type.values().sum::<u64>(), 100);
        assert_eq!(stats.by_event_type["request"], 13);
        let hours: Vec<_> = stats.by_hour.into_iter().collect();
        let expected = [("2026-11-21T00:00:00Z", 50), ("2026-11-21T01:00:00Z", 50)];
        assert_eq!(hours, expected.map(|(hour, count)| (hour.to_owned(), count)));
        let errors: Vec<_> = stats.recent_errors.iter().map(|event| &event["text"]).collect();
        assert_eq!(errors, ["99", "98"]);
        assert!(!stats.incomplete);
    }

    #[test]
    fn nobody_waits_for_an_answer_that_nobody_wants() {
        let folder = tempfile::tempdir().unwrap();
        let stats = records(&folder).stats(&AtomicBool::new(true)).unwrap();
        assert!(stats.incomplete && stats.total_logs == 0);
    }
}
