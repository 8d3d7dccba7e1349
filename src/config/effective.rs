//! What is in force, as a YAML file that says where each line came from.

use super::key::{Key, Kind};
use super::value::Value;
use super::values::Values;

const COMMENT_COLUMN: usize = 44;

/// The whole configuration. Reading the text back gives the same, except for secrets.
pub(super) fn as_yaml(table: &'static [Key], values: &Values) -> String {
    let mut text = String::new();
    section(&mut text, table, values, 0, true);
    text
}

/// The same as nested objects.
pub(super) fn as_json(table: &'static [Key], values: &Values) -> serde_json::Value {
    let mut root = serde_json::Map::new();
    for key in table {
        let Some(setting) = values.setting(key.name) else { continue };
        if matches!(key.kind, Kind::Refused(_)) {
            continue;
        }
        let value = match (&key.kind, &setting.value) {
            (Kind::Rows(table), Value::Rows(rows)) => {
                rows.iter().map(|row| as_json(table, row)).collect()
            }
            (kind, value) => value.write_json(kind),
        };
        let mut parts: Vec<&str> = key.name.split('.').collect();
        let last = parts.pop().expect("a split has at least one part");
        let mut map = &mut root;
        for part in parts {
            let section = map.entry(part).or_insert_with(|| serde_json::Map::new().into());
            map = section.as_object_mut().expect("no key is also a section: tested");
        }
        map.insert(last.to_owned(), value);
    }
    root.into()
}

/// `origins` is whether each line says where it came from: rows come from where their list does.
fn section(text: &mut String, table: &'static [Key], values: &Values, depth: usize, origins: bool) {
    let mut open: Vec<&str> = Vec::new();
    for key in table {
        let Some(setting) = values.setting(key.name) else { continue };
        if matches!(key.kind, Kind::Refused(_)) {
            continue;
        }
        let mut parts: Vec<&str> = key.name.split('.').collect();
        let last = parts.pop().expect("a split has at least one part");
        if matches!(setting.value, Value::None) && !origins {
            continue;
        }
        let shared = open.iter().zip(&parts).take_while(|(one, other)| one == other).count();
        for (level, part) in parts.iter().enumerate().skip(shared) {
            text.push_str(&format!("{}{part}:\n", indent(depth + level)));
        }
        let level = depth + parts.len();
        open = parts;
        let rows = match (&key.kind, &setting.value) {
            (Kind::Rows(table), Value::Rows(rows)) if !rows.is_empty() => Some((*table, rows)),
            _ => None,
        };
        let value = if rows.is_some() { String::new() } else { setting.value.write(&key.kind) };
        let line = format!("{}{last}: {value}", indent(level));
        let line = line.trim_end();
        if origins {
            text.push_str(&format!("{line:COMMENT_COLUMN$} # {}\n", setting.origin));
        } else {
            text.push_str(&format!("{line}\n"));
        }
        for (table, row) in rows.iter().flat_map(|(table, rows)| rows.iter().map(|r| (*table, r))) {
            let start = text.len();
            section(text, table, row, level + 2, false);
            // The first key of a row stands behind its dash.
            let dash = start + indent(level + 1).len();
            text.replace_range(dash..dash + 2, "- ");
        }
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}
