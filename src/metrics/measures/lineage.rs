//! Whose step it is, where only an ancestor of the span says so.
//!
//! Instrumentations name the agent on the span of its run and not on the calls below it. Children
//! end, and mostly arrive, before their parents, so a step waits under its nearest ancestor that
//! has not arrived; when that one does, all that waits there moves up to an agent or waits again.
//! What waits under one span is one number, so that a long run costs no more than a short one.
//!
//! The memory is bounded and forgets the oldest; a forgotten step has no known agent and is not
//! counted. Everything follows from the order of the log alone, and is part of the snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::super::cardinality::{OTHER, clean};
use super::super::snapshot::{Reader, SnapshotError, Writer};
use crate::limits;
use crate::model::{Span, SpanId};

/// Ancestors that are looked at; deeper nesting is a cycle or as good as one.
const DEPTH: usize = 128;

/// What is known of the spans that arrived lately.
#[derive(Debug)]
pub(super) struct Lineage {
    spans: Recent<Place>,
    /// Steps below a span that has not arrived.
    waiting: Recent<u64>,
    agents: Vec<Arc<str>>,
}

/// A span within its trace, as a digest.
type Key = u64;

/// What a span says about the steps below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// They are this agent's.
    Agent(u32),
    /// They are whose its parent's are.
    Under(Key),
    /// They are nobody's.
    Root,
}

/// A map that forgets its older half when the younger one is full.
#[derive(Debug)]
pub(super) struct Recent<V> {
    young: HashMap<Key, V, RandomState>,
    old: HashMap<Key, V, RandomState>,
    half: usize,
}

impl Lineage {
    /// An empty memory for twice so many spans, and as many that are waited for.
    pub(super) fn new(half: usize) -> Self {
        Self { spans: Recent::new(half), waiting: Recent::new(half), agents: Vec::new() }
    }

    /// A span has arrived that names this agent, if any, and is a step or not. Says how many
    /// steps are now known to be whose.
    pub(super) fn arrive(
        &mut self,
        span: &Span<'_>,
        agent: Option<&str>,
        step: bool,
    ) -> Option<(Arc<str>, u64)> {
        let key = |id: SpanId| mix(span.trace_id.digest(), id.digest());
        let own = key(span.span_id);
        let parent = span.parent_span_id.map(key);
        let place = match (agent.filter(|agent| !agent.is_empty()), parent) {
            (Some(agent), _) => Place::Agent(self.agent(agent)),
            (None, Some(parent)) => Place::Under(parent),
            (None, None) => Place::Root,
        };
        self.spans.insert(own, place);
        let steps = self.waiting.remove(own).unwrap_or(0) + u64::from(step);
        if steps == 0 {
            return None;
        }
        let mut place = place;
        for _ in 0..DEPTH {
            match place {
                Place::Agent(number) => {
                    return Some((Arc::clone(self.agents.get(number as usize)?), steps));
                }
                Place::Root => return None,
                Place::Under(ancestor) => match self.spans.get(ancestor) {
                    Some(next) => place = next,
                    None => {
                        let waiting = self.waiting.get(ancestor).unwrap_or(0);
                        self.waiting.insert(ancestor, waiting + steps);
                        return None;
                    }
                },
            }
        }
        None
    }

    /// The number of an agent; names are few, so they are looked through.
    fn agent(&mut self, name: &str) -> u32 {
        let find = |agents: &[Arc<str>], name: &str| agents.iter().position(|it| **it == *name);
        if let Some(number) = find(&self.agents, name) {
            return number as u32;
        }
        let name = clean(name, limits::LABEL_VALUE_BYTES);
        // The last number is kept for all names that do not fit.
        let name = if self.agents.len() + 1 < limits::LABEL_VALUES { &*name } else { OTHER };
        let number = find(&self.agents, name).unwrap_or(self.agents.len());
        if number == self.agents.len() {
            self.agents.push(name.into());
        }
        number as u32
    }

    /// Writes it into a snapshot.
    pub(super) fn write(&self, out: &mut Writer) {
        out.number(self.agents.len() as u32);
        self.agents.iter().for_each(|name| out.text(name));
        self.spans.write(out, |place, out| {
            let (kind, value) = match place {
                Place::Root => (0, 0),
                Place::Under(parent) => (1, *parent),
                Place::Agent(number) => (2, u64::from(*number)),
            };
            out.number(kind);
            out.long(value);
        });
        self.waiting.write(out, |steps, out| out.long(*steps));
    }

    /// Reads what `write` wrote.
    pub(super) fn read(reader: &mut Reader<'_>, half: usize) -> Result<Self, SnapshotError> {
        let mut read = Self::new(half);
        for _ in 0..reader.number()? {
            read.agents.push(reader.text()?.into());
        }
        read.spans = Recent::read(reader, half, |reader| {
            Ok(match (reader.number()?, reader.long()?) {
                (0, _) => Place::Root,
                (1, parent) => Place::Under(parent),
                (2, number) => Place::Agent(number as u32),
                _ => return Err(SnapshotError::Damaged),
            })
        })?;
        read.waiting = Recent::read(reader, half, |reader| reader.long())?;
        Ok(read)
    }
}

impl<V: Copy> Recent<V> {
    pub(super) fn new(half: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), half }
    }

    fn half(&mut self, young: bool) -> &mut HashMap<Key, V, RandomState> {
        if young { &mut self.young } else { &mut self.old }
    }

    pub(super) fn get(&self, key: Key) -> Option<V> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    pub(super) fn insert(&mut self, key: Key, value: V) {
        if self.young.len() >= self.half {
            // The room of the older half is used again.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<V> {
        let old = if self.old.is_empty() { None } else { self.old.remove(&key) };
        self.young.remove(&key).or(old)
    }

    /// Writes both generations into a snapshot.
    pub(super) fn write(&self, out: &mut Writer, value: impl Fn(&V, &mut Writer)) {
        for half in [&self.old, &self.young] {
            out.number(half.len() as u32);
            for (key, it) in half {
                out.long(*key);
                value(it, out);
            }
        }
    }

    /// Reads what `write` wrote.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        half: usize,
        value: impl Fn(&mut Reader<'_>) -> Result<V, SnapshotError>,
    ) -> Result<Self, SnapshotError> {
        let mut read = Self::new(half);
        for young in [false, true] {
            for _ in 0..reader.number()? {
                let key = reader.long()?;
                let value = value(reader)?;
                read.half(young).insert(key, value);
            }
        }
        Ok(read)
    }
}

/// One number of a trace and a span in it.
pub(super) fn mix(trace: u64, span: u64) -> Key {
    (trace ^ span.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::measures::tests::span;

    /// A span with an id and a parent in one trace; parent 0 makes a root.
    fn child(id: u8, parent: u8) -> Span<'static> {
        let parent = SpanId::from_bytes(&[parent; 8]);
        let span_id = SpanId::from_bytes(&[id; 8]).unwrap();
        Span { span_id, parent_span_id: parent, ..span(1.0) }
    }

    /// Lets spans arrive, as (id, parent, agent, is a step), and says who got how many steps.
    fn check(arrivals: &[(u8, u8, &str, bool)], expected: &[(&str, u64)]) {
        let mut lineage = Lineage::new(100);
        let mut steps = Vec::new();
        for (id, parent, agent, step) in arrivals {
            let agent = Some(*agent).filter(|agent| !agent.is_empty());
            let known = lineage.arrive(&child(*id, *parent), agent, *step);
            steps.extend(known.map(|(agent, count)| (agent.to_string(), count)));
        }
        let expected: Vec<_> = expected.iter().map(|(a, n)| ((*a).to_owned(), *n)).collect();
        assert_eq!(steps, expected, "{arrivals:?}");
    }

    #[test]
    fn steps_find_their_agent_in_any_order() {
        // 1 is the agent, 2 a chain below it, 3 to 5 are calls.
        let agent = (1, 9, "planner", false);
        let chain = (2, 1, "", false);
        let [three, four, five] = [(3, 2, "", true), (4, 2, "", true), (5, 1, "", true)];
        check(&[three, four, five, chain, agent], &[("planner", 3)]);
        check(&[agent, chain, three, four, five], &[("planner", 1); 3]);
        check(&[three, agent, chain, four, five], &[("planner", 1); 3]);
        check(&[chain, three, five, four, agent], &[("planner", 3)]);
    }

    #[test]
    fn the_nearest_agent_is_the_one() {
        let (outer, inner) = ((1, 0, "lead", false), (2, 1, "helper", false));
        check(&[(3, 2, "", true), (4, 1, "", true), inner, outer], &[("helper", 1), ("lead", 1)]);
        check(&[(3, 1, "own word", true), outer], &[("own word", 1)]);
    }

    #[test]
    fn steps_of_nobody_are_not_counted() {
        check(&[(3, 1, "", true), (1, 0, "", false)], &[]);
        check(&[(3, 0, "", true)], &[]);
        // Two spans that call each other their parent end the search.
        check(&[(1, 2, "", true), (2, 1, "", true)], &[]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut lineage = Lineage::new(4);
        lineage.arrive(&child(1, 200), None, true);
        for id in 2..40 {
            lineage.arrive(&child(id, id + 100), None, true);
        }
        assert!(lineage.spans.young.len() + lineage.spans.old.len() <= 8);
        assert!(lineage.waiting.young.len() + lineage.waiting.old.len() <= 8);
        assert_eq!(lineage.arrive(&child(200, 0), Some("late"), false), None);
    }

    #[test]
    fn names_are_bounded() {
        let mut lineage = Lineage::new(10);
        for index in 0..1_000 {
            let name = format!("agent-{index}");
            lineage.arrive(&child(1, 0), Some(&name), false);
        }
        assert_eq!(lineage.agents.len(), limits::LABEL_VALUES);
        let (name, _) = lineage.arrive(&child(2, 0), Some("one more"), true).unwrap();
        assert_eq!(&*name, OTHER);
    }
}
