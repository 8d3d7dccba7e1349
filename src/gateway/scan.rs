//! The members of a JSON object that comes in pieces: where they stand, and the text of those
//! that matter, without a tree and without what does not matter.

/// A member that is looked for, and how much of its text is kept.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    /// 0 keeps nothing: only its place is of interest.
    pub(super) most_bytes: usize,
}

/// A member that was found. Of two with one name, the later is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    /// Where its value begins and ends in the whole text.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The value's JSON.
    pub(super) text: Vec<u8>,
    /// Whether the text is not all of it.
    pub(super) cut: bool,
}

/// Reads the top level of an object.
pub(super) struct Scanner {
    wanted: &'static [Wanted],
    state: State,
    /// Bytes read before the piece at hand.
    before: u64,
    key: Vec<u8>,
    current: Option<Current>,
    found: Vec<Member>,
    /// Where the object's first brace ends.
    opened: u64,
}

struct Current {
    wanted: &'static Wanted,
    start: u64,
    text: Vec<u8>,
    cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    NextKey,
    Key { escaped: bool },
    Colon,
    Value,
    Text { escaped: bool },
    Nested { depth: u32, text: bool, escaped: bool },
    Scalar,
    After,
    End,
    Broken,
}

/// Keys that are longer are none of ours.
const KEY_BYTES: usize = 64;

impl Scanner {
    pub(super) fn new(wanted: &'static [Wanted]) -> Self {
        Self {
            wanted,
            state: State::Start,
            before: 0,
            key: Vec::new(),
            current: None,
            found: Vec::new(),
            opened: 0,
        }
    }

    /// Reads the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let mut at = 0;
        // Where the part of this piece begins that belongs to the member at hand.
        let mut kept = 0;
        while at < piece.len() {
            at = match self.state {
                State::End | State::Broken => break,
                State::Key { escaped } => self.key(piece, at, escaped),
                State::Value => {
                    let begun = self.value(piece, at);
                    kept = at;
                    begun
                }
                State::Text { escaped } => self.text(piece, at, escaped, kept),
                State::Nested { .. } => self.nested(piece, at, kept),
                State::Scalar => self.scalar(piece, at, kept),
                State::Start | State::NextKey | State::Colon | State::After => {
                    self.between(piece[at], at);
                    at + 1
                }
            };
        }
        if matches!(self.state, State::Text { .. } | State::Nested { .. } | State::Scalar) {
            self.keep(&piece[kept..]);
        }
        self.before += piece.len() as u64;
    }

    /// What was found so far, in the order of the text. A value that has not ended is left out.
    pub(super) fn finish(self) -> Vec<Member> {
        self.found
    }

    /// Whether the whole object was read.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::End
    }

    /// Where something can be inserted in front of the first member.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    fn between(&mut self, byte: u8, at: usize) {
        if byte.is_ascii_whitespace() {
            return;
        }
        self.state = match (self.state, byte) {
            (State::Start, b'{') => {
                self.opened = self.before + at as u64 + 1;
                State::NextKey
            }
            (State::NextKey, b'"') => {
                self.key.clear();
                State::Key { escaped: false }
            }
            (State::Colon, b':') => State::Value,
            (State::After, b',') => State::NextKey,
            (State::After | State::NextKey, b'}') => State::End,
            _ => State::Broken,
        };
    }

    fn key(&mut self, piece: &[u8], at: usize, escaped: bool) -> usize {
        let (next, state) = match end_of_text(piece, at, escaped) {
            Ok(next) => (next, State::Colon),
            Err(escaped) => (piece.len(), State::Key { escaped }),
        };
        let end = if state == State::Colon { next - 1 } else { next };
        if self.key.len() <= KEY_BYTES {
            let room = (KEY_BYTES + 1).saturating_sub(self.key.len());
            self.key.extend_from_slice(&piece[at..end.min(at + room)]);
        }
        self.state = state;
        next
    }

    fn value(&mut self, piece: &[u8], at: usize) -> usize {
        let byte = piece[at];
        if byte.is_ascii_whitespace() {
            return at + 1;
        }
        let wanted = self.wanted.iter().find(|wanted| wanted.name.as_bytes() == self.key);
        let start = self.before + at as u64;
        self.current = wanted.map(|wanted| Current { wanted, start, text: Vec::new(), cut: false });
        self.state = match byte {
            b'"' => State::Text { escaped: false },
            b'{' | b'[' => State::Nested { depth: 1, text: false, escaped: false },
            b',' | b'}' | b']' | b':' => State::Broken,
            _ => State::Scalar,
        };
        if self.state == State::Broken {
            self.current = None;
        }
        at + 1
    }

    fn text(&mut self, piece: &[u8], at: usize, escaped: bool, kept: usize) -> usize {
        match end_of_text(piece, at, escaped) {
            Ok(next) => {
                self.close(&piece[kept..next], next);
                next
            }
            Err(escaped) => {
                self.state = State::Text { escaped };
                piece.len()
            }
        }
    }

    fn nested(&mut self, piece: &[u8], mut at: usize, kept: usize) -> usize {
        let State::Nested { mut depth, mut text, mut escaped } = self.state else { return at };
        while at < piece.len() {
            if text {
                match end_of_text(piece, at, escaped) {
                    Ok(next) => (at, text, escaped) = (next, false, false),
                    Err(still) => (at, escaped) = (piece.len(), still),
                }
                continue;
            }
            match piece[at] {
                b'"' => text = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.close(&piece[kept..at], at);
                return at;
            }
        }
        self.state = State::Nested { depth, text, escaped };
        at
    }

    fn scalar(&mut self, piece: &[u8], at: usize, kept: usize) -> usize {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']');
        match piece[at..].iter().position(ends) {
            None => piece.len(),
            Some(length) => {
                let end = at + length;
                self.close(&piece[kept..end], end);
                end
            }
        }
    }

    fn close(&mut self, rest: &[u8], end: usize) {
        self.keep(rest);
        self.state = State::After;
        if let Some(Current { wanted, start, text, cut }) = self.current.take() {
            let end = self.before + end as u64;
            self.found.retain(|member| member.name != wanted.name);
            self.found.push(Member { name: wanted.name, start, end, text, cut });
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let Some(current) = &mut self.current else { return };
        let room = current.wanted.most_bytes - current.text.len();
        current.cut |= bytes.len() > room;
        current.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// The place behind the quote that ends a text, else whether its last byte was an escape.
fn end_of_text(piece: &[u8], mut at: usize, escaped: bool) -> Result<usize, bool> {
    if escaped {
        at += 1;
    }
    while let Some(found) = piece.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if piece[at] == b'"' {
            return Ok(at + 1);
        }
        at += 2;
    }
    // An escape at the very end reaches into the next piece.
    Err(at > piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    static WANTED: [Wanted; 4] = [
        Wanted { name: "model", most_bytes: 16 },
        Wanted { name: "stream", most_bytes: 8 },
        Wanted { name: "usage", most_bytes: 64 },
        Wanted { name: "messages", most_bytes: 0 },
    ];

    const BODY: &str = r#" { "messages" : [{"role":"user","content":"a \" ] } \\"}, {}],
        "model": "gpt-4o", "x\"y": {"model":"inner"}, "stream":true, "n": -1.5e3,
        "usage": {"a": {"b": [1,2]}}, "stop": null, "model": "the \\ last"}"#;

    fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Member>, bool) {
        let mut scanner = Scanner::new(&WANTED);
        pieces.into_iter().for_each(|piece| scanner.push(piece));
        let whole = scanner.is_whole();
        (scanner.finish(), whole)
    }

    fn text<'a>(members: &'a [Member], name: &str) -> &'a str {
        let member = members.iter().find(|member| member.name == name).unwrap();
        std::str::from_utf8(&member.text).unwrap()
    }

    #[test]
    fn members_are_found_and_the_later_of_two_counts() {
        let (members, whole) = scan([BODY.as_bytes()]);
        assert!(whole);
        assert_eq!(text(&members, "model"), r#""the \\ last""#);
        assert_eq!(text(&members, "stream"), "true");
        assert_eq!(text(&members, "usage"), r#"{"a": {"b": [1,2]}}"#);
        let messages = members.iter().find(|member| member.name == "messages").unwrap();
        let place = &BODY[messages.start as usize..messages.end as usize];
        assert!(place.starts_with("[{\"role\"") && place.ends_with("{}]"), "{place}");
        assert!(messages.cut && messages.text.is_empty());
        for member in members.iter().filter(|member| !member.cut) {
            let place = &BODY[member.start as usize..member.end as usize];
            assert_eq!(place.as_bytes(), member.text);
        }
    }

    #[test]
    fn however_it_is_cut_the_same_is_found() {
        let whole = scan([BODY.as_bytes()]);
        for size in 1..BODY.len() {
            assert_eq!(scan(BODY.as_bytes().chunks(size)), whole, "pieces of {size}");
        }
    }

    #[test]
    fn long_values_are_cut_and_broken_texts_end_it() {
        let (members, whole) = scan([br#"{"model":"0123456789abcdefgh","stream":1}"#.as_slice()]);
        assert!(whole && members[0].cut && members[0].text.len() == 16);
        for bad in ["[1]", "nothing", "{model:1}", "{\"model\":}", "{\"model\":1", "{\"model\"", ""]
        {
            let (members, whole) = scan([bad.as_bytes()]);
            assert!(!whole && members.is_empty(), "{bad}");
        }
        let (members, whole) = scan([br#"{"stream":true,"model":"gp"#.as_slice()]);
        assert_eq!((members.len(), whole), (1, false));
    }
}
