//! `docs/DIALECTS.md`: its tables are written from the ones that are read by.

use std::fmt::Write as _;

use super::vocabulary::{DEPRECATED, meaning};
use crate::semconv::names::tables;

const BEGIN: &str = "<!-- written from the tables: UPDATE=1 cargo test --lib reference -->\n";
const END: &str = "<!-- end -->\n";

fn written() -> String {
    let mut text = String::from("\n### What each name says\n");
    for (dialect, names) in tables() {
        write!(text, "\n#### {dialect}\n\n| attribute | says |\n|---|---|\n").unwrap();
        for (key, _) in names {
            writeln!(text, "| `{key}` | {} |", meaning(key)).unwrap();
        }
    }
    text.push_str("\n### Old names\n\n| attribute | replaced by |\n|---|---|\n");
    for (old, new) in DEPRECATED {
        writeln!(text, "| `{old}` | `{new}` |").unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_reference_of_dialects_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/DIALECTS.md");
    let stored = std::fs::read_to_string(path).unwrap();
    let (head, rest) = stored.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let fresh = format!("{head}{BEGIN}{}{END}{tail}", written());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &fresh).unwrap();
        return;
    }
    assert!(stored == fresh, "{path} is stale: UPDATE=1 cargo test --lib reference");
}
