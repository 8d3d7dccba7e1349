//! What is known of an answer, filled in while it passes.

use serde::Deserialize;

use super::lenient::{Count, Maybe, Text};
use super::{member, value};
use crate::gateway::scan::Member;
use crate::limits;
use crate::model::Usage;

/// An answer as far as it was seen.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// The provider's id of the answer.
    pub(crate) id: Option<String>,
    /// How urgently the provider served it.
    pub(crate) tier: Option<String>,
    /// What the provider counted.
    pub(crate) usage: Usage,
    /// Whether what it counted is the final word.
    pub(crate) usage_final: bool,
    /// Why it stopped, one for each choice.
    pub(crate) finish: Vec<String>,
    /// The provider's class of the error.
    pub(crate) error: Option<String>,
    /// Names of the tools that the model calls.
    pub(crate) tools: Vec<String>,
    /// Bytes of text that the model said, for an estimate where nobody counted.
    pub(crate) said_bytes: u64,
    /// Whether a stream has said its last word: some callers hang up on it, before the connection
    /// has come to its end.
    pub(crate) ended: bool,
    /// Whether anything of the answer was understood.
    pub(crate) understood: bool,
    /// What it said, where that is captured.
    pub(crate) said: Option<String>,
}

/// Usage in the words of every API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    prompt_tokens: Count,
    input_tokens: Count,
    completion_tokens: Count,
    output_tokens: Count,
    prompt_tokens_details: Maybe<Details>,
    input_tokens_details: Maybe<Details>,
    completion_tokens_details: Maybe<Details>,
    output_tokens_details: Maybe<Details>,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    prompt_cache_hit_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
}

/// An error as providers write it: a text, or an object with a type and sometimes a code.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fault<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) code: Text<'a>,
}

impl Tokens {
    /// The same in the conventions' terms. Anthropic's input leaves out what came from the cache
    /// or went into it; the conventions' includes it.
    pub(crate) fn usage(&self, anthropic: bool) -> Usage {
        let inner = |one: &Maybe<Details>, other: &Maybe<Details>, part: fn(&Details) -> Count| {
            let one = one.0.as_ref().and_then(|details| part(details).0);
            one.or_else(|| other.0.as_ref().and_then(|details| part(details).0))
        };
        let (prompt, input) = (&self.prompt_tokens_details, &self.input_tokens_details);
        let (completion, output) = (&self.completion_tokens_details, &self.output_tokens_details);
        let cached = self.cache_read_input_tokens.0.or(self.prompt_cache_hit_tokens.0);
        let cached = cached.or_else(|| inner(prompt, input, |details| details.cached_tokens));
        let written = self.cache_creation_input_tokens.0;
        let written = written.or_else(|| inner(prompt, input, |it| it.cache_write_tokens));
        let stated = self.prompt_tokens.0.or(self.input_tokens.0);
        let beside = if anthropic { cached.unwrap_or(0) + written.unwrap_or(0) } else { 0 };
        Usage {
            input: stated.map(|stated| stated.saturating_add(beside)),
            output: self.completion_tokens.0.or(self.output_tokens.0),
            cached,
            cache_write: written,
            reasoning: inner(completion, output, |details| details.reasoning_tokens),
        }
    }
}

impl Answer {
    /// Takes over what a later report says; it is cumulative.
    pub(crate) fn count(&mut self, usage: Usage) {
        let Usage { input, output, cached, cache_write, reasoning } = usage;
        let known = &mut self.usage;
        known.input = input.or(known.input);
        known.output = output.or(known.output);
        known.cached = cached.or(known.cached);
        known.cache_write = cache_write.or(known.cache_write);
        known.reasoning = reasoning.or(known.reasoning);
    }

    pub(super) fn named(&mut self, id: &Text<'_>, model: &Text<'_>) {
        if self.id.is_none() {
            self.id = name(id.as_str());
        }
        if self.model.is_none() {
            self.model = name(model.as_str());
        }
    }

    pub(super) fn served(&mut self, tier: &Text<'_>) {
        self.tier = name(tier.as_str()).or(self.tier.take());
    }

    pub(super) fn finished(&mut self, reason: &Text<'_>) {
        push(&mut self.finish, reason.as_str());
    }

    pub(super) fn called(&mut self, tool: &Text<'_>) {
        push(&mut self.tools, tool.as_str());
    }

    /// The model said this; whether it was anything.
    pub(super) fn said(&mut self, text: &Text<'_>) -> bool {
        let text = text.as_str();
        self.said_bytes += text.len() as u64;
        if let Some(said) = &mut self.said {
            let room = limits::GATEWAY_CONTENT_BYTES.saturating_sub(said.len());
            said.push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
        }
        !text.is_empty()
    }

    /// The model gave out this much that is not captured: arguments of a tool, its thoughts.
    pub(super) fn gave(&mut self, text: &Text<'_>) -> bool {
        self.said_bytes += text.as_str().len() as u64;
        !text.as_str().is_empty()
    }

    pub(super) fn failed(&mut self, fault: Option<Fault<'_>>) {
        let class = fault.and_then(|fault| class(fault.code.as_str(), fault.kind.as_str()));
        self.error = self.error.take().or(class).or_else(|| Some("error".to_owned()));
    }

    /// Reads what answers in one piece have in common.
    pub(super) fn read_head(&mut self, members: &[Member], anthropic: bool) {
        let (id, model) = (value(members, "id"), value(members, "model"));
        self.named(&id.unwrap_or_default(), &model.unwrap_or_default());
        self.served(&value(members, "service_tier").unwrap_or_default());
        if let Some(tokens) = value::<Tokens>(members, "usage") {
            self.count(tokens.usage(anthropic));
            self.usage_final = self.usage != Usage::default();
        }
        if member(members, "error").is_some_and(|error| error.text != b"null") {
            self.failed(value(members, "error"));
        }
        self.understood |= !members.is_empty();
    }
}

/// A name of a sane length.
fn name(text: &str) -> Option<String> {
    (1..=limits::GATEWAY_NAME_BYTES).contains(&text.len()).then(|| text.to_owned())
}

fn push(names: &mut Vec<String>, text: &str) {
    if names.len() < limits::GATEWAY_NAMES
        && let Some(name) = name(text)
    {
        names.push(name);
    }
}

/// The class of an error: a word, never a message.
fn class(code: &str, kind: &str) -> Option<String> {
    let is_word = |text: &&str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (1..=64).contains(&text.len()) && text.chars().all(legal)
    };
    [code, kind].into_iter().find(is_word).map(str::to_owned)
}
