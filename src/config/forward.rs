//! `forward.targets`: rows to targets.

use std::path::PathBuf;

use super::build::Builder;
use super::secret::Secret;
use super::sections::{Protocol, Target, TargetTls};
use super::value::{quote, read_header};
use super::values::Values;
use crate::model::Signal;

pub(super) fn targets(builder: &mut Builder, values: &Values) -> Vec<Target> {
    let rows: Vec<Values> = values.get("forward.targets");
    let mut targets: Vec<Target> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("forward.targets[{index}]");
        let target = target(builder, row, &path);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !target.name.chars().all(allowed) || target.name.len() > 64 {
            let what = format!("{} is not a name of letters, digits, - and _", quote(&target.name));
            builder.problem(row.origin("name"), format!("{path}.name"), what);
        }
        // Without regard to case, because the name is also that of a directory.
        if targets.iter().any(|other| other.name.eq_ignore_ascii_case(&target.name)) {
            let what = format!("{} is the name of another target", quote(&target.name));
            builder.problem(row.origin("name"), format!("{path}.name"), what);
        }
        if target.signals.is_empty() {
            let what = "must name at least one signal".to_owned();
            builder.problem(row.origin("signals"), format!("{path}.signals"), what);
        }
        targets.push(target);
    }
    targets
}

fn target(builder: &mut Builder, row: &Values, path: &str) -> Target {
    let words: Vec<&'static str> = row.get("signals");
    let signals = Signal::ALL.into_iter().filter(|signal| words.contains(&signal.name()));
    Target {
        name: row.get("name"),
        endpoint: row.get("endpoint"),
        protocol: match row.get("protocol") {
            "http/protobuf" => Protocol::Http,
            _ => Protocol::Grpc,
        },
        headers: headers(builder, row, path),
        gzip: row.get::<&str>("compression") == "gzip",
        signals: signals.collect(),
        timeout: row.get("timeout"),
        tls: tls(builder, row, path),
    }
}

fn headers(builder: &mut Builder, row: &Values, path: &str) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = row.get("headers");
    let Some(text) = builder.read_file(row, "headers_file", path) else { return headers };
    let key = format!("{path}.headers_file");
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let header = line
            .split_once(':')
            .ok_or_else(|| "is not of the form Name: value".to_owned())
            .and_then(|(name, value)| Ok((read_header(name.trim(), value.trim())?, value.trim())));
        match header {
            Ok((name, _)) if headers.iter().any(|(other, _)| *other == name) => {
                let what = format!("line {}: the header {name} is set twice", index + 1);
                builder.problem(row.origin("headers_file"), &key, what);
            }
            Ok((name, value)) => headers.push((name, Secret::new(value))),
            Err(what) => {
                let what = format!("line {}: {what}", index + 1);
                builder.problem(row.origin("headers_file"), &key, what);
            }
        }
    }
    headers
}

fn tls(builder: &mut Builder, row: &Values, path: &str) -> TargetTls {
    let given = |name: &str| row.get::<Option<PathBuf>>(name).is_some();
    let endpoint: String = row.get("endpoint");
    for name in ["tls.ca_file", "tls.cert_file", "tls.key_file"] {
        if given(name) && !endpoint.starts_with("https://") {
            let what = "has no effect on an endpoint that is not https".to_owned();
            builder.problem(row.origin(name), format!("{path}.{name}"), what);
        }
    }
    if given("tls.cert_file") != given("tls.key_file") {
        let name = if given("tls.cert_file") { "tls.cert_file" } else { "tls.key_file" };
        let what = "tls.cert_file and tls.key_file belong together".to_owned();
        builder.problem(row.origin(name), format!("{path}.{name}"), what);
    }
    TargetTls {
        ca_file: pem(builder, row, "tls.ca_file", path),
        cert_file: pem(builder, row, "tls.cert_file", path),
        key_file: pem(builder, row, "tls.key_file", path),
    }
}

/// The file's path, if something in PEM form stands in it.
fn pem(builder: &mut Builder, row: &Values, name: &str, path: &str) -> Option<PathBuf> {
    let text = builder.read_file(row, name, path)?;
    if !text.contains("-----BEGIN ") {
        let what = "holds nothing in PEM form".to_owned();
        builder.problem(row.origin(name), format!("{path}.{name}"), what);
        return None;
    }
    let file: Option<PathBuf> = row.get(name);
    file.map(|file| builder.directory.join(file))
}
