//! What the APIs of providers say, read on the side: one file per API.
//!
//! Nothing here fails: what cannot be read is not known, and the caller gets its answer anyway.

mod answer;
mod chat;
mod lenient;
mod messages;
mod responses;

pub(super) use answer::Answer;
pub(super) use lenient::Text;

use http::Method;

use super::options::Kind;
use super::scan::{Member, Wanted};
use crate::limits::{GATEWAY_MEMBER_BYTES, GATEWAY_NAME_BYTES};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's first completions.
    Completion,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
    /// Anthropic's messages.
    Messages,
    /// Anything else, by a name of our own for it.
    Other(&'static str),
}

impl Endpoint {
    /// What a request is. Prefixes do not matter: a version, a deployment.
    pub(super) fn of(kind: Kind, method: &Method, path: &str) -> Self {
        let path = path.trim_end_matches('/');
        if kind == Kind::Other || method != Method::POST {
            return Self::Other(area(path));
        }
        if path.ends_with("/chat/completions") {
            Self::Chat
        } else if path.ends_with("/completions") {
            Self::Completion
        } else if path.ends_with("/responses") {
            Self::Responses
        } else if path.ends_with("/embeddings") {
            Self::Embeddings
        } else if path.ends_with("/messages") && !path.contains("/threads/") {
            Self::Messages
        } else {
            Self::Other(area(path))
        }
    }

    /// The GenAI operation; `None` for what is no call of a model, or of none that is known.
    pub(super) fn operation(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Responses | Self::Messages => Some("chat"),
            Self::Completion => Some("text_completion"),
            Self::Embeddings => Some("embeddings"),
            Self::Other(_) => None,
        }
    }

    /// The name in `provider_requests_total`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Other(area) => area,
            read => read.operation().unwrap_or("other"),
        }
    }

    /// Whether a stream of it carries usage only if that is asked for.
    pub(super) fn must_ask_usage(self) -> bool {
        matches!(self, Self::Chat | Self::Completion)
    }

    /// The members of an answer in one piece that say something.
    pub(super) fn members(self) -> &'static [Wanted] {
        &ANSWER
    }

    /// Reads the members of an answer in one piece.
    pub(super) fn read_whole(self, members: &[Member], answer: &mut Answer) {
        answer.read_head(members, self == Self::Messages);
        match self {
            Self::Chat | Self::Completion => chat::whole(members, answer),
            Self::Responses => responses::whole(members, answer),
            Self::Messages => messages::whole(members, answer),
            Self::Embeddings | Self::Other(_) => {}
        }
    }

    /// Reads the data of one event of a stream.
    pub(super) fn read_event(self, data: &[u8], answer: &mut Answer) -> Event {
        let read = match self {
            Self::Chat | Self::Completion => chat::event(data, answer),
            Self::Responses => responses::event(data, answer),
            Self::Messages => messages::event(data, answer),
            Self::Embeddings | Self::Other(_) => Some(Event::Nothing),
        };
        read.unwrap_or(Event::Unread)
    }
}

/// What an event of a stream was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A part of what the model says.
    Content,
    /// Usage and nothing else: what a caller gets only if it asked.
    UsageOnly,
    /// Anything else that was understood.
    Nothing,
    /// It could not be read.
    Unread,
}

const fn wanted(name: &'static str, most_bytes: usize) -> Wanted {
    Wanted { name, most_bytes }
}

static ANSWER: [Wanted; 11] = [
    wanted("id", GATEWAY_NAME_BYTES + 2),
    wanted("model", GATEWAY_NAME_BYTES + 2),
    wanted("usage", 4 * 1024),
    wanted("error", 4 * 1024),
    wanted("service_tier", GATEWAY_NAME_BYTES + 2),
    wanted("stop_reason", GATEWAY_NAME_BYTES),
    wanted("status", GATEWAY_NAME_BYTES),
    wanted("incomplete_details", 1024),
    wanted("choices", GATEWAY_MEMBER_BYTES),
    wanted("content", GATEWAY_MEMBER_BYTES),
    wanted("output", GATEWAY_MEMBER_BYTES),
];

/// The areas of providers' APIs; a path is never a label.
fn area(path: &str) -> &'static str {
    const AREAS: [&str; 17] = [
        "models",
        "files",
        "batches",
        "moderations",
        "images",
        "audio",
        "fine_tuning",
        "assistants",
        "threads",
        "vector_stores",
        "uploads",
        "count_tokens",
        "rerank",
        "responses",
        "messages",
        "embeddings",
        "completions",
    ];
    let mut parts = path.split('/');
    let found = parts.find_map(|part| AREAS.iter().find(|area| **area == part));
    found.copied().unwrap_or("other")
}

/// The member of this name.
fn member<'m>(members: &'m [Member], name: &str) -> Option<&'m Member> {
    members.iter().find(|member| member.name == name)
}

/// A member's value, if all of it is there and of this form.
fn value<'m, T: serde::Deserialize<'m>>(members: &'m [Member], name: &str) -> Option<T> {
    let member = member(members, name).filter(|member| !member.cut)?;
    serde_json::from_slice(&member.text).ok()
}

#[cfg(test)]
mod tests;
