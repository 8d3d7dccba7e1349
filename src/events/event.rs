//! One event: its fields read by the table of its kind.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::frame::{FAILURE, SUCCESS};
use super::json::Json;
use super::kinds::KINDS;
use super::rejection::Rejection;
use super::schema::{Field, Frame, Kind, To, Want};
use super::value::{self, Held, Wrong};
use crate::limits;
use crate::model::{SpanId, TraceId};

/// An event whose fields are what its kind wants.
#[derive(Debug)]
pub(super) struct Event<'t> {
    pub(super) kind: &'static Kind,
    pub(super) attributes: Vec<(&'t str, Held<'t>)>,
    pub(super) body: Option<Cow<'t, str>>,
    pub(super) frame: Framed<'t>,
}

/// What the frame of an event says.
#[derive(Debug, Default)]
pub(super) struct Framed<'t> {
    pub(super) time_ns: Option<u64>,
    pub(super) start_ns: Option<u64>,
    pub(super) end_ns: Option<u64>,
    pub(super) duration_ns: Option<u64>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent: Option<SpanId>,
    pub(super) traceparent: Option<(TraceId, SpanId)>,
    pub(super) run_id: Option<&'t str>,
    pub(super) id: Option<&'t str>,
    pub(super) service: Option<&'t str>,
    pub(super) status: Option<&'static str>,
    pub(super) success: Option<bool>,
    pub(super) status_code: Option<u16>,
    pub(super) error_type: Option<&'t str>,
    pub(super) error_message: Option<Cow<'t, str>>,
    pub(super) severity: Option<&'static str>,
    pub(super) event_type: Option<&'static str>,
}

/// The fields of one kind by all their names, with their place among its fields.
struct Names {
    kind: &'static Kind,
    fields: HashMap<&'static str, (usize, &'static Field), FixedState>,
    groups: Vec<&'static str>,
}

static KNOWN: LazyLock<HashMap<&'static str, Names, FixedState>> = LazyLock::new(|| {
    let mut known = HashMap::default();
    for kind in KINDS {
        for name in std::iter::once(&kind.name).chain(kind.aliases) {
            known.insert(*name, Names::of(kind));
        }
    }
    known
});

/// Fields of one kind: as many as one word has bits.
const FIELDS: usize = 64;

impl Names {
    fn of(kind: &'static Kind) -> Self {
        let mut fields = HashMap::default();
        let mut groups = Vec::new();
        for (at, field) in kind.all_fields().enumerate() {
            assert!(at < FIELDS, "the fields of a kind are few");
            groups.extend(field.name.split_once('.').map(|(group, _)| group));
            for name in std::iter::once(&field.name).chain(field.aliases) {
                // What is a kind's own stands first and wins over what is common.
                fields.entry(*name).or_insert((at, field));
            }
        }
        groups.dedup();
        Self { kind, fields, groups }
    }
}

impl<'t> Event<'t> {
    /// Reads an event. `now_ns` tells which times cannot be.
    pub(super) fn read(json: &'t Json<'t>, now_ns: u64) -> Result<Self, Rejection> {
        let Json::Object(entries) = json else {
            return Err(Rejection::of(&format!("is {}; an event is an object", json.name())));
        };
        let names = kind_of(entries)?;
        let mut reader = Reader {
            names,
            seen: 0,
            now_ns,
            facts: Vec::new(),
            event: Event {
                kind: names.kind,
                attributes: Vec::with_capacity(entries.len() + 2),
                body: None,
                frame: Framed::default(),
            },
        };
        for (key, value) in entries {
            reader.entry(key, value)?;
        }
        reader.finish()
    }

    /// The text of an attribute.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == attribute)?.1.text()
    }

    /// Adds an attribute that is not there yet.
    pub(super) fn add(&mut self, attribute: &'t str, value: Held<'t>) {
        if !self.attributes.iter().any(|(key, _)| *key == attribute) {
            self.attributes.push((attribute, value));
        }
    }
}

/// The kind that an event says it is.
fn kind_of(entries: &[(Cow<'_, str>, Json<'_>)]) -> Result<&'static Names, Rejection> {
    let wrong = |reason: &str| Err(Rejection::field("type", reason));
    let mut types = entries.iter().filter(|(key, _)| key == "type");
    let Some((_, json)) = types.next() else {
        return wrong("is missing; it says what the event is, for instance llm_call");
    };
    if types.next().is_some() {
        return wrong("stands twice");
    }
    let Json::Text(name) = json else {
        return wrong(&format!("is {}; text is needed", json.name()));
    };
    match KNOWN.get(&**name) {
        Some(names) => Ok(names),
        None => wrong(&format!("is no kind of event{}", nearest(name, KNOWN.keys().copied()))),
    }
}

/// A hint to the name that was probably meant.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    // A long name is no slip of the pen, and would take long to compare.
    if name.len() > 64 {
        return String::new();
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let distance = strsim::damerau_levenshtein(name, candidate);
        let closer = best.is_none_or(|(other, kept)| (distance, candidate) < (other, kept));
        if distance <= 1 + candidate.len() / 4 && closer {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default()
}

struct Reader<'t> {
    names: &'static Names,
    /// One bit for each field that was read.
    seen: u64,
    now_ns: u64,
    /// The app's own, which come behind what fields say.
    facts: Vec<(&'t str, Held<'t>)>,
    event: Event<'t>,
}

impl<'t> Reader<'t> {
    fn entry(&mut self, key: &'t str, json: &'t Json<'t>) -> Result<(), Rejection> {
        if key == "type" || *json == Json::Null {
            return Ok(());
        }
        if let Some(&(at, field)) = self.names.fields.get(key) {
            return self.put(key, at, field, json);
        }
        if let Json::Object(entries) = json
            && self.names.groups.contains(&key)
        {
            for (inner, json) in entries.iter().filter(|(_, json)| *json != Json::Null) {
                let name = format!("{key}.{inner}");
                match self.names.fields.get(&*name) {
                    Some(&(at, field)) => self.put(&name, at, field, json)?,
                    None => return Err(self.unknown(&name)),
                }
            }
            return Ok(());
        }
        Err(self.unknown(key))
    }

    fn unknown(&self, key: &str) -> Rejection {
        let hint = nearest(key, self.names.fields.keys().copied());
        let reason = format!(
            "is no field of {}{hint}; facts of your own go into attributes",
            self.names.kind.name
        );
        Rejection::field(key, &reason)
    }

    fn put(
        &mut self,
        key: &str,
        at: usize,
        field: &'static Field,
        json: &'t Json<'t>,
    ) -> Result<(), Rejection> {
        if self.seen & (1 << at) != 0 {
            let reason = match field.name == key && field.aliases.is_empty() {
                true => "stands twice".to_owned(),
                false => format!("says again what another name of {} said", field.name),
            };
            return Err(Rejection::field(key, &reason));
        }
        self.seen |= 1 << at;
        let put = match field.to {
            To::Frame(Frame::Facts) => return self.facts(key, json),
            To::Frame(frame) => self.frame(frame, field, json),
            To::Body => {
                self.event.body = Some(value::content(json));
                Ok(())
            }
            To::Messages(attribute, role) => {
                let held = Held::Text(value::messages(json, role));
                self.attribute(attribute, held)
            }
            To::List(attribute) => {
                let held = value::text(json).map(|text| Held::List(text.into()));
                held.and_then(|held| self.attribute(attribute, held))
            }
            To::Attribute(attribute) => {
                held(field.want, json).and_then(|held| self.attribute(attribute, held))
            }
        };
        put.map_err(|reason| Rejection::field(key, &reason))
    }

    fn attribute(&mut self, attribute: &'static str, held: Held<'t>) -> Result<(), Wrong> {
        if self.event.attributes.iter().any(|(key, _)| *key == attribute) {
            return Err("says again what another field said".to_owned());
        }
        self.event.attributes.push((attribute, held));
        Ok(())
    }

    fn frame(&mut self, frame: Frame, field: &Field, json: &'t Json<'t>) -> Result<(), Wrong> {
        let framed = &mut self.event.frame;
        match frame {
            Frame::Time => framed.time_ns = Some(value::time(json, self.now_ns)?),
            Frame::Start => framed.start_ns = Some(value::time(json, self.now_ns)?),
            Frame::End => framed.end_ns = Some(value::time(json, self.now_ns)?),
            Frame::Duration => {
                let seconds = match field.want {
                    Want::Milliseconds(most) => value::number(json, most * 1e3)? / 1e3,
                    _ => value::number(json, limits::EVENT_SECONDS)?,
                };
                if framed.duration_ns.replace((seconds * 1e9).round() as u64).is_some() {
                    return Err("says again how long it took".to_owned());
                }
            }
            Frame::TraceId => framed.trace_id = Some(value::trace_id(json)?),
            Frame::SpanId => framed.span_id = Some(value::span_id(json)?),
            Frame::ParentSpanId => framed.parent = Some(value::span_id(json)?),
            Frame::Traceparent => {
                let ids = value::traceparent(value::text(json)?);
                framed.traceparent = Some(ids.ok_or("is no W3C traceparent")?);
            }
            Frame::RunId => framed.run_id = Some(value::text(json)?),
            Frame::Id => framed.id = Some(value::text(json)?),
            Frame::Service => framed.service = Some(value::text(json)?),
            Frame::Success => framed.success = Some(value::flag(json)?),
            Frame::StatusCode => framed.status_code = Some(value::code(json)?),
            Frame::ErrorType => framed.error_type = Some(value::text(json)?),
            Frame::ErrorMessage => framed.error_message = Some(value::content(json)),
            Frame::Status | Frame::Severity | Frame::EventType => {
                let Want::Word(words) = field.want else { return Ok(()) };
                let word = Some(value::word(json, words)?);
                match frame {
                    Frame::Status => framed.status = word,
                    Frame::Severity => framed.severity = word,
                    _ => framed.event_type = word,
                }
            }
            Frame::Facts => {}
        }
        Ok(())
    }

    /// The app's own facts become attributes of their own names.
    fn facts(&mut self, key: &str, json: &'t Json<'t>) -> Result<(), Rejection> {
        let Json::Object(entries) = json else {
            return Err(Rejection::field(key, &format!("is {}; an object is needed", json.name())));
        };
        if entries.len() > limits::EVENT_FACTS {
            let reason = format!("holds more than {} facts", limits::EVENT_FACTS);
            return Err(Rejection::field(key, &reason));
        }
        for (name, json) in entries {
            let wrong = |reason| Err(Rejection::field(&format!("{key}.{name}"), reason));
            if name.is_empty() {
                return wrong("has no name");
            }
            if name.starts_with("pharos.") {
                return wrong("has a name of Pharos' own; there is a field for it");
            }
            self.facts.push((name, Held::Tree(json)));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Event<'t>, Rejection> {
        let kind = self.names.kind;
        for (at, field) in kind.all_fields().enumerate() {
            let (Some(value), To::Attribute(attribute)) = (field.default, field.to) else {
                continue;
            };
            if self.seen & (1 << at) == 0 {
                self.event.add(attribute, Held::Text(value.into()));
            }
        }
        for (attribute, value) in kind.constant {
            self.event.attributes.push((attribute, Held::Text((*value).into())));
        }
        self.event.attributes.append(&mut self.facts);
        let has = |name: &&str| {
            self.names.fields.get(*name).is_some_and(|(at, _)| self.seen & (1 << at) != 0)
        };
        if let Some(name) = kind.must.iter().find(|name| !has(name)) {
            return Err(Rejection::field(name, &format!("is missing; {} needs it", kind.name)));
        }
        if !kind.one_of.is_empty() && !kind.one_of.iter().any(has) {
            let reason = format!("{} needs one of {}", kind.name, kind.one_of.join(", "));
            return Err(Rejection::field(kind.one_of[0], &reason));
        }
        self.check_facts()?;
        self.check_outcome()?;
        Ok(self.event)
    }

    /// A fact of the app's own must not contradict a field, nor another one.
    fn check_facts(&self) -> Result<(), Rejection> {
        let attributes = &self.event.attributes;
        let twice = attributes
            .iter()
            .enumerate()
            .find(|(at, (key, _))| attributes[..*at].iter().any(|(before, _)| before == key));
        match twice {
            Some((_, (key, _))) => {
                let reason = "says again what a field or another fact said";
                Err(Rejection::field(&format!("attributes.{key}"), reason))
            }
            None => Ok(()),
        }
    }

    /// What is said to have succeeded has no error.
    fn check_outcome(&self) -> Result<(), Rejection> {
        if !self.event.kind.is_span() {
            return Ok(());
        }
        let framed = &self.event.frame;
        let word = framed.status.map(|word| SUCCESS.contains(&word));
        let failed = framed.error_type.is_some() || framed.error_message.is_some();
        if let (Some(word), Some(flag)) = (word, framed.success)
            && word != flag
        {
            return Err(Rejection::field("success", "contradicts status"));
        }
        if failed && (word == Some(true) || framed.success == Some(true)) {
            return Err(Rejection::field("error_type", "is said of what succeeded"));
        }
        Ok(())
    }
}

fn held<'t>(want: Want, json: &'t Json<'t>) -> Result<Held<'t>, Wrong> {
    Ok(match want {
        Want::Text => Held::Text(value::text(json)?.into()),
        Want::Content => Held::Text(value::content(json)),
        Want::Count(most) => Held::Whole(value::count(json, most)?),
        Want::Number(most) | Want::Seconds(most) => Held::Number(value::number(json, most)?),
        Want::Milliseconds(most) => Held::Number(value::number(json, most * 1e3)? / 1e3),
        Want::Flag => Held::Flag(value::flag(json)?),
        Want::Word(words) => Held::Text(value::word(json, words)?.into()),
        Want::Code => Held::Whole(value::code(json)?.into()),
        Want::Time | Want::Id(_) | Want::Traceparent | Want::Facts => Held::Tree(json),
    })
}

impl Framed<'_> {
    /// Whether it failed, as far as it says: `None` where nothing says.
    pub(super) fn failed(&self, failing_code: u16) -> Option<bool> {
        if self.error_type.is_some() || self.error_message.is_some() {
            return Some(true);
        }
        let word = self.status.map(|word| !SUCCESS.contains(&word));
        let flag = self.success.map(|success| !success);
        word.or(flag).or_else(|| {
            let code = self.status_code?;
            (code >= failing_code).then_some(true)
        })
    }

    /// The class of the failure: said, else a word of the status that tells one.
    pub(super) fn class(&self) -> Option<&str> {
        let word = self.status.filter(|it| !SUCCESS.contains(it) && !FAILURE.contains(it));
        self.error_type.or(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_thing() {
        for kind in KINDS {
            let mut seen: HashMap<&str, &str> = HashMap::new();
            for field in kind.fields[0] {
                for name in std::iter::once(&field.name).chain(field.aliases) {
                    let before = seen.insert(name, field.name);
                    assert!(before.is_none(), "{}: {name} is {before:?}", kind.name);
                }
            }
            let fields: Vec<_> = kind.all_fields().map(|field| field.name).collect();
            for name in kind.must.iter().chain(kind.one_of) {
                assert!(fields.contains(name), "{} needs {name}, which it has not", kind.name);
            }
        }
        let names: usize = KINDS.iter().map(|kind| 1 + kind.aliases.len()).sum();
        assert_eq!(names, KNOWN.len(), "a kind's name stands twice");
    }

    #[test]
    fn slips_are_answered_with_what_was_meant() {
        assert_eq!(nearest("lm_call", KNOWN.keys().copied()), "; did you mean llm_call?");
        assert_eq!(nearest("something else", KNOWN.keys().copied()), "");
    }
}
