//! One export request, encoded once; ids and times are stamped into copies of it.

use memchr::memmem;
use pharos::otlp::write;

use super::conversation::Prose;

/// What a span carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// 8-span agent traces of about 586 B and 12.5 attributes a span, 100 spans a request.
    Lean,
    /// The same with messages: about 6.3 KB a span, 50 spans a request.
    Fat,
}

/// An encoded request and the places where ids and times stand.
pub struct Template {
    body: Vec<u8>,
    trace_ids: Vec<(usize, u64)>,
    span_ids: Vec<(usize, u64)>,
    times: Vec<(usize, u64)>,
    traces: u64,
    /// Spans in the request.
    pub spans: u64,
}

/// The steps of one agent run: name, operation, parent (index into the run).
const RUN: [(&str, &str, usize); 8] = [
    ("invoke_agent support", "invoke_agent", 0),
    ("chat gpt-4o-mini", "chat", 0),
    ("execute_tool search_orders", "execute_tool", 0),
    ("SELECT orders", "db", 2),
    ("chat gpt-4o-mini", "chat", 0),
    ("execute_tool refund", "execute_tool", 0),
    ("POST", "http", 5),
    ("chat gpt-4o-mini", "chat", 0),
];

const MARK_TRACE: u64 = 0xA1A2_A3A4_A5A6_0000;
const MARK_SPAN: u64 = 0xB1B2_B3B4_B5B6_0000;
const MARK_TIME: u64 = 0xC1C2_C3C4_C5C6_0000;

impl Template {
    /// Encodes a request of `spans` spans.
    pub fn new(profile: Profile, spans: u64) -> Self {
        Self::varied(profile, spans, 0)
    }

    /// The same with conversations, ids of answers and numbers of tokens of its own; those of
    /// [`Template::new`] are the same in every request.
    pub fn varied(profile: Profile, spans: u64, variety: u64) -> Self {
        let mut body = Vec::new();
        write::message_field(&mut body, 1, |out| {
            write::message_field(out, 1, resource);
            write::message_field(out, 2, |out| {
                write::message_field(out, 1, |out| {
                    write::bytes_field(out, 1, b"opentelemetry.instrumentation.openai_v2");
                    write::bytes_field(out, 2, b"2.4b0");
                });
                for index in 0..spans {
                    write::message_field(out, 2, |out| span(out, profile, index, variety));
                }
            });
        });
        let find = |mark: u64, count: u64, bytes: fn(u64) -> Vec<u8>| {
            let mut places = Vec::new();
            for index in 0..count {
                let needle = bytes(mark + index);
                places.extend(memmem::find_iter(&body, &needle).map(|at| (at, index)));
            }
            places
        };
        let traces = spans.div_ceil(RUN.len() as u64);
        let trace_ids = find(MARK_TRACE, traces, |mark| mark.to_be_bytes().repeat(2));
        let span_ids = find(MARK_SPAN, spans, |mark| mark.to_be_bytes().to_vec());
        let times = find(MARK_TIME, spans * 2, |mark| mark.to_le_bytes().to_vec());
        Self { body, trace_ids, span_ids, times, traces, spans }
    }

    /// Bytes of one request.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Writes request number `number` into `out`. Equal numbers give equal ids.
    pub fn stamp(&self, number: u64, now_ns: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.body);
        for &(at, index) in &self.trace_ids {
            out[at..at + 16].copy_from_slice(&trace_id(number * self.traces + index));
        }
        for &(at, index) in &self.span_ids {
            out[at..at + 8].copy_from_slice(&span_id(number * self.spans + index));
        }
        for &(at, index) in &self.times {
            // Starts and ends alternate: 40 ms apart, 50 ms from span to span of a run.
            let (run, end) = ((index / 2) % RUN.len() as u64, index % 2);
            let time = now_ns - 500_000_000 + run * 50_000_000 + end * 40_000_000;
            out[at..at + 8].copy_from_slice(&time.to_le_bytes());
        }
    }

    /// The trace ids of request number `number`.
    pub fn trace_ids(&self, number: u64) -> Vec<[u8; 16]> {
        (0..self.traces).map(|index| trace_id(number * self.traces + index)).collect()
    }
}

fn trace_id(number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mix(number).to_be_bytes());
    id[8..].copy_from_slice(&(number + 1).to_be_bytes());
    id
}

fn span_id(number: u64) -> [u8; 8] {
    mix(number + 0x5151).max(1).to_be_bytes()
}

/// A bijection of 64-bit numbers (the finaliser of MurmurHash3), so that ids never repeat.
fn mix(mut number: u64) -> u64 {
    number ^= number >> 33;
    number = number.wrapping_mul(0xff51_afd7_ed55_8ccd);
    number ^= number >> 33;
    number = number.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ (number >> 33)
}

fn resource(out: &mut Vec<u8>) {
    for (key, value) in [
        ("service.name", "support-agent"),
        ("service.version", "1.14.2"),
        ("deployment.environment.name", "production"),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.38.0"),
    ] {
        text(out, 1, key, value);
    }
}

fn span(out: &mut Vec<u8>, profile: Profile, index: u64, variety: u64) {
    let step = (index % RUN.len() as u64) as usize;
    let (name, operation, parent) = RUN[step];
    let first = index - step as u64;
    let trace = MARK_TRACE + index / RUN.len() as u64;
    write::bytes_field(out, 1, &trace.to_be_bytes().repeat(2));
    write::bytes_field(out, 2, &(MARK_SPAN + index).to_be_bytes());
    if step > 0 {
        write::bytes_field(out, 4, &(MARK_SPAN + first + parent as u64).to_be_bytes());
    }
    write::bytes_field(out, 5, name.as_bytes());
    write::varint_field(out, 6, if operation == "chat" || operation == "http" { 3 } else { 1 });
    write::fixed64_field(out, 7, MARK_TIME + index * 2);
    write::fixed64_field(out, 8, MARK_TIME + index * 2 + 1);
    match operation {
        "chat" => chat(out, profile, step, Chance::new(variety, index)),
        "invoke_agent" => agent(out),
        "execute_tool" => tool(out, name, Chance::new(variety, index)),
        "db" => database(out),
        _ => http_client(out),
    }
    common(out, index);
    write::message_field(out, 15, |_| ());
    write::fixed32_field(out, 16, 0x101);
}

fn common(out: &mut Vec<u8>, index: u64) {
    text(out, 9, "tenant.id", ["acme", "globex", "initech"][(index / 8 % 3) as usize]);
    text(out, 9, "gen_ai.conversation.id", "conv_5f1b2c3d4e5f60718293a4b5c6d7e8f9");
    text(out, 9, "gen_ai.agent.name", "support");
    text(out, 9, "user.id", "user-20417");
    text(out, 9, "code.function.name", "support.agent.Runner.run_step");
    text(out, 9, "thread.name", "asyncio_0");
}

/// What differs from span to span: nothing where the variety is 0.
#[derive(Clone, Copy)]
struct Chance {
    variety: u64,
    run: u64,
    span: u64,
}

impl Chance {
    fn new(variety: u64, index: u64) -> Self {
        let run = variety * 1_000_003 + index / RUN.len() as u64;
        Self { variety, run, span: variety * 1_000_003 + index }
    }

    /// An id, after the pattern of a given one.
    fn id(self, prefix: &str, usual: &str) -> String {
        if self.variety == 0 {
            return format!("{prefix}{usual}");
        }
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab";
        let mut state = mix(self.span);
        let letters = usual.chars().map(|_| {
            state = mix(state + 1);
            char::from(LETTERS[(state & 63) as usize])
        });
        prefix.chars().chain(letters).collect()
    }

    fn number(self, usual: u64) -> u64 {
        if self.variety == 0 { usual } else { usual / 2 + mix(self.span + usual) % usual }
    }

    fn prose(self, usual: u64) -> Prose {
        Prose::new(if self.variety == 0 { usual } else { mix(self.run * 64 + usual) })
    }
}

fn chat(out: &mut Vec<u8>, profile: Profile, step: usize, chance: Chance) {
    text(out, 9, "gen_ai.operation.name", "chat");
    text(out, 9, "gen_ai.provider.name", "openai");
    text(out, 9, "gen_ai.request.model", "gpt-4o-mini");
    text(out, 9, "gen_ai.response.model", "gpt-4o-mini-2024-07-18");
    let answer = chance.id("chatcmpl-", "CKq3fZ8wYt1Nb6uVxR2sJmPaLdEoG");
    text(out, 9, "gen_ai.response.id", &answer);
    number(out, "gen_ai.usage.input_tokens", chance.number(1_289));
    number(out, "gen_ai.usage.output_tokens", chance.number(214));
    number(out, "gen_ai.request.max_tokens", 1_024);
    if profile == Profile::Fat {
        // The conversation grows from call to call and every call repeats all of it.
        let turns = [0, 1, 0, 0, 2, 0, 0, 3][step];
        // The instructions are those of the agent, whatever the conversation.
        let system = Prose::new(7).message("system", 2_400);
        let mut prose = chance.prose(7);
        let mut messages = vec![system];
        for turn in 0..turns {
            let role = if turn == 0 { "user" } else { "tool" };
            messages.push(prose.message(role, 3_000));
            messages.push(prose.message("assistant", if turn + 1 == turns { 60 } else { 6_000 }));
        }
        text(out, 9, "gen_ai.input.messages", &format!("[{}]", messages.join(",")));
        let answer = chance.prose(11 + step as u64).message("assistant", 1_300);
        text(out, 9, "gen_ai.output.messages", &format!("[{answer}]"));
    }
}

fn agent(out: &mut Vec<u8>) {
    text(out, 9, "gen_ai.operation.name", "invoke_agent");
    text(out, 9, "gen_ai.provider.name", "openai");
    text(out, 9, "gen_ai.agent.id", "asst_5j66UpCpwteGg4YSxUnt7lPY");
    text(out, 9, "gen_ai.agent.description", "Answers questions about orders and refunds.");
    number(out, "gen_ai.usage.input_tokens", 3_867);
    number(out, "gen_ai.usage.output_tokens", 642);
}

fn tool(out: &mut Vec<u8>, name: &str, chance: Chance) {
    text(out, 9, "gen_ai.operation.name", "execute_tool");
    text(out, 9, "gen_ai.tool.name", name.trim_start_matches("execute_tool "));
    text(out, 9, "gen_ai.tool.type", "function");
    text(out, 9, "gen_ai.tool.call.id", &chance.id("call_", "vHa5p2ZkYd81mTqWxNbRcS3J"));
    text(out, 9, "gen_ai.tool.description", "Looks up the orders of a customer by number.");
}

fn database(out: &mut Vec<u8>) {
    text(out, 9, "db.system.name", "postgresql");
    text(out, 9, "db.namespace", "shop");
    text(out, 9, "db.operation.name", "SELECT");
    text(out, 9, "db.collection.name", "orders");
    text(out, 9, "db.query.text", "SELECT id, state, total FROM orders WHERE customer_id = $1");
    text(out, 9, "server.address", "db.internal");
}

fn http_client(out: &mut Vec<u8>) {
    text(out, 9, "http.request.method", "POST");
    text(out, 9, "url.full", "https://payments.internal/v2/refunds");
    text(out, 9, "server.address", "payments.internal");
    number(out, "server.port", 443);
    number(out, "http.response.status_code", 201);
    text(out, 9, "network.protocol.version", "1.1");
}

fn text(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    write::message_field(out, field, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| write::bytes_field(out, 1, value.as_bytes()));
    });
}

fn number(out: &mut Vec<u8>, key: &str, value: u64) {
    write::message_field(out, 9, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| write::varint_field(out, 3, value));
    });
}
