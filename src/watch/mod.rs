//! Watching: which runs take too long, cost too much, or go round in circles.
//!
//! A projection of the log. [`lineage`] finds out whose call a call was, so that the whole cost
//! of a run is known a moment after its span has arrived; [`baselines`] know what is usual of a
//! workflow or an agent; [`loops`] and [`velocity`] look at the calls themselves. What is found
//! is counted, remembered for the API, and told as a log record.
//!
//! Invariant: what is counted follows from the log alone. Time is that of the batches' arrival;
//! the clock only tells that nothing more has come for a while.

mod baselines;
mod bytes;
mod digest;
mod finding;
mod halves;
mod handle;
mod lineage;
mod loops;
mod observer;
mod options;
mod ratio;
mod sketch;
mod spans;
mod sums;
mod telling;
#[cfg(test)]
mod tests;
mod velocity;

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

pub use finding::{Finding, Kind, Subject, Used};
pub use handle::{Quantiles, Usual, WatchHandle};
pub use observer::{Forgotten, WatchObserver};
pub use options::{LoopOptions, OutlierOptions, ThresholdOptions, VelocityOptions, WatchOptions};

use crate::limits;
use crate::model::{
    LlmCall, Moment, Notices, Operation, Projection, SeenRecord, SeenSpan, Settled, ToolCall,
};
use bytes::Kept as _;
use lineage::{Lineage, Run, Work};
use loops::{Loops, Round};
use spans::NOBODY;
use sums::Sums;
use telling::Telling;
use velocity::Velocity;

/// The format of the snapshot.
const FORMAT: u8 = 1;
/// The name of everything together.
const ALL: &str = "all";
const SECOND_NS: u64 = 1_000_000_000;

/// Watches what is committed.
pub struct Watch {
    options: WatchOptions,
    observer: Box<dyn WatchObserver>,
    telling: Telling,
    lineage: Lineage,
    loops: Loops,
    velocity: Velocity,
    shared: WatchHandle,
    /// Names of each subject that were announced to the observer.
    expected: [HashSet<Box<str>, RandomState>; Subject::ALL.len()],
    /// The time of the log: the latest arrival.
    log_ns: u64,
    /// Whether nothing has come since the last tick.
    quiet: bool,
}

impl Watch {
    /// Nothing seen yet.
    pub fn new(
        options: WatchOptions,
        observer: Box<dyn WatchObserver>,
        notices: Arc<dyn Notices>,
    ) -> Self {
        Self {
            telling: Telling::new(notices, options.notice_interval.as_nanos() as u64),
            options,
            observer,
            lineage: Lineage::new(),
            loops: Loops::new(),
            velocity: Velocity::default(),
            shared: WatchHandle::default(),
            expected: Default::default(),
            log_ns: 0,
            quiet: false,
        }
    }

    /// What the API reads.
    pub fn handle(&self) -> WatchHandle {
        self.shared.clone()
    }

    /// This name is there now: its counters stand at 0, so that what is first found of it is an
    /// increase.
    fn expect(&mut self, subject: Subject, name: &str) {
        let names = &mut self.expected[subject as usize];
        let name = name_of(name);
        if names.len() >= limits::WATCH_EXPECTED_NAMES || names.contains(name) {
            return;
        }
        names.insert(name.into());
        subject.kinds().iter().for_each(|kind| self.observer.expect(*kind, name));
    }

    /// Something came.
    #[inline]
    fn heard(&mut self, moment: Moment) {
        self.quiet = false;
        if moment.arrived_ns > self.log_ns {
            self.advance(moment.arrived_ns, moment.live);
        }
    }

    /// The time of the log moves on: runs whose grace is over are closed.
    fn advance(&mut self, now_ns: u64, live: bool) {
        self.log_ns = now_ns;
        while let Some(run) = self.lineage.close(now_ns) {
            self.close(&run, live);
        }
    }

    fn arrive(&mut self, seen: &SeenSpan<'_, '_>, own: &Sums, run: Option<Run>) {
        let span = seen.span;
        let key = spans::key(span.trace_id, span.span_id);
        let parent = span.parent_span_id.filter(|parent| *parent != span.span_id);
        let parent = parent.map_or(NOBODY, |parent| spans::key(span.trace_id, parent));
        let due_ns = self.log_ns.saturating_add(self.options.grace.as_nanos() as u64);
        let arrived = self.lineage.arrive(key, parent, own, run.map(|run| (due_ns, run)));
        if let Some(late) = arrived.late {
            self.observer.late_cost(late.usd().unwrap_or(0.0).max(0.0));
        }
        if arrived.forgotten > 0 {
            self.observer.forgotten(Forgotten::Waiting, arrived.forgotten as u64);
        }
        if let Some(run) = arrived.closed_early {
            self.observer.forgotten(Forgotten::OpenRun, 1);
            self.close(&run, seen.moment.live);
        }
    }

    /// A run is over, and its children have had their time to arrive.
    fn close(&mut self, run: &Run, live: bool) {
        let subject = run.work.subject();
        let usd = run.sums.usd();
        if run.work == Work::Workflow {
            match usd {
                _ if run.sums.is_lower_bound() => {
                    self.observer.workflow_cost_incomplete(&run.name);
                }
                Some(usd) => self.observer.workflow_cost(&run.name, usd.max(0.0)),
                // Without a call that could have cost anything there is no cost to observe.
                None => {}
            }
        }
        let verdict = self.shared.lock().baselines.judge(run, self.log_ns, &self.options);
        if verdict.forgotten {
            self.observer.forgotten(Forgotten::Baseline, 1);
        }
        let too_dear = self.options.thresholds.workflow_cost_usd;
        let too_dear = too_dear.filter(|_| run.work == Work::Workflow);
        let too_dear = too_dear.zip(usd).filter(|(limit, usd)| usd > limit).map(|(limit, _)| limit);
        let failing = verdict.failing.map(|(part, _)| part);
        let most_failing = self.options.thresholds.error_ratio.filter(|_| failing.is_some());
        let spent = usd.unwrap_or(0.0);
        for (kind, value, limit) in [
            (Kind::WorkflowCostUsd, spent, too_dear),
            (Kind::SlowRun, run.seconds, verdict.slow),
            (Kind::ExpensiveRun, spent, verdict.expensive),
            (Kind::ErrorRatio, failing.unwrap_or(0.0), most_failing),
        ] {
            let Some(limit) = limit else { continue };
            let finding = Finding {
                kind,
                subject,
                name: run.name.clone(),
                value,
                limit,
                used: Some(run.sums.used()),
                agent: None,
                tenant: run.tenant.clone(),
                trace_id: Some(run.trace_id),
                span_id: Some(run.span_id),
                time_ns: self.log_ns,
            };
            self.found(finding, live);
        }
    }

    /// Something took its time; it is found if that was too long.
    fn took(&mut self, seen: &SeenSpan<'_, '_>, kind: Kind, subject: Subject, name: &str) {
        let thresholds = &self.options.thresholds;
        let limit = match kind {
            Kind::WorkflowSeconds => thresholds.workflow_seconds,
            Kind::StepSeconds => thresholds.step_seconds,
            _ => thresholds.llm_call_seconds,
        };
        self.expect(subject, name);
        let value = seen.span.duration_seconds();
        if let Some(limit) = limit.filter(|limit| value > *limit) {
            let finding = self.about(seen, kind, subject, name, (value, limit));
            self.found(finding, seen.moment.live);
        }
    }

    fn llm(&mut self, seen: &SeenSpan<'_, '_>, call: &LlmCall<'_>) {
        let whole;
        let settled = match seen.settled {
            Some(settled) => settled,
            None => {
                whole = Settled::whole(call);
                &whole
            }
        };
        if settled.counts {
            self.took(seen, Kind::LlmCallSeconds, Subject::Model, call.model());
        }
        let sums = Sums::of_call(settled, seen.known.failed);
        self.arrive(seen, &sums, None);
        if sums.priced == 0 {
            return;
        }
        let tenant = seen.known.tenant.map(name_of);
        self.expect(Subject::All, ALL);
        tenant.iter().for_each(|tenant| self.expect(Subject::Tenant, tenant));
        let (now_ns, options) = (self.log_ns, &self.options.velocity);
        let spent = self.velocity.spend(tenant, sums.money, now_ns, options);
        if let Some(gone) = spent.forgotten {
            self.observer.forgotten(Forgotten::Tenant, 1);
            self.observer.velocity(Some(&gone), 0.0);
        }
        let named = tenant.unwrap_or_default();
        for (rush, subject, name) in
            [(spent.all, Subject::All, ALL), (spent.tenant, Subject::Tenant, named)]
        {
            let Some(rush) = rush else { continue };
            let limits = (rush.usd, rush.limit);
            let mut finding = self.about(seen, Kind::CostVelocity, subject, name, limits);
            if subject == Subject::All {
                // Of all the spending, the last call is only what it showed at.
                (finding.tenant, finding.agent) = (None, None);
            }
            self.found(finding, seen.moment.live);
        }
    }

    fn tool(&mut self, seen: &SeenSpan<'_, '_>, call: &ToolCall<'_>) {
        self.arrive(seen, &Sums::TOOL, None);
        let Some(arguments) = call.arguments else { return };
        let digest = digest::of_call(call.name, arguments);
        // One trace may hold runs of several agents, side by side.
        let agent = digest::of_call("", seen.known.agent.unwrap_or_default());
        let run = seen.span.trace_id.digest() ^ agent;
        self.expect(Subject::Tool, call.name);
        let (told, forgotten) =
            self.loops.call(run, seen.span.start_ns, digest, self.options.loops);
        if forgotten > 0 {
            self.observer.forgotten(Forgotten::Calls, forgotten as u64);
        }
        let (kind, value, limit) = match told {
            None => return,
            Some(Round::Repeat(count)) => (Kind::ToolLoop, count, self.options.loops.repeats),
            Some(Round::Circle { rounds, .. }) => {
                (Kind::ToolCycle, rounds, self.options.loops.rounds)
            }
        };
        let values = (value as f64, limit as f64);
        let finding = self.about(seen, kind, Subject::Tool, call.name, values);
        self.found(finding, seen.moment.live);
    }

    /// A finding about a span: its value and its limit.
    fn about(
        &self,
        seen: &SeenSpan<'_, '_>,
        kind: Kind,
        subject: Subject,
        name: &str,
        (value, limit): (f64, f64),
    ) -> Finding {
        Finding {
            kind,
            subject,
            name: name_of(name).into(),
            value,
            limit,
            used: None,
            agent: seen.known.agent.map(|agent| name_of(agent).into()),
            tenant: seen.known.tenant.map(|tenant| name_of(tenant).into()),
            trace_id: Some(seen.span.trace_id),
            span_id: Some(seen.span.span_id),
            time_ns: self.log_ns,
        }
    }

    fn found(&mut self, finding: Finding, live: bool) {
        self.observer.found(finding.kind, &finding.name);
        if live {
            self.telling.tell(&finding, &*self.observer);
        }
        telling::remember(&mut self.shared.lock().findings, finding);
    }

    fn run(seen: &SeenSpan<'_, '_>, work: Work, name: &str) -> Run {
        Run {
            work,
            name: name_of(name).into(),
            tenant: seen.known.tenant.map(|tenant| name_of(tenant).into()),
            trace_id: seen.span.trace_id,
            span_id: seen.span.span_id,
            seconds: seen.span.duration_seconds(),
            failed: seen.known.failed,
            sums: Sums::default(),
        }
    }

    fn read(&mut self, from: &mut &[u8]) -> Option<()> {
        if u8::read(from)? != FORMAT {
            return None;
        }
        let log_ns = u64::read(from)?;
        let (lineage, loops) = (Lineage::read(from)?, Loops::read(from)?);
        let velocity = Velocity::read(from)?;
        let baselines = baselines::Baselines::read(from)?;
        let findings = telling::Findings::read(from)?;
        if !from.is_empty() {
            return None;
        }
        (self.log_ns, self.lineage, self.loops, self.velocity) = (log_ns, lineage, loops, velocity);
        *self.shared.lock() = handle::Shared { baselines, findings };
        Some(())
    }
}

impl Projection for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn span(&mut self, seen: &SeenSpan<'_, '_>) {
        self.heard(seen.moment);
        match &seen.known.operation {
            Operation::Llm(call) => self.llm(seen, call),
            Operation::Tool(call) => self.tool(seen, call),
            Operation::Agent(agent) => {
                let run = Self::run(seen, Work::Agent, agent.name);
                self.expect(Subject::Agent, agent.name);
                self.arrive(seen, &Sums::default(), Some(run));
            }
            Operation::Workflow(workflow) => {
                self.took(seen, Kind::WorkflowSeconds, Subject::Workflow, workflow.name);
                let run = Self::run(seen, Work::Workflow, workflow.name);
                self.arrive(seen, &Sums::default(), Some(run));
            }
            Operation::Step(step) => {
                self.took(seen, Kind::StepSeconds, Subject::Step, step.name);
                self.arrive(seen, &Sums::default(), None);
            }
            _ => self.arrive(seen, &Sums::default(), None),
        }
    }

    fn record(&mut self, seen: &SeenRecord<'_, '_>) {
        self.heard(seen.moment);
    }

    fn metrics(&mut self, _request: &[u8], moment: Moment) {
        self.heard(moment);
    }

    fn tick(&mut self, now_ns: u64) {
        // Only where nothing has come since the last tick has all been read that had come by
        // then; while the log is behind, its own time counts.
        let silent_ns = now_ns.saturating_sub(limits::WATCH_SETTLE_SECONDS * SECOND_NS);
        if std::mem::replace(&mut self.quiet, true) && silent_ns > self.log_ns {
            self.advance(silent_ns, true);
        }
        self.telling.tick(now_ns);
        self.observer.velocity(None, self.velocity.all(now_ns));
        for (tenant, usd) in self.velocity.tenants(now_ns) {
            self.observer.velocity(Some(tenant), usd);
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        self.log_ns.write(&mut out);
        self.lineage.write(&mut out);
        self.loops.write(&mut out);
        self.velocity.write(&mut out);
        let shared = self.shared.lock();
        shared.baselines.write(&mut out);
        shared.findings.write(&mut out);
        out
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let read = self.read(&mut &bytes[..]);
        read.ok_or_else(|| "it is not a state of this release".to_owned())
    }
}

impl Work {
    fn subject(self) -> Subject {
        match self {
            Self::Workflow => Subject::Workflow,
            Self::Agent => Subject::Agent,
        }
    }
}

/// A name as it is remembered: no longer than a label's value.
fn name_of(name: &str) -> &str {
    &name[..name.floor_char_boundary(limits::WATCH_NAME_BYTES)]
}
