//! W3C Baggage: whose work a call is, from service to service.

use std::fmt::Write;

use super::context::{Context, is_header};
use crate::limits;

/// What the keys of a baggage tell, the name we write first.
const KEYS: [(&str, Fact); 13] = [
    ("tenant.id", Fact::Tenant),
    ("user.id", Fact::User),
    ("agent.id", Fact::Agent),
    ("session.id", Fact::Conversation),
    ("tenant_id", Fact::Tenant),
    ("user_id", Fact::User),
    ("enduser.id", Fact::User),
    ("agent_id", Fact::Agent),
    ("gen_ai.agent.name", Fact::Agent),
    ("gen_ai.conversation.id", Fact::Conversation),
    ("conversation.id", Fact::Conversation),
    ("conversation_id", Fact::Conversation),
    ("session_id", Fact::Conversation),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Tenant,
    User,
    Agent,
    Conversation,
}

impl Fact {
    fn of(self, context: &Context) -> Option<&str> {
        match self {
            Self::Tenant => context.tenant(),
            Self::User => context.user(),
            Self::Agent => context.agent(),
            Self::Conversation => context.conversation(),
        }
    }

    fn set(self, context: Context, value: &str) -> Context {
        match self {
            Self::Tenant => context.with_tenant(value),
            Self::User => context.with_user(value),
            Self::Agent => context.with_agent(value),
            Self::Conversation => context.with_conversation(value),
        }
    }
}

/// The context with what a `baggage` header says. Members that are not ours are kept to be
/// passed on; what is malformed, or more than the recommendation allows, is ignored.
pub(super) fn read<'h>(mut context: Context, headers: impl Iterator<Item = &'h str>) -> Context {
    let mut foreign = String::new();
    let mut read = 0;
    for header in headers {
        read += header.len();
        if read > limits::BAGGAGE_BYTES {
            break;
        }
        for member in header.split(',').map(str::trim) {
            let Some((key, value)) = member.split_once('=') else { continue };
            let fact = KEYS.iter().find(|(known, _)| *known == key.trim());
            let value = value.split(';').next().unwrap_or_default().trim();
            match fact {
                Some((_, fact)) if fact.of(&context).is_none() => {
                    context = fact.set(context, &decoded(value));
                }
                Some(_) => {}
                None if is_header(member) => {
                    if !foreign.is_empty() {
                        foreign.push(',');
                    }
                    foreign.push_str(member);
                }
                None => {}
            }
        }
    }
    if foreign.is_empty() { context } else { context.with_foreign_baggage(foreign) }
}

/// The `baggage` header that tells of a context; `None` where it knows nothing.
pub(super) fn written(context: &Context) -> Option<String> {
    let mut header = String::new();
    for (key, fact) in &KEYS[..4] {
        if let Some(value) = fact.of(context) {
            if !header.is_empty() {
                header.push(',');
            }
            header.extend([key, "="]);
            encode(value, &mut header);
        }
    }
    if let Some(foreign) = context.foreign_baggage()
        && header.len() + 1 + foreign.len() <= limits::BAGGAGE_BYTES
    {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(foreign);
    }
    (!header.is_empty()).then_some(header)
}

/// Percent-encodes what may not stand in a member's value.
fn encode(value: &str, header: &mut String) {
    for byte in value.bytes() {
        let plain = byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%');
        if plain {
            header.push(char::from(byte));
        } else {
            write!(header, "%{byte:02X}").expect("a string takes all that is written");
        }
    }
}

/// Undoes percent-encoding; what is no encoding stays as it is.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Context {
        read(Context::new(), [header].into_iter())
    }

    #[test]
    fn known_members_become_the_context_and_the_others_are_passed_on() {
        let context = of("tenant.id=acme, user_id=u%2C1;ttl=5,colour=blue;p, session.id=c-9,bad");
        let facts = (context.tenant(), context.user(), context.conversation());
        assert_eq!(facts, (Some("acme"), Some("u,1"), Some("c-9")));
        let written = written(&context).unwrap();
        assert_eq!(written, "tenant.id=acme,user.id=u%2C1,session.id=c-9,colour=blue;p");
        assert_eq!(of(&written), context);
    }

    #[test]
    fn hostile_members_harm_nothing() {
        for header in ["", ",,,", "=", "=x", "tenant.id=", "a=%zz\u{1b}", "\u{e9}"] {
            assert_eq!(of(header).tenant(), None, "{header:?}");
        }
        assert_eq!(of("tenant.id=%").tenant(), Some("%"));
        assert_eq!(of("tenant.id=a%0D%0Ab").tenant(), Some("a__b"));
        assert_eq!(of("tenant.id=%ff%fe").tenant(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(of("tenant.id=first,tenant.id=second").tenant(), Some("first"));
        let huge = format!("tenant.id=a,{}", "k=v,".repeat(limits::BAGGAGE_BYTES));
        assert_eq!(of(&huge), Context::new(), "more than is read");
    }

    #[test]
    fn what_is_known_before_wins() {
        let context = Context::new().with_tenant("header");
        let context = read(context, ["tenant.id=baggage,user.id=u"].into_iter());
        assert_eq!((context.tenant(), context.user()), (Some("header"), Some("u")));
        assert_eq!(written(&Context::new()), None);
    }
}
