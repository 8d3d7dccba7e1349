//! What a search asks for, and whether a span answers it.

use super::attribute::{SPAN_ATTRIBUTES, has_all};
use super::cursor::fingerprint;
use crate::model::{Operation, Origin, Status, Understanding};
use crate::storage::index::SpanHead;

/// The conditions of a search. A trace matches when one of its spans fulfils all of them; an
/// empty set of conditions matches every trace. Texts are compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// `service.name` of the span's resource.
    pub service: Option<String>,
    /// The span's name.
    pub name: Option<String>,
    /// `Error`: the span says that it failed. `Ok`: it does not, and no other span of its trace
    /// does. `Unset`: it says neither.
    pub status: Option<Status>,
    /// A name of [`Operation::name`], or `llm` for a call of a model of any kind.
    pub operation: Option<String>,
    /// The span took at least this long, in nanoseconds.
    pub min_duration_ns: Option<u64>,
    /// The span took at most this long, in nanoseconds.
    pub max_duration_ns: Option<u64>,
    /// The model asked for or the one that answered; `unknown` where neither is said.
    pub model: Option<String>,
    /// The tool executed.
    pub tool: Option<String>,
    /// The agent that ran or did the work.
    pub agent: Option<String>,
    /// Whose work it was.
    pub tenant: Option<String>,
    /// The conversation or session.
    pub conversation: Option<String>,
    /// Keys and values of attributes of the span, its scope or its resource. Numbers and
    /// booleans are compared by their text form; of a list, one item must be equal.
    pub attributes: Vec<(String, String)>,
    /// Stands in the span's name, status message or text attributes, or in the name or a text
    /// attribute of one of its events, whatever the case of ASCII letters; also as JSON escapes
    /// it. At most [`crate::limits::PARAMETER_BYTES`].
    pub text: Option<String>,
    /// The span began at or after this, in nanoseconds since the Unix epoch.
    pub from_ns: Option<u64>,
    /// The span began at or before this.
    pub to_ns: Option<u64>,
}

impl Filters {
    /// Names this set of conditions, so that a cursor cannot be used with another one.
    pub(in crate::storage) fn fingerprint(&self) -> u64 {
        fingerprint(self)
    }

    /// Whether a span with these bare fields can match; its time is another matter.
    pub(in crate::storage) fn admits(&self, head: &SpanHead<'_>) -> bool {
        let duration = head.duration_ns();
        let status = match self.status {
            None => true,
            Some(Status::Error) => head.status == Status::Error,
            Some(Status::Ok) => head.status != Status::Error,
            Some(Status::Unset) => head.status == Status::Unset,
        };
        status
            && self.min_duration_ns.is_none_or(|least| duration >= least)
            && self.max_duration_ns.is_none_or(|most| duration <= most)
            && self.name.as_ref().is_none_or(|name| name.as_bytes() == head.name)
    }

    /// Whether a span from there can match.
    pub(in crate::storage) fn admits_origin(&self, origin: &Origin<'_>) -> bool {
        self.service.as_ref().is_none_or(|service| origin.service() == service)
    }

    /// Whether the span of these bytes, sent from there, has every attribute asked for.
    pub(in crate::storage) fn admits_attributes(&self, origin: &Origin<'_>, span: &[u8]) -> bool {
        has_all(&self.attributes, origin, span, SPAN_ATTRIBUTES)
    }

    /// Whether any condition needs the span to be understood.
    pub(in crate::storage) fn needs_understanding(&self) -> bool {
        let asked = [
            &self.operation,
            &self.model,
            &self.tool,
            &self.agent,
            &self.tenant,
            &self.conversation,
        ];
        asked.into_iter().any(Option::is_some)
    }

    /// Whether what is understood of a span fulfils the conditions on it.
    pub(in crate::storage) fn admits_understanding(&self, known: &Understanding<'_>) -> bool {
        let operation = &known.operation;
        let is = |wanted: &Option<String>, found: &[Option<&str>]| {
            wanted.as_deref().is_none_or(|wanted| found.contains(&Some(wanted)))
        };
        let llm = matches!(operation, Operation::Llm(_)).then_some("llm");
        let (models, tool, agent) = match operation {
            Operation::Llm(call) => {
                // The label of the metrics, so that `unknown` leads to the calls it counts.
                ([call.request_model.or(Some(call.model())), call.response_model], None, None)
            }
            Operation::Tool(call) => ([None; 2], Some(call.name), None),
            Operation::Agent(run) => ([None; 2], None, Some(run.name)),
            Operation::Step(step) => ([None; 2], None, Some(step.agent)),
            _ => ([None; 2], None, None),
        };
        is(&self.operation, &[Some(operation.name()), llm])
            && is(&self.model, &models)
            && is(&self.tool, &[tool])
            && is(&self.agent, &[agent, known.agent])
            && is(&self.tenant, &[known.tenant])
            && is(&self.conversation, &[known.conversation])
    }

    /// Texts that must stand somewhere in a request with a matching span. What is understood of
    /// a span is borrowed from its request but for a few constants, which `CONSTANTS` names.
    pub(in crate::storage) fn needles(&self) -> impl Iterator<Item = &str> {
        let understood = [&self.model, &self.tool, &self.agent, &self.tenant, &self.conversation];
        let understood = understood.into_iter().flatten().map(String::as_str);
        let bare = [&self.service, &self.name].into_iter().flatten().map(String::as_str);
        sent(understood.chain(bare), &self.attributes)
    }
}

/// Of names and attributes that are asked for, the texts that must stand in a request as they
/// are.
pub(super) fn sent<'f>(
    names: impl Iterator<Item = &'f str>,
    attributes: &'f [(String, String)],
) -> impl Iterator<Item = &'f str> {
    let keys = attributes.iter().map(|(key, _)| key.as_str());
    let values = attributes.iter().map(|(_, value)| value.as_str());
    let texts = names.chain(keys).chain(values.filter(|text| is_text(text)));
    texts.filter(|text| !text.is_empty() && !CONSTANTS.contains(text))
}

/// Whether only text can equal an attribute's wanted value, and neither a number, a boolean nor
/// bytes in hexadecimal, which stand otherwise in a request.
pub(in crate::storage) fn is_text(wanted: &str) -> bool {
    let hexadecimal = wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    !hexadecimal && wanted.parse::<f64>().is_err() && wanted.parse::<bool>().is_err()
}

/// What stands for something that was not sent.
const CONSTANTS: [&str; 3] = ["unknown", "unknown_service", "_OTHER"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_stand_in_a_request_is_looked_for_there() {
        let filters = |value: &str| Filters {
            model: Some("gpt".to_owned()),
            agent: Some("unknown".to_owned()),
            operation: Some("chat".to_owned()),
            attributes: vec![("key".to_owned(), value.to_owned())],
            ..Filters::default()
        };
        for text in ["acme", "user-7", "1.2.3", "0x1", "True"] {
            assert!(filters(text).needles().eq(["gpt", "key", text]), "{text}");
        }
        for other in ["", "7", "-7", "0.5", "1e3", "NaN", "true", "ab01", "AB"] {
            assert!(filters(other).needles().eq(["gpt", "key"]), "{other}");
        }
    }
}
