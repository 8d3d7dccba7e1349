//! Who may import whom: the direction of the data's travel, as a table.

use super::source::Source;

/// A module and the modules of ours that its shipped code may name. Itself is always allowed.
///
/// `model otlp limits clock` are the ground. What stands on it does not know its neighbours;
/// what must report something measured has a small trait that `app` connects.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("build_info", &[]),
    ("clock", &[]),
    ("limits", &[]),
    ("model", &[]),
    ("otlp", &["model", "limits"]),
    ("semconv", GROUND),
    ("redaction", GROUND),
    ("cost", GROUND),
    ("metrics", GROUND),
    ("storage", GROUND),
    // A projection that counts what it lets in.
    ("app_metrics", &["clock", "limits", "metrics", "model", "otlp"]),
    // A target is a reader of the log.
    ("exporter", &["clock", "limits", "model", "otlp", "storage"]),
    (
        "pipeline",
        &["clock", "limits", "metrics", "model", "otlp", "redaction", "semconv", "storage"],
    ),
    // A reader of the log that understands what it reads.
    ("debug", &["clock", "limits", "model", "otlp", "semconv", "storage"]),
    // What is counted goes to a small trait.
    ("watch", &["limits", "model"]),
    // What runs at the moment, and the plain events that tell of it.
    ("runs", &["limits", "model", "otlp"]),
    ("events", &["limits", "model", "otlp", "runs"]),
    ("listener", &["clock", "limits"]),
    ("receiver", &["clock", "events", "limits", "listener", "model", "otlp", "pipeline", "runs"]),
    // A door like the receiver; what it reads of headers it reads as the API does.
    ("gateway", &["api", "build_info", "clock", "limits", "metrics", "model", "otlp", "pipeline"]),
    ("health", &["clock", "limits"]),
    (
        "api",
        &[
            "build_info",
            "clock",
            "cost",
            "debug",
            "events",
            "health",
            "limits",
            "metrics",
            "model",
            "otlp",
            "runs",
            "semconv",
            "storage",
            "watch",
        ],
    ),
    ("demo", &["clock", "limits", "model", "otlp"]),
    ("config", &["limits", "model"]),
    ("telemetry", &["api", "build_info", "clock", "debug", "limits", "metrics", "model", "otlp"]),
    // Stands above `app`: it starts one and tells where it listens, or looks at what one has left.
    (
        "cli",
        &["api", "app", "build_info", "config", "demo", "limits", "model", "pipeline", "storage"],
    ),
    ("app", EVERYBODY),
    ("main", EVERYBODY),
    ("lib", EVERYBODY),
];

const GROUND: &[&str] = &["clock", "limits", "model", "otlp"];
const EVERYBODY: &[&str] = &["*"];

/// The module that a file of `src/` belongs to.
fn module(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    Some(rest.split('/').next()?.trim_end_matches(".rs"))
}

/// Imports against the direction.
pub(crate) fn check(source: &Source) -> Vec<String> {
    let Some(module) = module(&source.path) else { return Vec::new() };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return Vec::new();
    };
    if *allowed == EVERYBODY {
        return Vec::new();
    }
    let wrong = imports(source)
        .into_iter()
        .filter(|(_, name)| name != module && !allowed.contains(&name.as_str()));
    wrong
        .map(|(line, name)| {
            format!("{}:{line}: direction: {module} must not know {name}", source.path)
        })
        .collect()
}

/// Modules that the table forgot.
pub(crate) fn missing_rows(paths: &[String]) -> Vec<String> {
    let mut names: Vec<&str> = paths.iter().filter_map(|path| module(path)).collect();
    names.dedup();
    names.retain(|name| MAY_IMPORT.iter().all(|(row, _)| row != name));
    names
        .iter()
        .map(|name| format!("tests/tidy/directions.rs:12: direction: no row for {name}"))
        .collect()
}

/// The modules of ours that shipped code names by `crate::…`, with their lines.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // The braces of `use crate::{…}` that are open; names on the first level are modules.
    let mut depth = 0_usize;
    for (line, code) in source.shipped() {
        let mut rest = code;
        if depth > 0 {
            depth = group(line, code, depth, &mut found);
            continue;
        }
        while let Some(at) = rest.find("crate::") {
            // `$crate::` is the same, `pub(crate)` has no colons, `mycrate::` is another crate.
            let whole = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            rest = &rest[at + "crate::".len()..];
            if !whole {
                continue;
            }
            if let Some(inside) = rest.strip_prefix('{') {
                depth = group(line, inside, 1, &mut found);
                break;
            }
            let name: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((line, name));
        }
    }
    found
}

/// Reads a part of `{a, b::{c, d}, e}`; answers how many braces stay open.
fn group(line: usize, code: &str, mut depth: usize, found: &mut Vec<(usize, String)>) -> usize {
    let mut name = String::new();
    let mut path = false;
    for character in code.chars() {
        match character {
            '{' => depth += 1,
            '}' | ',' | ':' => {
                if depth == 1 && !path && !name.is_empty() {
                    found.push((line, name.clone()));
                }
                name.clear();
                path = character == ':' || (path && depth > 1);
                if character == '}' {
                    depth -= 1;
                }
                if depth == 0 {
                    return 0;
                }
            }
            c if c.is_alphanumeric() || c == '_' => name.push(c),
            _ => {}
        }
        if character == ',' && depth == 1 {
            path = false;
        }
    }
    if depth == 1 && !path && !name.is_empty() {
        found.push((line, name));
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_however_they_are_written() {
        let text = "use crate::clock;\nuse crate::{limits, model::{Span, Value},\n    otlp,\n    \
                    storage::log::Log};\nfn a() { crate::metrics::x(); mycrate::y(); }\n\
                    // crate::comment\nlet b = \"crate::text\";\n#[cfg(test)]\nuse crate::demo;\n";
        let found = imports(&Source::new("src/semconv/mod.rs", text));
        let expected = [
            (1, "clock"),
            (2, "limits"),
            (2, "model"),
            (3, "otlp"),
            (4, "storage"),
            (5, "metrics"),
        ];
        let found: Vec<(usize, &str)> = found.iter().map(|(l, name)| (*l, name.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_import_against_the_direction_is_found() {
        let source = Source::new("src/semconv/genai.rs", "//! x\nuse crate::metrics::Registry;\n");
        let found = check(&source);
        assert_eq!(found, ["src/semconv/genai.rs:2: direction: semconv must not know metrics"]);
        assert!(check(&Source::new("src/app/mod.rs", "use crate::metrics;")).is_empty());
        let missing = missing_rows(&["src/elsewhere/mod.rs".to_owned()]);
        assert_eq!(missing.len(), 1, "{missing:?}");
    }
}
