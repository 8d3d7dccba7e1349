//! What a request asks for, and how it is made to ask for its usage.

use std::collections::VecDeque;

use bytes::Bytes;

use super::dialect::{Endpoint, Text};
use super::scan::{Member, Scanner, Wanted};
use crate::limits;

/// What is known of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The model.
    pub(super) model: Option<String>,
    /// Whether the answer is to be a stream.
    pub(super) stream: bool,
    /// The most tokens that the answer may have, where it is said.
    pub(super) max_tokens: Option<u64>,
    /// Bytes of text that the model is to read.
    pub(super) text_bytes: u64,
    /// What the model is to read, as it was sent.
    pub(super) content: Option<String>,
    /// Whether usage was asked for that the caller did not want.
    pub(super) usage_added: bool,
}

const fn wanted(name: &'static str, most_bytes: usize) -> Wanted {
    Wanted { name, most_bytes }
}

static REQUEST: [Wanted; 11] = [
    wanted("model", limits::GATEWAY_NAME_BYTES + 2),
    wanted("stream", 8),
    wanted("stream_options", 1024),
    wanted("max_tokens", 32),
    wanted("max_completion_tokens", 32),
    wanted("max_output_tokens", 32),
    wanted("messages", 0),
    wanted("input", 0),
    wanted("prompt", 0),
    wanted("system", 0),
    wanted("tools", 0),
];

/// The members that a model reads.
const READ: [&str; 5] = ["messages", "input", "prompt", "system", "tools"];

/// A request as it is to be sent on.
pub(super) struct Request {
    pub(super) asked: Asked,
    /// The body in pieces; together it is what the caller sent, or that with one thing more.
    pub(super) body: VecDeque<Bytes>,
}

/// Reads a request's body. With `ask_usage`, a stream that would end without its usage is made
/// to tell it.
pub(super) fn read(endpoint: Endpoint, body: Bytes, ask_usage: bool, capture: bool) -> Request {
    let mut scanner = Scanner::new(&REQUEST);
    scanner.push(&body);
    let (whole, opened) = (scanner.is_whole(), scanner.opened());
    let members = scanner.finish();
    let find = |name: &str| members.iter().find(|member| member.name == name);
    let text = |name: &str| find(name).filter(|member| !member.cut).map(|member| &*member.text);
    let number = |name: &str| std::str::from_utf8(text(name)?).ok()?.parse::<u64>().ok();
    let model = text("model").and_then(|text| serde_json::from_slice::<Text<'_>>(text).ok());
    let read = || READ.iter().filter_map(|name| find(name)).map(|member| place(&body, member));
    let bounds = ["max_completion_tokens", "max_output_tokens", "max_tokens"];
    let mut asked = Asked {
        model: model.map(|model| model.as_str().to_owned()).filter(|model| !model.is_empty()),
        stream: text("stream") == Some(b"true"),
        max_tokens: bounds.into_iter().find_map(number),
        text_bytes: read().map(|text| readable_bytes(&body[text])).sum(),
        content: capture.then(|| content(&body, &members)).flatten(),
        usage_added: false,
    };
    let splice = whole && ask_usage && asked.stream && endpoint.must_ask_usage();
    let inserted = splice.then(|| insertion(find("stream_options"), opened)).flatten();
    let body = match inserted {
        None => VecDeque::from([body]),
        Some((from, to, text)) => {
            asked.usage_added = true;
            VecDeque::from([body.slice(..from), Bytes::from(text), body.slice(to..)])
        }
    };
    Request { asked, body }
}

/// What of the body is to be replaced by what, so that usage is asked for; `None` where it is.
fn insertion(options: Option<&Member>, opened: u64) -> Option<(usize, usize, String)> {
    let Some(options) = options else {
        let at = usize::try_from(opened).ok()?;
        return Some((at, at, "\"stream_options\":{\"include_usage\":true},".to_owned()));
    };
    let text = if options.cut { return None } else { &options.text };
    let mut map = match serde_json::from_slice(text).ok()? {
        serde_json::Value::Object(map) => map,
        serde_json::Value::Null => serde_json::Map::new(),
        // The upstream is to say what it thinks of this.
        _ => return None,
    };
    if map.insert("include_usage".to_owned(), true.into()) == Some(true.into()) {
        return None;
    }
    let (from, to) = (usize::try_from(options.start).ok()?, usize::try_from(options.end).ok()?);
    Some((from, to, serde_json::Value::Object(map).to_string()))
}

fn place(body: &Bytes, member: &Member) -> std::ops::Range<usize> {
    let end = usize::try_from(member.end).unwrap_or(body.len()).min(body.len());
    usize::try_from(member.start).unwrap_or(end).min(end)..end
}

/// Bytes of a JSON text without the images and sounds in it, which no four bytes of are a token.
fn readable_bytes(json: &[u8]) -> u64 {
    let (mut bytes, mut rest) = (json.len(), json);
    while let Some(at) = memchr::memmem::find(rest, b";base64,") {
        rest = &rest[at..];
        let length = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        bytes -= length;
        rest = &rest[length..];
    }
    bytes as u64
}

/// What the model is to read, if it is not too long to be kept.
fn content(body: &Bytes, members: &[Member]) -> Option<String> {
    let named = ["messages", "input", "prompt"].into_iter();
    let mut found = named.filter_map(|name| members.iter().find(|member| member.name == name));
    let text = std::str::from_utf8(&body[place(body, found.next()?)]).ok()?;
    Some(text[..text.floor_char_boundary(limits::GATEWAY_CONTENT_BYTES.min(text.len()))].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(endpoint: Endpoint, body: &str) -> (Asked, String) {
        let request = read(endpoint, Bytes::copy_from_slice(body.as_bytes()), true, false);
        let body: Vec<u8> = request.body.iter().flatten().copied().collect();
        (request.asked, String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_request_is_read_and_left_as_it_is() {
        let body =
            r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"max_tokens":5}"#;
        let (asked, same) = sent(Endpoint::Chat, body);
        assert_eq!(same, body);
        assert_eq!((asked.model.as_deref(), asked.max_tokens), (Some("gpt-4o"), Some(5)));
        assert!(!asked.stream && !asked.usage_added);
        assert_eq!(asked.text_bytes, r#"[{"role":"user","content":"Hi"}]"#.len() as u64);
    }

    #[test]
    fn streams_are_asked_for_their_usage_once() {
        for (body, expected) in [
            (
                r#"{"stream":true,"model":"m"}"#,
                Some(r#"{"stream_options":{"include_usage":true},"stream":true,"model":"m"}"#),
            ),
            (
                r#" { "stream": true, "stream_options": {"include_usage": false, "x": 1} } "#,
                Some(r#" { "stream": true, "stream_options": {"include_usage":true,"x":1} } "#),
            ),
            (
                r#"{"stream_options":null,"stream":true}"#,
                Some(r#"{"stream_options":{"include_usage":true},"stream":true}"#),
            ),
            (r#"{"stream":true,"stream_options":{"include_usage":true}}"#, None),
            (r#"{"stream":true,"stream_options":[]}"#, None),
            (r#"{"stream":false}"#, None),
            (r#"{"stream":true"#, None),
            (r#"[{"stream":true}]"#, None),
        ] {
            let (asked, out) = sent(Endpoint::Chat, body);
            assert_eq!(out, expected.unwrap_or(body));
            assert_eq!(asked.usage_added, expected.is_some(), "{body}");
        }
        let (asked, _) = sent(Endpoint::Responses, r#"{"stream":true}"#);
        assert!(asked.stream && !asked.usage_added);
    }

    #[test]
    fn pictures_are_not_counted_as_text() {
        let picture = "A".repeat(100_000);
        let body = format!(
            r#"{{"messages":[{{"content":[{{"image_url":"data:image/png;base64,{picture}"}}]}}]}}"#
        );
        assert!(sent(Endpoint::Chat, &body).0.text_bytes < 100);
    }

    #[test]
    fn nonsense_is_nothing() {
        for body in ["", "{}", "null", "{\"model\":7,\"stream\":\"true\",\"max_tokens\":-1}"] {
            let (asked, same) = sent(Endpoint::Chat, body);
            assert_eq!((asked, &*same), (Asked::default(), body));
        }
    }
}
