//! Budgets as the gateway and the log use them.

mod counting;
mod crashes;
mod promises;
mod reporting;

use std::sync::{Arc, Mutex};

use super::*;
use crate::model::{
    Ask, CallLabels, Exhausted, Moment, Notice, Notices, Origin, Projection as _, SeenSpan,
    Settled, Span, SpanId, SpanKind, Spending as _, Status, TraceId, Understanding, Usage, Why,
};

/// 2026-03-10T12:00:00Z, a Tuesday.
const NOON: u64 = 1_773_144_000_000_000_000;
const HOUR: u64 = 3_600_000_000_000;
const DAY: u64 = 24 * HOUR;

/// Writes down what it hears.
#[derive(Default)]
struct Heard {
    notices: Mutex<Vec<Notice>>,
    refused: Mutex<Vec<(Payer, Period, Unit)>>,
    unpriced: Mutex<Vec<bool>>,
    expired: Mutex<u64>,
}

impl Notices for Heard {
    fn say(&self, notice: Notice) {
        self.notices.lock().unwrap().push(notice);
    }
}

impl BudgetsObserver for Heard {
    fn refused(&self, payer: Payer, period: Period, unit: Unit) {
        self.refused.lock().unwrap().push((payer, period, unit));
    }
    fn unpriced(&self, allowed: bool) {
        self.unpriced.lock().unwrap().push(allowed);
    }
    fn expired(&self, calls: u64) {
        *self.expired.lock().unwrap() += calls;
    }
}

/// A call as it is reported.
#[derive(Debug, Clone, Copy)]
struct Call {
    span: u64,
    tenant: Option<&'static str>,
    team: Option<&'static str>,
    tokens: u64,
    usd: Option<f64>,
    ended_ns: u64,
    arrived_ns: u64,
}

impl Default for Call {
    fn default() -> Self {
        let (tenant, team) = (Some("acme"), None);
        Self { span: 1, tenant, team, tokens: 0, usd: None, ended_ns: NOON, arrived_ns: NOON }
    }
}

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(&(number + 1).to_be_bytes()).unwrap()
}

/// A plan of which the closure adds the budgets.
fn plan(zone: &str, add: impl Fn(&mut Plan)) -> Plan {
    let mut plan = Plan::new(zone, true).unwrap();
    add(&mut plan);
    plan
}

fn budgets(plan: Plan) -> (Budgets, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    (Budgets::new(plan, heard.clone(), heard.clone()), heard)
}

/// Reports a call, as the projector does.
fn report(budgets: &mut Budgets, call: &Call, live: bool) {
    let half = call.tokens / 2;
    let usage = Usage { input: Some(half), output: Some(call.tokens - half), ..Usage::default() };
    let labels = CallLabels { provider: "openai".into(), model: "gpt".into() };
    let settled = Settled {
        counts: true,
        usage,
        cost_usd: call.usd,
        labels: Arc::new(labels),
        ..Settled::default()
    };
    report_settled(budgets, call, &settled, live);
}

fn report_settled(budgets: &mut Budgets, call: &Call, settled: &Settled, live: bool) {
    let known = Understanding { tenant: call.tenant, team: call.team, ..Understanding::default() };
    let span = Span {
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        span_id: span_id(call.span),
        parent_span_id: None,
        trace_state: "",
        name: "chat",
        kind: SpanKind::Client,
        start_ns: call.ended_ns,
        end_ns: call.ended_ns,
        status: Status::Unset,
        status_message: "",
        attributes: Vec::new(),
        dropped_attributes: 0,
        events: Vec::new(),
        links: Vec::new(),
    };
    let moment = Moment { arrived_ns: call.arrived_ns, live };
    let (origin, settled) = (Origin::default(), Some(settled));
    budgets.span(&SeenSpan { moment, origin: &origin, span: &span, known: &known, settled });
}

fn ask(span: u64, tokens: u64, usd: Option<f64>, now_ns: u64) -> Ask<'static> {
    Ask { tenant: Some("acme"), team: None, span: span_id(span), tokens, usd, now_ns }
}

fn view(budgets: &Budgets, payer: Payer, name: &str, now_ns: u64) -> BudgetView {
    let report = budgets.report(now_ns);
    let found = report.budgets.into_iter().find(|it| it.payer == payer && it.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Used by acme: day and month, tokens and USD.
fn used(budgets: &Budgets, now_ns: u64) -> [[f64; 2]; 2] {
    let view = view(budgets, Payer::Tenant, "acme", now_ns);
    view.periods.map(|period| period.units.map(|unit| unit.used))
}
