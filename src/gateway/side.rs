//! Reading an answer on the side while it passes.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::dialect::{Answer, Endpoint, Event};
use super::events::{Events, Verdict, data};
use super::scan::Scanner;
use super::unpack::{Unpack, Unread};

/// The reader of one answer. It sees every byte and holds up none, but for a stream that an event
/// is to be taken out of: there an event goes on once it is whole.
pub(super) struct Side {
    endpoint: Endpoint,
    form: Form,
    unpack: Option<Unpack>,
    strip: bool,
    /// What is known so far.
    pub(super) answer: Answer,
    /// When the model began to speak.
    pub(super) first: Option<Instant>,
    /// Why nothing more is read.
    pub(super) unread: Option<Unread>,
}

/// What an answer looks like.
enum Form {
    Whole(Box<Scanner>),
    Stream(Events),
    Unknown,
}

impl Side {
    /// The reader for an answer with these headers. `strip`: the caller asked for no usage.
    pub(super) fn new(endpoint: Endpoint, headers: &HeaderMap, strip: bool, capture: bool) -> Self {
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        let is = |name: &str| kind.as_ref().is_some_and(|kind| kind.starts_with(name.as_bytes()));
        let form = match endpoint {
            Endpoint::Other(_) => Form::Unknown,
            _ if is("text/event-stream") => Form::Stream(Events::default()),
            // Some servers leave the type out; what is no JSON shows at once.
            _ => Form::Whole(Box::new(Scanner::new(endpoint.members()))),
        };
        let (unpack, unread) = match (&form, Unpack::of(headers.get(CONTENT_ENCODING))) {
            (Form::Unknown, _) => (None, None),
            (_, Ok(unpack)) => (unpack, None),
            (_, Err(unread)) => (None, Some(unread)),
        };
        // From a packed stream nothing is taken out; it was asked not to be packed.
        let strip = strip && unpack.is_none() && unread.is_none();
        let form = if unread.is_some() { Form::Unknown } else { form };
        let answer = Answer { said: capture.then(String::new), ..Answer::default() };
        Self { endpoint, form, unpack, strip, answer, first: None, unread }
    }

    /// Whether bytes may be taken out, so that the answer's length is not what the upstream says.
    pub(super) fn may_strip(&self) -> bool {
        self.strip && matches!(self.form, Form::Stream(_))
    }

    /// Takes a piece of the answer that came at `now`, and puts what the caller gets of it into
    /// `out`.
    pub(super) fn push(&mut self, piece: Bytes, now: Instant, out: &mut VecDeque<Bytes>) {
        let Self { endpoint, form, answer, first, strip, .. } = self;
        let outcome = match (form, &mut self.unpack) {
            (Form::Unknown, _) => {
                out.push_back(piece);
                return;
            }
            (Form::Stream(events), None) => {
                let read = |event: &[u8]| read(*endpoint, event, answer, first, now);
                if *strip {
                    events.push(&piece, Some(out), read);
                } else {
                    events.push(&piece, None, read);
                    out.push_back(piece);
                }
                Ok(())
            }
            (Form::Stream(events), Some(unpack)) => {
                let pushed = unpack.push(&piece, |plain| {
                    let plain = Bytes::copy_from_slice(plain);
                    events.push(&plain, None, |event| read(*endpoint, event, answer, first, now));
                });
                out.push_back(piece);
                pushed
            }
            (Form::Whole(scanner), unpack) => {
                let pushed = match unpack {
                    Some(unpack) => unpack.push(&piece, |plain| scanner.push(plain)),
                    None => {
                        scanner.push(&piece);
                        Ok(())
                    }
                };
                out.push_back(piece);
                pushed
            }
        };
        if let Err(unread) = outcome {
            self.unread = Some(unread);
            // What was understood before counts; a stream that must be held back is none.
            self.form = Form::Unknown;
        }
    }

    /// The answer has ended. What is still held back goes to the caller.
    pub(super) fn finish(&mut self) -> Option<Bytes> {
        match mem::replace(&mut self.form, Form::Unknown) {
            Form::Stream(mut events) => {
                let held = events.finish();
                if events.skipped > 0 {
                    self.unread = Some(Unread::TooLarge);
                }
                held.filter(|_| self.strip)
            }
            Form::Whole(scanner) => {
                let whole = scanner.is_whole();
                self.endpoint.read_whole(&scanner.finish(), &mut self.answer);
                if !whole && self.unread.is_none() {
                    self.unread = Some(Unread::Malformed);
                }
                None
            }
            Form::Unknown => None,
        }
    }
}

/// Reads one event.
fn read(
    endpoint: Endpoint,
    event: &[u8],
    answer: &mut Answer,
    first: &mut Option<Instant>,
    now: Instant,
) -> Verdict {
    let Some(data) = data(event) else { return Verdict::Pass };
    match endpoint.read_event(&data, answer) {
        Event::Content => {
            first.get_or_insert(now);
            Verdict::Pass
        }
        Event::UsageOnly => Verdict::Strip,
        Event::Nothing | Event::Unread => Verdict::Pass,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::clock;

    const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\
                         \"completion_tokens\":2}}\n\n";

    fn stream() -> String {
        let text = ["Hel", "lo"].map(|text| {
            format!(
                "data: {{\"id\":\"c\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
            )
        });
        format!("{}{}{USAGE}data: [DONE]\n\n", text[0], text[1])
    }

    fn headers(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    fn run(mut side: Side, body: &[u8], size: usize) -> (Side, Vec<u8>) {
        let mut out = VecDeque::new();
        for piece in body.chunks(size) {
            side.push(Bytes::copy_from_slice(piece), clock::monotonic(), &mut out);
        }
        out.extend(side.finish());
        (side, out.iter().flatten().copied().collect())
    }

    #[test]
    fn usage_is_read_and_taken_out_wherever_the_stream_is_cut() {
        let body = stream();
        for size in 1..=body.len() {
            for strip in [true, false] {
                let side = Side::new(Endpoint::Chat, &headers("text/event-stream"), strip, true);
                let (side, out) = run(side, body.as_bytes(), size);
                let expected = if strip { body.replace(USAGE, "") } else { body.clone() };
                assert_eq!(String::from_utf8(out).unwrap(), expected, "pieces of {size}");
                assert_eq!(side.answer.usage.output, Some(2));
                assert_eq!(side.answer.said.as_deref(), Some("Hello"));
                assert!(side.first.is_some() && side.unread.is_none() && side.answer.ended);
            }
        }
    }

    /// Clients hang up on the last word; then the call is whole, and otherwise it is not.
    #[test]
    fn the_last_word_of_every_dialect_is_known() {
        for (endpoint, before, last) in [
            (Endpoint::Chat, "{\"choices\":[]}", "[DONE]"),
            (Endpoint::Messages, "{\"type\":\"message_delta\"}", "{\"type\":\"message_stop\"}"),
            (
                Endpoint::Responses,
                "{\"type\":\"response.created\"}",
                "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}",
            ),
        ] {
            let mut side = Side::new(endpoint, &headers("text/event-stream"), false, false);
            for (said, ended) in [(before, false), (last, true)] {
                let event = Bytes::from(format!("data: {said}\n\n"));
                side.push(event, clock::monotonic(), &mut VecDeque::new());
                assert_eq!(side.answer.ended, ended, "{said}");
            }
        }
    }

    #[test]
    fn a_packed_stream_is_read_and_passed_as_it_is() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(stream().as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let mut headers = headers("text/event-stream; charset=utf-8");
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        for size in [1, 10, packed.len()] {
            let side = Side::new(Endpoint::Chat, &headers, true, false);
            assert!(!side.may_strip());
            let (side, out) = run(side, &packed, size);
            assert!(out == packed && side.answer.usage.input == Some(5), "pieces of {size}");
        }
    }

    #[test]
    fn what_cannot_be_read_passes() {
        for (kind, body) in [
            ("application/json", "<html>busy</html>"),
            ("text/event-stream", "garbage\n\nmore\n\ndata: {\"choices\":7}\n\n"),
            ("application/json", "{\"id\":\"cut"),
            ("", ""),
        ] {
            let side = Side::new(Endpoint::Chat, &headers(kind), true, false);
            let (side, out) = run(side, body.as_bytes(), 3);
            assert_eq!(out, body.as_bytes());
            assert!(side.answer.usage.input.is_none() && side.first.is_none());
        }
        let mut headers = headers("application/json");
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        let (side, out) = run(Side::new(Endpoint::Chat, &headers, true, false), b"\x8b\x00", 1);
        assert_eq!((out, side.unread), (b"\x8b\x00".to_vec(), Some(Unread::Coding)));
    }
}
