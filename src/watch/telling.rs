//! Telling what was found, and not too often.
//!
//! Of one kind and name the first finding is told at once; those that follow within the interval
//! are counted, and the last of them is told with their number when the interval is over.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::finding::{Finding, Kind};
use super::observer::WatchObserver;
use crate::limits;
use crate::model::Notices;

/// The findings of late, for the API.
pub(super) type Findings = VecDeque<Finding>;

/// Tells findings as log records.
pub(super) struct Telling {
    notices: Arc<dyn Notices>,
    interval_ns: u64,
    /// What was told lately, by kind and name.
    told: HashMap<(Kind, Box<str>), Told>,
}

/// A kind and name that was told.
struct Told {
    at_ns: u64,
    held_back: u64,
    last: Option<Finding>,
}

impl Telling {
    pub(super) fn new(notices: Arc<dyn Notices>, interval_ns: u64) -> Self {
        Self { notices, interval_ns, told: HashMap::new() }
    }

    /// Tells a finding, or holds it back.
    pub(super) fn tell(&mut self, finding: &Finding, observer: &dyn WatchObserver) {
        let key = (finding.kind, finding.name.clone());
        if let Some(told) = self.told.get_mut(&key) {
            told.held_back += 1;
            told.last = Some(finding.clone());
            observer.held_back();
            return;
        }
        if self.told.len() >= limits::WATCH_NOTICE_KEYS {
            // So many different ones within one interval: further ones say nothing new, and what
            // they are is counted by their metric.
            observer.held_back();
            return;
        }
        self.told.insert(key, Told { at_ns: finding.time_ns, held_back: 0, last: None });
        self.notices.say(finding.notice(0));
    }

    /// Tells what was held back for long enough.
    pub(super) fn tick(&mut self, now_ns: u64) {
        let Self { notices, interval_ns, told } = self;
        told.retain(|_, told| {
            if now_ns.saturating_sub(told.at_ns) < *interval_ns {
                return true;
            }
            let Some(last) = told.last.take() else { return false };
            notices.say(last.notice(told.held_back));
            (told.at_ns, told.held_back) = (now_ns, 0);
            true
        });
    }
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling").field("told", &self.told.len()).finish_non_exhaustive()
    }
}

/// Remembers a finding; the oldest makes room.
pub(super) fn remember(findings: &mut Findings, finding: Finding) {
    if findings.len() >= limits::WATCH_FINDINGS {
        findings.pop_front();
    }
    findings.push_back(finding);
}
