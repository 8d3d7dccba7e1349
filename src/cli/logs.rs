//! `pharos logs`: log records, newest first, for a person at a terminal or as JSON lines.

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::arguments::LogsArguments;
use super::client::{api_key, base_url, get};
use super::story::printable;
use super::{Failure, output};
use crate::limits;

/// A body is told in one line; `--json` has it whole.
const BODY_SHOWN_CHARS: usize = 400;

pub(super) fn run(arguments: &LogsArguments) -> Result<(), Failure> {
    let url = base_url(arguments.url.as_deref(), &arguments.flags)?;
    let key = api_key(arguments.api_key_file.as_deref())?;
    let (mut told, mut cursor) = (0, None);
    loop {
        let page = (arguments.limit - told).min(limits::LOG_PAGE_RECORDS);
        let url = address(&url, arguments, page, cursor.as_deref())?;
        let answer = get(&url, key.as_ref(), arguments.timeout)?;
        if answer.status != 200 {
            return Err(refused(answer.status, &answer.body).into());
        }
        let found: Value = serde_json::from_str(&answer.body)
            .with_context(|| format!("{url} answered no JSON"))?;
        let records = found["logs"].as_array().map_or(&[][..], Vec::as_slice);
        let line = if arguments.json { Value::to_string } else { line };
        let lines: Vec<String> = records.iter().map(line).collect();
        if !lines.is_empty() {
            output::data(&lines.join("\n"))?;
        }
        told += records.len();
        cursor = found["next"].as_str().map(str::to_owned);
        if cursor.is_none() || told >= arguments.limit || records.is_empty() {
            if found["incomplete"] == true {
                output::complain("something may be missing: the search reached a bound");
            }
            return Ok(());
        }
    }
}

/// The address that answers one page.
fn address(
    base: &str,
    arguments: &LogsArguments,
    limit: usize,
    cursor: Option<&str>,
) -> Result<String, Failure> {
    let limit = limit.to_string();
    let named = [
        ("trace_id", arguments.trace_id.as_deref()),
        ("service", arguments.service.as_deref()),
        ("severity", arguments.severity.as_deref()),
        ("text", arguments.text.as_deref()),
        ("from", arguments.from.as_deref()),
        ("to", arguments.to.as_deref()),
        ("limit", Some(limit.as_str())),
        ("cursor", cursor),
    ];
    let pairs = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let url = reqwest::Url::parse_with_params(&format!("{base}/api/logs"), pairs);
    Ok(url.context("the address is none")?.into())
}

/// One record for a person.
fn line(record: &Value) -> String {
    let word = |name: &str| printable(record[name].as_str().unwrap_or_default());
    let body = match &record["body"] {
        Value::String(text) => printable(text),
        Value::Null => word("event_name"),
        other => printable(&other.to_string()),
    };
    let mut body: String = match body.char_indices().nth(BODY_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &body[..end]),
        None => body,
    };
    if body.is_empty() {
        body = word("event_name");
    }
    let told = format!("{}  {:<7}  {}  {body}", word("time"), severity(record), word("service"));
    told.trim_end().to_owned()
}

/// The severity in the source's words, or else what its number means.
fn severity(record: &Value) -> String {
    let said = record["severity_text"].as_str().unwrap_or_default();
    if !said.is_empty() {
        return printable(said);
    }
    let named = match record["severity_number"].as_u64().unwrap_or(0) {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "-",
    };
    named.to_owned()
}

fn refused(status: u16, body: &str) -> anyhow::Error {
    let said: Option<Value> = serde_json::from_str(body).ok();
    let message = said.as_ref().and_then(|said| said["error"]["message"].as_str());
    match (status, message) {
        (401, _) => anyhow!("Pharos asks for an API key: --api-key-file"),
        (_, Some(message)) => anyhow!("Pharos answered {status}: {}", printable(message)),
        (_, None) => anyhow!("Pharos answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line_and_gives_a_terminal_no_orders() {
        let record = json!({
            "time": "2026-11-21T08:00:00.000000000Z", "severity_number": 17, "severity_text": "",
            "service": "shop", "body": "two\nlines \u{1b}[31m",
        });
        assert_eq!(line(&record), "2026-11-21T08:00:00.000000000Z  ERROR    shop  two lines  [31m");
        let event = json!({ "time": "t", "severity_text": "Information", "service": "bot",
            "event_name": "gen_ai.choice", "body": { "content": "hi" } });
        assert_eq!(line(&event), "t  Information  bot  {\"content\":\"hi\"}");
        let bare = json!({ "time": "t", "service": "bot", "event_name": "gen_ai.choice" });
        assert_eq!(line(&bare), "t  -        bot  gen_ai.choice");
        let long = json!({ "body": "é".repeat(1_000) });
        assert!(line(&long).chars().count() < BODY_SHOWN_CHARS + 30);
        assert_eq!(line(&json!(7)), "  -");
    }

    #[test]
    fn what_is_asked_for_is_escaped() {
        let arguments = LogsArguments {
            text: Some("a&b=c d".to_owned()),
            severity: Some("warn".to_owned()),
            ..LogsArguments::default()
        };
        let url = address("http://localhost:1", &arguments, 7, Some("x_-")).unwrap();
        let expected =
            "http://localhost:1/api/logs?severity=warn&text=a%26b%3Dc+d&limit=7&cursor=x_-";
        assert_eq!(url, expected);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        assert!(refused(401, "").to_string().contains("--api-key-file"));
        let body = r#"{"error": {"message": "severity is trace, debug"}}"#;
        assert_eq!(refused(400, body).to_string(), "Pharos answered 400: severity is trace, debug");
        assert_eq!(refused(502, "<html>").to_string(), "Pharos answered 502");
    }
}
