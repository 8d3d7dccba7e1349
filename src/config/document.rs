//! `docs/configuration.md`, written from the table.

use super::key::{Key, Kind, Preset};
use super::table::KEYS;
use super::values::preset_text;

const INTRODUCTION: &str = "\
# Configuration

<!-- Written from src/config/table.rs by `UPDATE=1 cargo test --lib config`. Do not edit. -->

Pharos runs without any configuration. What is set is taken from four places; the later wins:
the defaults below, a YAML file (`--config.file` or `PHAROS_CONFIG_FILE`), environment variables,
flags.

- A key's **flag** is its name with dashes: `storage.disk_reserve_bytes` is
  `--storage.disk-reserve-bytes`. Its **variable** stands in the tables. Lists exist only in the
  file. An empty variable counts as not set.
- In the **file**, dots are nesting:

  ```yaml
  storage:
    path: /var/lib/pharos
    retention: {age: 30d, bytes: 100GiB}
  ```

- **Sizes** are `1048576`, `64MiB` or `10GB`; **durations** are `30s`, `12h`, `15d` or `1d12h`.
  Where a default is *none* or the text says so, the word `none` takes the value away.
- **Files** named in the file are relative to its directory; `storage.path` is relative to the
  working directory.
- An unknown key, a key given twice, an alias or a wrong value is an error that names file, line
  and key; Pharos then exits with code 64 and has touched nothing.
- **Secrets** are never printed: they show as `<secret>`.

`pharos check-config [FILE]` finds all mistakes at once; `pharos config` prints what is in force
and where each value came from.
";

/// The whole file.
pub fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut section = "";
    for key in KEYS {
        let current = key.name.split_once('.').map_or("general", |(section, _)| section);
        if current != section {
            section = current;
            text.push_str(&format!("\n## {section}\n\n"));
            text.push_str("| key | type | default | variable | meaning |\n");
            text.push_str("|---|---|---|---|---|\n");
        }
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            key.name,
            shape(key),
            default(key),
            if key.kind.is_scalar() { format!("`{}`", key.variable()) } else { "".to_owned() },
            key.doc,
        ));
    }
    for key in KEYS {
        let Kind::Rows(table) = key.kind else { continue };
        text.push_str(&format!("\n## One row of `{}`\n\n", key.name));
        text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in table {
            let (shape, default) = (shape(key), default(key));
            text.push_str(&format!("| `{}` | {shape} | {default} | {} |\n", key.name, key.doc));
        }
    }
    text
}

fn shape(key: &Key) -> String {
    let shape = key.kind.shape().replace('|', ", ");
    let bounds = match &key.kind {
        Kind::Bytes { min, max } => {
            Some((super::units::write_bytes(*min), super::units::write_bytes(*max)))
        }
        Kind::Duration { min, max } => {
            Some((super::units::write_duration(*min), super::units::write_duration(*max)))
        }
        Kind::Count { min, max } => Some((min.to_string(), max.to_string())),
        Kind::Decimal { min, max } => Some((min.to_string(), max.to_string())),
        _ => None,
    };
    bounds.map_or(shape.clone(), |(min, max)| format!("{shape}, {min} to {max}"))
}

fn default(key: &Key) -> String {
    match (preset_text(key), key.preset) {
        (Some(text), _) => format!("`{text}`"),
        (None, Preset::Required) => "required".to_owned(),
        (None, Preset::Absent) => "none".to_owned(),
        (None, _) => "empty".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == document(), "{path} is stale: UPDATE=1 cargo test --lib config");
    }
}
