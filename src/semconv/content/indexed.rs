//! Messages spread over numbered attributes: `llm.input_messages.0.message.content` of
//! OpenInference, `gen_ai.prompt.0.content` of OpenLLMetry.

use std::borrow::Cow;

use super::messages::call;
use super::{Part, Passage};
use crate::limits;
use crate::model::{Attribute, Value};

/// The lists: what stands before the number, and the part.
static LISTS: &[(&str, Part)] = &[
    ("llm.input_messages.", Part::Prompt),
    ("llm.output_messages.", Part::Completion),
    ("gen_ai.prompt.", Part::Prompt),
    ("gen_ai.completion.", Part::Completion),
    ("llm.prompts.", Part::Prompt),
    ("llm.choices.", Part::Completion),
];

/// Messages being put together.
#[derive(Debug, Default)]
pub(super) struct Indexed<'a> {
    messages: Vec<Message<'a>>,
}

#[derive(Debug)]
struct Message<'a> {
    part: Part,
    number: u32,
    role: &'a str,
    texts: Vec<&'a str>,
    /// Tool calls: their number, name and arguments.
    calls: Vec<(u32, &'a str, &'a str)>,
}

impl<'a> Indexed<'a> {
    /// Takes an attribute, if it is a piece of a message.
    pub(super) fn add(&mut self, attribute: &Attribute<'a>) {
        let Value::Text(text) = attribute.value else { return };
        let list = LISTS.iter().find_map(|(prefix, part)| {
            Some((*part, attribute.key.strip_prefix(prefix)?.split_once('.')?))
        });
        let Some((part, (number, leaf))) = list else { return };
        let Ok(number) = number.parse() else { return };
        let Some(message) = self.message(part, number) else { return };
        let leaf = leaf.strip_prefix("message.").unwrap_or(leaf);
        match leaf {
            "role" => message.role = text,
            "content" | "prompt.text" | "completion.text" => message.texts.push(text),
            _ if leaf.starts_with("contents.") && leaf.ends_with(".message_content.text") => {
                message.texts.push(text);
            }
            _ => {
                if let Some((number, name)) =
                    leaf.strip_prefix("tool_calls.").and_then(|leaf| leaf.split_once('.'))
                    && let Ok(number) = number.parse()
                {
                    message.call(number, name.rsplit('.').next().unwrap_or(name), text);
                }
            }
        }
    }

    fn message(&mut self, part: Part, number: u32) -> Option<&mut Message<'a>> {
        let known = self.messages.iter().position(|it| it.part == part && it.number == number);
        if known.is_none() && self.messages.len() >= limits::CONTENT_PASSAGES {
            return None;
        }
        let at = known.unwrap_or_else(|| {
            let (texts, calls) = (Vec::new(), Vec::new());
            self.messages.push(Message { part, number, role: "", texts, calls });
            self.messages.len() - 1
        });
        Some(&mut self.messages[at])
    }

    /// The messages, in their own order.
    pub(super) fn passages(mut self) -> impl Iterator<Item = Passage<'a>> {
        self.messages.sort_by_key(|message| (message.part, message.number));
        self.messages.into_iter().flat_map(|message| {
            let Message { part, role, texts, calls, .. } = message;
            let texts = texts.into_iter().map(Cow::Borrowed);
            let calls = calls.into_iter().map(|it| Cow::Owned(call(it.1, it.2)));
            texts.chain(calls).map(move |text| Passage { part, role: Cow::Borrowed(role), text })
        })
    }
}

impl<'a> Message<'a> {
    fn call(&mut self, number: u32, leaf: &str, text: &'a str) {
        let known = self.calls.iter().position(|it| it.0 == number);
        if known.is_none() && self.calls.len() >= limits::CONTENT_PASSAGES {
            return;
        }
        let at = known.unwrap_or_else(|| {
            self.calls.push((number, "", ""));
            self.calls.len() - 1
        });
        match leaf {
            "name" => self.calls[at].1 = text,
            "arguments" => self.calls[at].2 = text,
            _ => {}
        }
    }
}
