//! `pharos investigate`: what happened in one trace, for a person at a terminal.

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::arguments::InvestigateArguments;
use super::client::{api_key, base_url, get};
use super::story::{printable, story};
use super::{Failure, output};

pub(super) fn run(arguments: &InvestigateArguments) -> Result<(), Failure> {
    let id = arguments.trace_id.trim();
    if id.len() != 32 || !id.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Failure::Usage("a trace id has 32 hexadecimal digits".to_owned()));
    }
    let url = base_url(arguments.url.as_deref(), &arguments.flags)?;
    let key = api_key(arguments.api_key_file.as_deref())?;
    let url = format!("{url}/api/investigate/{}", id.to_ascii_lowercase());
    let answer = get(&url, key.as_ref(), arguments.timeout)?;
    if answer.status != 200 {
        return Err(refused(answer.status, &answer.body).into());
    }
    if arguments.json {
        return output::data(&answer.body);
    }
    let found: Value =
        serde_json::from_str(&answer.body).with_context(|| format!("{url} answered no JSON"))?;
    output::data(&story(&found))
}

fn refused(status: u16, body: &str) -> anyhow::Error {
    let said: Option<Value> = serde_json::from_str(body).ok();
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    match (status, message) {
        (401, _) => anyhow!("Pharos asks for an API key: --api-key-file"),
        (404, _) => anyhow!("Pharos knows no such trace"),
        (_, Some(message)) => anyhow!("Pharos answered {status}: {}", printable(message)),
        (_, None) => anyhow!("Pharos answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        assert!(refused(401, "").to_string().contains("--api-key-file"));
        assert!(refused(404, "<html>").to_string().contains("no such trace"));
        let body = r#"{"error": {"code": "overloaded", "message": "Too many."}}"#;
        assert_eq!(refused(503, body).to_string(), "Pharos answered 503: Too many.");
    }
}
