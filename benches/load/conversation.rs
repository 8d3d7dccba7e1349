//! Text that looks and compresses like conversations: words, tool calls and results.

const WORDS: [&str; 64] = [
    "the",
    "order",
    "was",
    "shipped",
    "to",
    "customer",
    "with",
    "delay",
    "because",
    "warehouse",
    "reported",
    "missing",
    "items",
    "please",
    "check",
    "inventory",
    "status",
    "and",
    "update",
    "refund",
    "amount",
    "for",
    "account",
    "before",
    "Friday",
    "then",
    "send",
    "summary",
    "of",
    "all",
    "open",
    "tickets",
    "that",
    "mention",
    "billing",
    "error",
    "from",
    "last",
    "week",
    "agent",
    "should",
    "call",
    "search",
    "tool",
    "again",
    "if",
    "result",
    "is",
    "empty",
    "or",
    "stale",
    "include",
    "sources",
    "in",
    "answer",
    "keep",
    "it",
    "short",
    "policy",
    "allows",
    "exchange",
    "within",
    "thirty",
    "days",
];

/// A deterministic stream of words.
pub(crate) struct Prose {
    state: u64,
}

impl Prose {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    /// About `bytes` bytes of prose.
    pub(crate) fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(97);
            text.push_str(WORDS[(self.state >> 58) as usize]);
            text.push(' ');
        }
        text
    }

    /// One more message of a GenAI message list, about `bytes` long, without the brackets.
    pub(crate) fn message(&mut self, role: &str, bytes: usize) -> String {
        let text = self.text(bytes.saturating_sub(60));
        format!(r#"{{"role":"{role}","parts":[{{"type":"text","content":"{text}"}}]}}"#)
    }
}
