//! The toggle as it stands in `debug_toggle.json`.
//!
//! ```json
//! {"version": 1, "changed_at": "2026-11-21T08:20:27Z", "changed_by": "oncall",
//!  "enabled": true, "scopes": [{"tenant": "acme", "until": "2026-11-21T09:20:27Z"}]}
//! ```
//!
//! A person or a script may write it too: `{"enabled": true}` alone is enough for everything.

use serde::{Deserialize, Serialize};

use super::event::{from_rfc3339, rfc3339};
use super::scope::{Scope, Scopes, Subject};
use crate::limits;

/// The version that is written; a higher one is not understood, and so is damaged.
const VERSION: u32 = 1;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Switched {
    pub(super) scopes: Scopes,
    pub(super) changed_ns: Option<u64>,
    pub(super) changed_by: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default = "version")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_by: Option<String>,
    enabled: bool,
    #[serde(default)]
    scopes: Vec<ScopeForm>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

fn version() -> u32 {
    VERSION
}

/// Reads the file; `None` where it is damaged. A scope without a begin begins now.
pub(super) fn read(bytes: &[u8], now_ns: u64) -> Option<Switched> {
    let file: FileForm = serde_json::from_slice(bytes).ok()?;
    if file.version != VERSION {
        return None;
    }
    let changed_ns = optional(file.changed_at.as_deref(), from_rfc3339)?;
    let scopes: Option<Vec<Scope>> =
        file.scopes.iter().map(|scope| read_scope(scope, now_ns)).collect();
    let mut scopes = scopes?;
    if file.enabled && file.scopes.is_empty() {
        scopes.push(Scope::everybody(now_ns));
    }
    let mut scopes = Scopes::of(scopes)?;
    if !file.enabled {
        scopes.end(None, now_ns);
    }
    if scopes.open(now_ns).count() > limits::DEBUG_SCOPES {
        return None;
    }
    Some(Switched { scopes, changed_ns, changed_by: file.changed_by })
}

fn read_scope(form: &ScopeForm, now_ns: u64) -> Option<Scope> {
    let fits = |text: &Option<String>| {
        text.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= limits::DEBUG_NAME_BYTES)
    };
    if !fits(&form.tenant) || !fits(&form.agent) {
        return None;
    }
    let subject = Subject {
        tenant: form.tenant.clone(),
        agent: form.agent.clone(),
        trace_id: optional(form.trace_id.as_deref(), |text| text.parse().ok())?,
    };
    let since_ns = optional(form.since.as_deref(), from_rfc3339)?.unwrap_or(now_ns);
    let until_ns = optional(form.until.as_deref(), from_rfc3339)?;
    Some(Scope { subject, since_ns, until_ns, by: form.by.clone() })
}

/// What a text says, if there is one; the outer `None` means that it is malformed.
#[expect(clippy::option_option, reason = "absent and malformed are not the same")]
fn optional<T>(text: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => read(text).map(Some),
    }
}

/// Writes the file.
pub(super) fn write(switched: &Switched, now_ns: u64) -> Vec<u8> {
    let scope = |scope: &Scope| ScopeForm {
        tenant: scope.subject.tenant.clone(),
        agent: scope.subject.agent.clone(),
        trace_id: scope.subject.trace_id.map(|id| id.to_string()),
        since: Some(rfc3339(scope.since_ns)),
        until: scope.until_ns.map(rfc3339),
        by: scope.by.clone(),
    };
    let form = FileForm {
        version: VERSION,
        changed_at: switched.changed_ns.map(rfc3339),
        changed_by: switched.changed_by.clone(),
        enabled: switched.scopes.is_on(now_ns),
        scopes: switched.scopes.all().iter().map(scope).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&form).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TraceId;

    #[test]
    fn what_is_written_is_read_back() {
        let subject = Subject {
            tenant: Some("acme".to_owned()),
            agent: Some("planner".to_owned()),
            trace_id: TraceId::from_bytes(&[3; 16]),
        };
        let scope = Scope { subject, since_ns: 5, until_ns: Some(70), by: Some("ops".into()) };
        let mut scopes = Scopes::of(vec![scope]).unwrap();
        scopes.add(Scope::everybody(7), 8).unwrap();
        let said = Switched { scopes, changed_ns: Some(9), changed_by: Some("ops".to_owned()) };
        assert_eq!(read(&write(&said, 10), 999), Some(said.clone()));
        // An end that lies behind us stays one: it may still be asked about.
        let mut off = said;
        off.scopes.end(None, 20);
        assert_eq!(read(&write(&off, 20), 999), Some(off));
    }

    #[test]
    fn a_person_may_write_little() {
        let on = read(br#"{"enabled": true}"#, 50).unwrap();
        assert_eq!(on.scopes.all(), [Scope::everybody(50)]);
        let off = read(br#"{"enabled": false, "scopes": [{"tenant": "acme"}]}"#, 50).unwrap();
        assert!(!off.scopes.is_on(50));
    }

    #[test]
    fn damage_is_seen() {
        let many: Vec<_> =
            (0..=limits::DEBUG_SCOPES).map(|n| format!("{{\"agent\":\"{n}\"}}")).collect();
        let many = format!("{{\"enabled\":true,\"scopes\":[{}]}}", many.join(","));
        for bad in [
            "",
            "{}",
            "true",
            "{\"enabled\":1}",
            "{\"enabled\":true",
            "{\"enabled\":true,\"version\":2}",
            "{\"enabled\":true,\"surprise\":1}",
            "{\"enabled\":true,\"scopes\":[{\"trace_id\":\"xyz\"}]}",
            "{\"enabled\":true,\"scopes\":[{\"tenant\":\"\"}]}",
            "{\"enabled\":true,\"scopes\":[{\"until\":\"soon\"}]}",
            "{\"enabled\":true,\"scopes\":[{\"tenent\":\"a\"}]}",
            &many,
        ] {
            assert_eq!(read(bad.as_bytes(), 5), None, "{bad}");
        }
    }
}
