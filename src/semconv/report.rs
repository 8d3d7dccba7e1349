//! Log records that report something to be counted, whoever sent them.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::provider;
use crate::limits;
use crate::model::{
    Attribute, LogRecord, Origin, RateLimit, Report, Reported, RunKind, RunStart, Spend,
    TokenBudget, Value, find,
};

/// Reads what a log record reports; `None` for every other record, and for one that lacks what
/// its name promises or says something that cannot be true.
///
/// The name stands in the record since events have a field for it, in an attribute before.
pub fn report<'a>(origin: &Origin<'a>, record: &LogRecord<'a>) -> Option<Report<'a>> {
    let attribute = || find(&record.attributes, "event.name").and_then(Value::as_text);
    let name = Some(record.event_name).filter(|name| !name.is_empty()).or_else(attribute)?;
    let said = said(name.strip_prefix("pharos.")?, &record.attributes)?;
    let whose = |keys: &[&str]| {
        let of = |attributes: &[Attribute<'a>]| keys.iter().find_map(|key| text(attributes, key));
        of(&record.attributes).or_else(|| of(&origin.resource))
    };
    Some(Report {
        said,
        id: text(&record.attributes, "log.record.uid"),
        tenant: whose(&["tenant.id", "tenant_id"]),
        team: whose(&["pharos.team", "team.id"]),
        user: whose(&["user.id", "user_id"]),
        agent: whose(&["gen_ai.agent.name", "agent.name"]),
        conversation: whose(&["gen_ai.conversation.id", "session.id"]),
    })
}

fn said<'a>(name: &str, said: &[Attribute<'a>]) -> Option<Reported<'a>> {
    let provider = || Some(provider::normalise(text(said, "gen_ai.provider.name")?));
    Some(match name {
        "request.started" => started(RunKind::Request, said, "http.route"),
        "agent_run.started" => started(RunKind::Agent, said, "gen_ai.agent.name"),
        "workflow.started" => started(RunKind::Workflow, said, "gen_ai.workflow.name"),
        "rate_limit" => Reported::RateLimit(RateLimit {
            provider: provider()?,
            resource: text(said, "pharos.rate_limit.resource").unwrap_or("requests"),
            remaining: number(said, "pharos.rate_limit.remaining")?,
            limit: number(said, "pharos.rate_limit.limit"),
        }),
        "token_budget" => Reported::TokenBudget(TokenBudget {
            period: text(said, "pharos.budget.period").unwrap_or("daily"),
            limit: whole(said, "pharos.budget.limit_tokens"),
            used: whole(said, "pharos.budget.used_tokens"),
            remaining: whole(said, "pharos.budget.remaining_tokens"),
        }),
        "spend" => Reported::Spend(Spend {
            usd: number(said, "pharos.cost_usd").filter(|usd| *usd <= limits::COST_PER_CALL_USD)?,
            provider: provider(),
            model: text(said, "gen_ai.request.model"),
            reason: text(said, "pharos.spend.reason"),
        }),
        "db_connections" => Reported::DbConnections(number(said, "pharos.db.connections.active")?),
        "error" => {
            Reported::Error(text(said, "error.type").or_else(|| text(said, "exception.type")))
        }
        "security" => Reported::Security(text(said, "pharos.security.event")),
        _ => return None,
    })
}

fn started<'a>(kind: RunKind, said: &[Attribute<'a>], named: &str) -> Reported<'a> {
    Reported::Started(RunStart {
        kind,
        name: text(said, named).unwrap_or_default(),
        method: text(said, "http.request.method").unwrap_or_default(),
        parent: text(said, "pharos.parent_span_id"),
    })
}

/// A text that says something.
fn text<'a>(attributes: &[Attribute<'a>], key: &str) -> Option<&'a str> {
    find(attributes, key)?.as_text().filter(|text| !text.is_empty())
}

/// A finite number that is not negative.
fn number(attributes: &[Attribute<'_>], key: &str) -> Option<f64> {
    find(attributes, key)?.as_f64().filter(|number| *number >= 0.0)
}

/// A whole number that is not negative.
fn whole(attributes: &[Attribute<'_>], key: &str) -> Option<u64> {
    u64::try_from(find(attributes, key)?.as_i64()?).ok()
}

/// Remembers which records with ids of their own were read: a sender that repeats a record
/// because its acknowledgement was lost must not have it counted twice.
///
/// In two generations, so that memory is bounded and the newest are always known. It follows
/// from the order of the log alone and is kept in the snapshot of the projections.
#[derive(Debug, Default)]
pub struct Uids {
    young: HashSet<u128, FixedState>,
    old: HashSet<u128, FixedState>,
}

impl Uids {
    /// Whether this report is the first with its id; one without an id always is.
    pub fn first(&mut self, origin: &Origin<'_>, report: &Report<'_>) -> bool {
        let Some(id) = report.id else { return true };
        let half = |seed| FixedState::with_seed(seed).hash_one((origin.service(), id));
        let digest = u128::from(half(1)) << 64 | u128::from(half(2));
        if self.young.contains(&digest) || self.old.contains(&digest) {
            return false;
        }
        if self.young.len() >= limits::REPORT_UIDS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest)
    }

    /// The state as bytes: the number of older ids, and all ids.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = (self.old.len() as u64).to_le_bytes().to_vec();
        for digest in self.old.iter().chain(&self.young) {
            out.extend_from_slice(&digest.to_le_bytes());
        }
        out
    }

    /// Takes over a state; bytes that are none leave it empty.
    pub fn restore(bytes: &[u8]) -> Self {
        let mut uids = Self::default();
        let Some((older, rest)) = bytes.split_first_chunk::<8>() else { return uids };
        let older = usize::try_from(u64::from_le_bytes(*older)).unwrap_or(usize::MAX);
        for (at, digest) in rest.as_chunks::<16>().0.iter().enumerate() {
            let half = if at < older { &mut uids.old } else { &mut uids.young };
            half.insert(u128::from_le_bytes(*digest));
        }
        uids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(name: &'a str, attributes: &[(&'a str, Value<'a>)]) -> LogRecord<'a> {
        let attributes = attributes.iter().cloned();
        LogRecord {
            time_ns: 1,
            observed_ns: 1,
            severity: 9,
            severity_text: "",
            event_name: name,
            body: Value::Empty,
            attributes: attributes.map(|(key, value)| Attribute { key, value }).collect(),
            trace_id: None,
            span_id: None,
        }
    }

    fn read<'a>(name: &'a str, attributes: &[(&'a str, Value<'a>)]) -> Option<Reported<'a>> {
        report(&Origin::default(), &record(name, attributes)).map(|report| report.said)
    }

    #[test]
    fn every_report_is_read() {
        use Value::{Double, Int, Text};
        let provider = ("gen_ai.provider.name", Text("azure"));
        let limit = read(
            "pharos.rate_limit",
            &[provider.clone(), ("pharos.rate_limit.remaining", Int(40))],
        );
        let Some(Reported::RateLimit(limit)) = limit else { panic!("{limit:?}") };
        assert_eq!((&*limit.provider, limit.resource), ("azure.ai.openai", "requests"));
        assert_eq!((limit.remaining, limit.limit), (40.0, None));
        let spend = read("pharos.spend", &[("pharos.cost_usd", Double(0.5)), provider]);
        assert!(matches!(spend, Some(Reported::Spend(Spend { usd: 0.5, .. }))));
        let start = read("pharos.agent_run.started", &[("gen_ai.agent.name", Text("planner"))]);
        let Some(Reported::Started(start)) = start else { panic!("{start:?}") };
        assert_eq!((start.kind, start.name), (RunKind::Agent, "planner"));
        let error = read("pharos.error", &[("exception.type", Text("Timeout"))]);
        assert_eq!(error, Some(Reported::Error(Some("Timeout"))));
        let used = ("pharos.budget.used_tokens", Text("12"));
        let Some(Reported::TokenBudget(budget)) = read("pharos.token_budget", &[used]) else {
            panic!("a budget")
        };
        assert_eq!((budget.used, budget.limit, budget.period), (Some(12), None, "daily"));
    }

    #[test]
    fn what_cannot_be_true_is_no_report() {
        use Value::{Double, Int, Text};
        for (name, key, value) in [
            ("pharos.spend", "pharos.cost_usd", Double(f64::NAN)),
            ("pharos.spend", "pharos.cost_usd", Double(-1.0)),
            ("pharos.spend", "pharos.cost_usd", Double(1e12)),
            ("pharos.spend", "cost", Int(1)),
            ("pharos.db_connections", "pharos.db.connections.active", Int(-1)),
            ("pharos.rate_limit", "gen_ai.provider.name", Text("openai")),
            ("pharos.unheard_of", "a", Int(1)),
            ("spend", "pharos.cost_usd", Int(1)),
            ("", "pharos.cost_usd", Int(1)),
        ] {
            assert_eq!(read(name, &[(key, value)]), None, "{name} {key}");
        }
    }

    #[test]
    fn the_name_may_stand_in_an_attribute_and_the_owner_on_the_resource() {
        let tenant = Attribute { key: "tenant.id", value: Value::Text("acme") };
        let origin = Origin { resource: vec![tenant], ..Origin::default() };
        let name = ("event.name", Value::Text("pharos.security"));
        let uid = ("log.record.uid", Value::Text("7"));
        let said = report(&origin, &record("", &[name, uid])).unwrap();
        assert_eq!((said.tenant, said.id), (Some("acme"), Some("7")));
        assert_eq!(said.said, Reported::Security(None));
    }

    #[test]
    fn an_id_is_read_once_also_over_a_snapshot() {
        let origin = Origin::default();
        let numbers: Vec<String> = (0..limits::REPORT_UIDS + 10).map(|it| it.to_string()).collect();
        let said = |id| Report {
            said: Reported::Security(None),
            id,
            tenant: None,
            team: None,
            user: None,
            agent: None,
            conversation: None,
        };
        let mut uids = Uids::default();
        assert!(uids.first(&origin, &said(None)) && uids.first(&origin, &said(None)));
        for number in &numbers {
            assert!(uids.first(&origin, &said(Some(number))), "{number}");
        }
        let mut uids = Uids::restore(&uids.snapshot());
        for number in &numbers {
            assert!(!uids.first(&origin, &said(Some(number))), "{number}");
        }
        assert!(uids.young.len() + uids.old.len() <= 2 * limits::REPORT_UIDS);
        assert!(Uids::restore(b"x").young.is_empty());
    }
}
