//! Who calls, as headers and baggage say: tenant, team, user, agent, conversation.

use std::borrow::Cow;

use http::HeaderMap;

use super::headers::BAGGAGE;
use crate::limits;

/// Whose call it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) tenant: Option<String>,
    pub(super) team: Option<String>,
    pub(super) user: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) conversation: Option<String>,
}

impl Caller {
    /// Headers speak first, baggage where they say nothing.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let header = |name: &str| name_in(headers.get(name)?.to_str().ok()?.trim());
        let mut caller = Self {
            tenant: header("x-tenant-id"),
            team: header("x-team-id"),
            user: header("x-user-id"),
            agent_id: header("x-agent-id"),
            agent: header("x-agent-name"),
            conversation: header("x-conversation-id").or_else(|| header("x-session-id")),
        };
        let members = headers.get_all(BAGGAGE).iter().filter_map(|value| value.to_str().ok());
        let members = members.flat_map(|value| value.split(','));
        for member in members.take(limits::GATEWAY_BAGGAGE_MEMBERS) {
            caller.member(member);
        }
        caller
    }

    fn member(&mut self, member: &str) {
        let pair = member.split(';').next().unwrap_or_default();
        let Some((key, value)) = pair.split_once('=') else { return };
        let place = match key.trim() {
            "tenant.id" | "tenant_id" | "tenant" => &mut self.tenant,
            "team.id" | "team_id" | "team" => &mut self.team,
            "user.id" | "user_id" | "enduser.id" => &mut self.user,
            "agent.id" | "agent_id" | "gen_ai.agent.id" => &mut self.agent_id,
            "agent.name" | "agent_name" | "gen_ai.agent.name" => &mut self.agent,
            "gen_ai.conversation.id"
            | "conversation.id"
            | "conversation_id"
            | "session.id"
            | "session_id" => &mut self.conversation,
            _ => return,
        };
        if place.is_none() {
            *place = decoded(value.trim()).and_then(|value| name_in(&value));
        }
    }
}

/// A name that can stand in telemetry.
fn name_in(text: &str) -> Option<String> {
    let sane = (1..=limits::GATEWAY_NAME_BYTES).contains(&text.len());
    (sane && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// A percent-encoded text; `None` where it is none.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = behind;
            continue;
        }
        let (digits, behind) = behind.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn caller(pairs: &[(&'static str, &str)]) -> Caller {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Caller::of(&headers)
    }

    #[test]
    fn headers_speak_before_baggage() {
        let it = caller(&[
            ("x-tenant-id", "acme"),
            ("x-session-id", "s-1"),
            ("baggage", "tenant.id=other,user.id=J%C3%BCrgen%20M;prop=1, agent_name = planner "),
            ("baggage", "team_id=blue,unknown=1,broken,session.id=s-2"),
        ]);
        assert_eq!(it.tenant.as_deref(), Some("acme"));
        assert_eq!(it.user.as_deref(), Some("Jürgen M"));
        assert_eq!(it.agent.as_deref(), Some("planner"));
        assert_eq!((it.team.as_deref(), it.conversation.as_deref()), (Some("blue"), Some("s-1")));
        assert_eq!(it.agent_id, None);
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        let long = "x".repeat(limits::GATEWAY_NAME_BYTES + 1);
        assert_eq!(caller(&[("x-tenant-id", &long), ("x-user-id", "")]), Caller::default());
        let bad = caller(&[("baggage", "tenant_id=%zz,user_id=%f,team=%ff,agent.id=a%00b")]);
        assert_eq!(bad, Caller::default());
    }
}
