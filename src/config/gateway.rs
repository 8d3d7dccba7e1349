//! `gateway`: the upstreams that calls of models are passed on to.

use super::build::Builder;
use super::key::{Key, Kind, Preset};
use super::sections::{Gateway, Upstream, UpstreamKind};
use super::table::{GIB, KIB, bytes, count, seconds};
use super::value::quote;
use super::values::Values;
use crate::limits;

/// The section's keys.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "gateway.upstreams",
        kind: Kind::Rows(UPSTREAM),
        preset: Preset::Empty,
        doc: "Model providers that `/gateway/<id>/…` passes calls on to: a list, or a map from \
              id to the rest of a row.",
    },
    Key {
        name: "gateway.capture_content",
        kind: Kind::Switch,
        preset: Preset::Text("false"),
        doc: "Records what was asked and answered through the gateway, redacted as everything is.",
    },
    Key {
        name: "gateway.reserved_output_tokens",
        kind: count(0, 10_000_000),
        preset: Preset::Number(limits::GATEWAY_OUTPUT_TOKENS),
        doc: "Output tokens that budgets are asked for where a call does not say how many it may \
              use at most.",
    },
];

/// One row of `gateway.upstreams`. The first key may stand in front of the row instead.
pub(super) static UPSTREAM: &[Key] = &[
    Key {
        name: "id",
        kind: Kind::Text,
        preset: Preset::Required,
        doc: "What the upstream is called in `/gateway/<id>/…` and in metrics: letters, digits, \
              `-`, `_`. Unique.",
    },
    Key {
        name: "url",
        kind: Kind::Url,
        preset: Preset::Required,
        doc: "Where it is: `https://api.openai.com/v1`. What stands behind the id in the path of \
              a call is appended.",
    },
    Key {
        name: "kind",
        kind: Kind::Word(&["openai", "anthropic", "other"]),
        preset: Preset::Text("openai"),
        doc: "The API that it speaks. Calls of `other` are passed on and counted, not read.",
    },
    Key {
        name: "provider",
        kind: Kind::Text,
        preset: Preset::Absent,
        doc: "The provider's name in telemetry; `none` tells it by the URL's host, else by `kind`.",
    },
    Key {
        name: "connect_timeout",
        kind: seconds(1, 300),
        preset: Preset::Text("10s"),
        doc: "How long a connection may take before the caller gets a 504.",
    },
    Key {
        name: "first_byte_timeout",
        kind: seconds(1, 3_600),
        preset: Preset::Text("10m"),
        doc: "How long the head of an answer may take: of an answer that is no stream, all of \
              the model's work.",
    },
    Key {
        name: "idle_timeout",
        kind: seconds(1, 3_600),
        preset: Preset::Text("5m"),
        doc: "How long an answer that has begun may pause before it is broken off.",
    },
    Key {
        name: "max_request_bytes",
        kind: bytes(KIB, GIB),
        preset: Preset::Number(limits::GATEWAY_REQUEST_BYTES),
        doc: "The largest request body; a larger one is answered with 413.",
    },
    Key {
        name: "max_response_bytes",
        kind: bytes(KIB, 64 * GIB),
        preset: Preset::Number(limits::GATEWAY_RESPONSE_BYTES),
        doc: "The largest answer; a longer one is broken off.",
    },
    Key {
        name: "ask_usage",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Asks for the usage of streams where the caller does not, and takes the event that \
              tells it out of what the caller gets. Off, such usage is estimated.",
    },
    Key {
        name: "tls.ca_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "Certificates (PEM) to trust instead of the system's.",
    },
    Key {
        name: "api_key",
        kind: Kind::Refused("callers send the provider's key themselves, and it is passed on"),
        preset: Preset::Absent,
        doc: "Refused: callers send the provider's key themselves.",
    },
];

pub(super) fn gateway(builder: &mut Builder, values: &Values) -> Gateway {
    let rows: Vec<Values> = values.get("gateway.upstreams");
    if rows.len() > limits::GATEWAY_UPSTREAMS {
        let what = format!("names more than {} upstreams", limits::GATEWAY_UPSTREAMS);
        builder.problem(values.origin("gateway.upstreams"), "gateway.upstreams", what);
    }
    let mut upstreams: Vec<Upstream> = Vec::new();
    for row in &rows {
        let upstream = upstream(builder, row);
        let path = format!("gateway.upstreams.{}", upstream.id);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !upstream.id.chars().all(allowed) || upstream.id.len() > 64 {
            let what = format!("{} is not a name of letters, digits, - and _", quote(&upstream.id));
            builder.problem(row.origin("id"), "gateway.upstreams", what);
        }
        if upstreams.iter().any(|other| other.id == upstream.id) {
            let what = format!("{} is the id of another upstream", quote(&upstream.id));
            builder.problem(row.origin("id"), path, what);
        }
        upstreams.push(upstream);
    }
    Gateway {
        upstreams,
        capture_content: values.get("gateway.capture_content"),
        output_tokens: values.get("gateway.reserved_output_tokens"),
    }
}

fn upstream(builder: &mut Builder, row: &Values) -> Upstream {
    let (id, url): (String, String) = (row.get("id"), row.get("url"));
    let path = format!("gateway.upstreams.{id}");
    let file: Option<std::path::PathBuf> = row.get("tls.ca_file");
    if file.is_some() && !url.starts_with("https://") {
        let what = "has no effect on a URL that is not https".to_owned();
        builder.problem(row.origin("tls.ca_file"), format!("{path}.tls.ca_file"), what);
    }
    let pem = builder.read_file(row, "tls.ca_file", &path);
    if pem.is_some_and(|text| !text.contains("-----BEGIN ")) {
        let what = "holds nothing in PEM form".to_owned();
        builder.problem(row.origin("tls.ca_file"), format!("{path}.tls.ca_file"), what);
    }
    Upstream {
        id,
        url,
        kind: match row.get("kind") {
            "anthropic" => UpstreamKind::Anthropic,
            "other" => UpstreamKind::Other,
            _ => UpstreamKind::OpenAi,
        },
        provider: row.get("provider"),
        connect_timeout: row.get("connect_timeout"),
        first_byte_timeout: row.get("first_byte_timeout"),
        idle_timeout: row.get("idle_timeout"),
        max_request_bytes: row.get("max_request_bytes"),
        max_response_bytes: row.get("max_response_bytes"),
        ask_usage: row.get("ask_usage"),
        ca_file: file.map(|file| builder.directory.join(file)),
    }
}
