//! What the toggle lets through: windows of time, each for everything or for one tenant, agent
//! or trace.
//!
//! Whether a batch is wanted depends on when it arrived, not on when it is read. So what arrived
//! just before the toggle went off is still written, and nothing from before it went on.

use crate::limits;
use crate::model::TraceId;

/// Whose telemetry a scope means. Nothing set means everybody's; all that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The tenant's name, as sent.
    pub tenant: Option<String>,
    /// The agent's name, as sent.
    pub agent: Option<String>,
    /// One trace.
    pub trace_id: Option<TraceId>,
}

/// A subject and a window of time. Times are nanoseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Whose telemetry.
    pub subject: Subject,
    /// The window's begin.
    pub since_ns: u64,
    /// Its end, which is outside; `None` until somebody ends it.
    pub until_ns: Option<u64>,
    /// The name of the API key that opened it.
    pub by: Option<String>,
}

/// One span or log record, as far as scopes ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct Item<'a> {
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// Whose work it was.
    pub tenant: Option<&'a str>,
    /// Who did it.
    pub agent: Option<&'a str>,
}

/// All scopes: open ones, and for a while those that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

/// There are as many open scopes as there may be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("at most {} scopes may be open at once", limits::DEBUG_SCOPES)]
pub struct TooMany;

impl Subject {
    /// Whether it means everybody.
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    fn fits(&self, item: &Item<'_>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| match wanted {
            None => true,
            Some(wanted) => found == Some(wanted.as_str()),
        };
        same(&self.tenant, item.tenant)
            && same(&self.agent, item.agent)
            && (self.trace_id.is_none() || self.trace_id == item.trace_id)
    }
}

impl Scope {
    /// Everybody, from now on.
    pub fn everybody(now_ns: u64) -> Self {
        Self { subject: Subject::default(), since_ns: now_ns, until_ns: None, by: None }
    }

    fn holds(&self, at_ns: u64) -> bool {
        self.since_ns <= at_ns && self.until_ns.is_none_or(|until| at_ns < until)
    }

    fn has_ended(&self, now_ns: u64) -> bool {
        self.until_ns.is_some_and(|until| until <= now_ns)
    }
}

impl Scopes {
    /// These scopes, as a file says them; `None` if they are too many.
    pub fn of(scopes: Vec<Scope>) -> Option<Self> {
        (scopes.len() <= 2 * limits::DEBUG_SCOPES).then_some(Self(scopes))
    }

    /// Every scope, also those that have ended.
    pub fn all(&self) -> &[Scope] {
        &self.0
    }

    /// The scopes that have not ended.
    pub fn open(&self, now_ns: u64) -> impl Iterator<Item = &Scope> {
        self.0.iter().filter(move |scope| !scope.has_ended(now_ns))
    }

    /// Whether something is wanted now.
    pub fn is_on(&self, now_ns: u64) -> bool {
        self.open(now_ns).next().is_some()
    }

    /// Whether anything at all of a batch that arrived then may be wanted.
    pub fn covers(&self, arrived_ns: u64) -> bool {
        self.0.iter().any(|scope| scope.holds(arrived_ns))
    }

    /// Whether a scope that covers this moment asks for tenants or agents.
    pub fn asks_who(&self, arrived_ns: u64) -> bool {
        let asks = |subject: &Subject| subject.tenant.is_some() || subject.agent.is_some();
        self.0.iter().any(|scope| scope.holds(arrived_ns) && asks(&scope.subject))
    }

    /// Whether this item of a batch that arrived then is wanted.
    pub fn want(&self, arrived_ns: u64, item: &Item<'_>) -> bool {
        self.0.iter().any(|scope| scope.holds(arrived_ns) && scope.subject.fits(item))
    }

    /// Opens a scope. One of the same subject that is open ends with it.
    pub fn add(&mut self, scope: Scope, now_ns: u64) -> Result<(), TooMany> {
        let others = self.open(now_ns).filter(|each| each.subject != scope.subject).count();
        if others >= limits::DEBUG_SCOPES {
            return Err(TooMany);
        }
        self.end(Some(&scope.subject), now_ns);
        self.forget(now_ns);
        self.0.push(scope);
        Ok(())
    }

    /// Ends the open scopes of a subject, or all of them; says how many.
    pub fn end(&mut self, subject: Option<&Subject>, now_ns: u64) -> usize {
        let mut ended = 0;
        for scope in &mut self.0 {
            let meant = subject.is_none_or(|subject| *subject == scope.subject);
            if meant && !scope.has_ended(now_ns) {
                scope.until_ns = Some(now_ns);
                ended += 1;
            }
        }
        self.forget(now_ns);
        ended
    }

    /// Forgets scopes that ended so long ago that nothing of theirs waits to be read, and the
    /// oldest of the others while they are too many.
    fn forget(&mut self, now_ns: u64) {
        let kept_ns = limits::DEBUG_SCOPE_KEPT_SECONDS * 1_000_000_000;
        let horizon = now_ns.saturating_sub(kept_ns);
        self.0.retain(|scope| !scope.has_ended(horizon));
        while self.0.len() >= 2 * limits::DEBUG_SCOPES {
            let ended = self.0.iter().position(|scope| scope.has_ended(now_ns));
            let Some(oldest) = ended else { break };
            self.0.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn tenant(name: &str, since_ns: u64, until_ns: Option<u64>) -> Scope {
        let subject = Subject { tenant: Some(name.to_owned()), ..Subject::default() };
        Scope { subject, since_ns, until_ns, by: None }
    }

    fn of<'a>(tenant: &'a str, agent: &'a str) -> Item<'a> {
        let trace_id = TraceId::from_bytes(&[7; 16]);
        Item { trace_id, tenant: Some(tenant), agent: Some(agent) }
    }

    #[test]
    fn a_scope_takes_its_own_and_nothing_else() {
        let mut scopes = Scopes::default();
        scopes.add(tenant("acme", 100, Some(200)), 100).unwrap();
        let subject = Subject {
            tenant: Some("globex".to_owned()),
            agent: Some("planner".to_owned()),
            ..Subject::default()
        };
        scopes.add(Scope { subject, since_ns: 100, until_ns: None, by: None }, 100).unwrap();
        for (at, item, expected) in [
            (100, of("acme", "x"), true),
            (99, of("acme", "x"), false),
            (199, of("acme", "x"), true),
            (200, of("acme", "x"), false),
            (150, of("globex", "planner"), true),
            (150, of("globex", "writer"), false),
            (150, of("initech", "planner"), false),
            (150, Item::default(), false),
            (u64::MAX, of("globex", "planner"), true),
        ] {
            assert_eq!(scopes.want(at, &item), expected, "{at} {item:?}");
        }
        assert!(scopes.covers(150) && !scopes.covers(99) && scopes.asks_who(150));
        let trace_id = TraceId::from_bytes(&[7; 16]);
        let subject = Subject { trace_id, ..Subject::default() };
        let one = Scopes::of(vec![Scope { subject, ..Scope::everybody(0) }]).unwrap();
        assert!(one.want(5, &of("a", "b")) && !one.asks_who(5));
        let other = Item { trace_id: TraceId::from_bytes(&[8; 16]), ..of("a", "b") };
        assert!(!one.want(5, &other) && !one.want(5, &Item::default()));
    }

    #[test]
    fn what_arrived_before_the_end_is_wanted_also_when_it_is_read_later() {
        let mut scopes = Scopes::default();
        scopes.add(Scope::everybody(10), 10).unwrap();
        assert!(scopes.is_on(20));
        assert_eq!(scopes.end(None, 30), 1);
        assert_eq!(scopes.end(None, 31), 0);
        assert!(!scopes.is_on(30));
        assert!(scopes.want(29, &Item::default()) && !scopes.want(30, &Item::default()));
        // Much later it is forgotten.
        scopes.end(None, 30 + (limits::DEBUG_SCOPE_KEPT_SECONDS + 1) * SECOND);
        assert!(scopes.all().is_empty());
    }

    #[test]
    fn an_expiry_ends_a_scope_by_itself() {
        let mut scopes = Scopes::default();
        scopes.add(tenant("acme", 0, Some(60 * SECOND)), 0).unwrap();
        assert!(scopes.is_on(59 * SECOND) && !scopes.is_on(60 * SECOND));
        // Again, with another expiry: one scope, not two.
        scopes.add(tenant("acme", SECOND, Some(90 * SECOND)), SECOND).unwrap();
        assert_eq!(scopes.open(2 * SECOND).count(), 1);
        assert!(scopes.is_on(89 * SECOND) && !scopes.is_on(90 * SECOND));
    }

    #[test]
    fn their_number_is_bounded() {
        let mut scopes = Scopes::default();
        for number in 0..limits::DEBUG_SCOPES {
            scopes.add(tenant(&number.to_string(), 0, None), 0).unwrap();
        }
        assert_eq!(scopes.add(tenant("one more", 0, None), 0), Err(TooMany));
        // The same again is no further one.
        scopes.add(tenant("0", 1, None), 1).unwrap();
        for round in 2..10_000 {
            scopes.add(tenant("0", round, None), round).unwrap();
        }
        assert_eq!(scopes.open(10_000).count(), limits::DEBUG_SCOPES);
        assert!(scopes.all().len() <= 2 * limits::DEBUG_SCOPES);
        assert!(Scopes::of(scopes.all().to_vec()).is_some());
    }
}
