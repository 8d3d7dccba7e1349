//! The rules about single files, each with a snippet that breaks it and one that keeps it.

use std::sync::LazyLock;

use super::source::Source;

/// Lines of code that ship, in one file.
const FILE_LINES: usize = 500;
/// Lines of a file that holds only tests.
const TEST_FILE_LINES: usize = 1_000;
const FUNCTION_LINES: usize = 70;
const COLUMNS: usize = 100;
const MAIN_LINES: usize = 130;
const BANNED_NAMES: [&str; 12] = [
    "util", "utils", "helper", "helpers", "common", "misc", "types", "enums", "structs", "traits",
    "shared", "base",
];

type Finding = (usize, String);

/// One rule of the house style.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&Source) -> Vec<Finding>,
    /// Path, text, and the line that must be found.
    pub(crate) bad: (&'static str, &'static str, usize),
    pub(crate) good: (&'static str, &'static str),
}

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "file length",
        check: file_length,
        bad: ("src/main.rs", LONG_MAIN, 131),
        good: ("src/long.rs", LONG_MAIN),
    },
    Rule {
        name: "function length",
        check: function_length,
        bad: ("src/a.rs", LONG_FUNCTION, 2),
        good: ("tests/a.rs", LONG_FUNCTION),
    },
    Rule {
        name: "columns",
        check: columns,
        bad: (
            "src/a.rs",
            "//! x\n// 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n",
            2,
        ),
        good: (
            "src/a.rs",
            "//! x\n// See https://example.org/0123456789012345678901234567890123456789012345678901234567890123456789\n",
        ),
    },
    Rule {
        name: "banned name",
        check: banned_name,
        bad: ("src/api/utils.rs", "//! x\n", 1),
        good: ("src/api/router.rs", "//! x\n"),
    },
    Rule {
        name: "module docs",
        check: module_docs,
        bad: ("src/a.rs", "use std::fmt;\n", 1),
        good: ("src/a.rs", "#![expect(x, reason = \"y\")]\n//! What this is.\n"),
    },
    Rule {
        name: "left over",
        check: left_over,
        bad: ("tests/a.rs", "//! x\n// TODO: later\n", 2),
        good: ("src/a.rs", "//! x\nlet todos = \"a TODO list\";\n"),
    },
    Rule {
        name: "unwrap",
        check: unwrap,
        bad: ("src/a.rs", "//! x\nlet a = b.unwrap();\n", 2),
        good: ("src/a.rs", "//! x\n#[cfg(test)]\nmod tests {\n    fn a() { b.unwrap(); }\n}\n"),
    },
    Rule {
        name: "expect",
        check: expect,
        bad: ("src/a.rs", "//! x\nlet a = b.expect(\"failed\");\n", 2),
        good: ("src/a.rs", "//! x\nlet a = b.expect(\"a split has one part\");\n"),
    },
    Rule {
        name: "print",
        check: print,
        bad: ("src/a.rs", "//! x\neprintln!(\"x\");\n", 2),
        good: ("src/a.rs", "//! x\nwriteln!(f, \"println!\");\n"),
    },
    Rule {
        name: "metric name",
        check: metric_name,
        bad: ("src/api/a.rs", "//! x\nlet a = \"llm_requests_total\";\n", 2),
        good: ("src/metrics/catalog/a.rs", "//! x\nlet a = \"llm_requests_total\";\n"),
    },
    Rule {
        name: "log message",
        check: log_message,
        bad: ("src/a.rs", "//! x\ntracing::warn!(\n    \"it failed: {error}\"\n);\n", 3),
        good: (
            "src/a.rs",
            "//! x\nwarn!(%error, \"It could not be sent.\");\ninfo!(a = \"b\", \"Ok.\");\n",
        ),
    },
];

const LONG_MAIN: &str = concat!(
    "//! x\n",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
);

const LONG_FUNCTION: &str = concat!(
    "//! x\n",
    "fn long() {\n",
    "a();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\n",
    "a();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\n",
    "a();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\n",
    "a();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\na();\n",
    "a();\na();\na();\na();\na();\na();\na();\na();\n",
    "}\n",
);

fn file_length(source: &Source) -> Vec<Finding> {
    let shipped = source.shipped().count();
    let most = if source.path == "src/main.rs" { MAIN_LINES } else { FILE_LINES };
    let tests = source.lines.len() - shipped;
    let mut found = Vec::new();
    if shipped > most {
        found.push((most + 1, format!("{shipped} lines without tests, at most {most}")));
    }
    if shipped == 0 && tests > TEST_FILE_LINES {
        found.push((1, format!("{tests} lines of tests, at most {TEST_FILE_LINES}")));
    }
    found
}

/// Lines with code in them, from the `fn` to its closing brace.
fn function_length(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    // Functions whose end has not come yet: line, depth of braces outside, lines so far.
    let mut open: Vec<(usize, i32, usize)> = Vec::new();
    let mut depth = 0;
    for (line, code) in (1..).zip(&source.code) {
        let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let begins =
            words.contains(&"fn") && code.contains('(') && !code.trim_start().starts_with("type");
        if begins && !source.is_test(line) {
            open.push((line, depth, 0));
        }
        let content = !code.trim().is_empty();
        open.iter_mut().for_each(|(_, _, lines)| *lines += usize::from(content));
        for character in code.chars() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            let ends = matches!(character, '}' | ';');
            if let Some((start, outside, lines)) = open.last().copied()
                && ends
                && depth == outside
            {
                open.pop();
                if lines > FUNCTION_LINES {
                    found.push((start, format!("{lines} lines, at most {FUNCTION_LINES}")));
                }
            }
        }
    }
    found
}

fn columns(source: &Source) -> Vec<Finding> {
    let numbered = (1..).zip(&source.lines);
    numbered
        // A URL and the path of an import cannot be broken.
        .filter(|(_, line)| line.chars().count() > COLUMNS && !line.contains("://"))
        .filter(|(_, line)| !(line.starts_with("use ") && line.ends_with(';')))
        // Snippets of this checker stand on one line on purpose.
        .filter(|_| source.path != "tests/tidy/rules.rs")
        .map(|(number, line)| (number, format!("{} columns", line.chars().count())))
        .collect()
}

fn banned_name(source: &Source) -> Vec<Finding> {
    let parts = source.path.trim_end_matches(".rs").split('/');
    parts
        .filter(|part| BANNED_NAMES.contains(part))
        .map(|part| (1, format!("{part} says nothing; name the concept")))
        .collect()
}

fn module_docs(source: &Source) -> Vec<Finding> {
    let first =
        source.lines.iter().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    let documented = first.is_some_and(|line| line.starts_with("//! "));
    if documented { Vec::new() } else { vec![(1, "say in //! what this file is".to_owned())] }
}

fn left_over(source: &Source) -> Vec<Finding> {
    if source.path == "tests/tidy/rules.rs" {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, (line, code)) in (1..).zip(source.lines.iter().zip(&source.code)) {
        let comment = line.find("//").map_or("", |at| &line[at..]);
        for word in ["TODO", "FIXME", "XXX", "HACK"] {
            let in_comment = comment.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
            if in_comment && !code.contains("//") && !code.contains('"') {
                found.push((number, format!("{word}: do it or write an issue")));
            }
        }
        for name in ["todo!", "unimplemented!", "dbg!"] {
            if calls(code, name) {
                found.push((number, format!("{name} is left over")));
            }
        }
    }
    found
}

fn unwrap(source: &Source) -> Vec<Finding> {
    let found = source
        .shipped()
        .filter(|(_, code)| code.contains(".unwrap()") || code.contains(".unwrap_err()"));
    found.map(|(line, _)| (line, "say with expect() why it cannot fail".to_owned())).collect()
}

fn expect(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, code) in source.shipped().filter(|(_, code)| code.contains(".expect(\"")) {
        let nth = code[..code.find(".expect(\"").expect("just found")].matches('"').count();
        let mut here = source.literals.iter().filter(|(at, _)| *at == line);
        let Some((_, reason)) = here.nth(nth) else { continue };
        if reason.split_whitespace().count() < 3 {
            found.push((line, format!("{reason:?} does not say why it cannot fail")));
        }
    }
    found
}

fn print(source: &Source) -> Vec<Finding> {
    let macros = ["println!", "print!", "eprintln!", "eprint!"];
    let found = source.shipped().filter(|(_, code)| macros.iter().any(|name| calls(code, name)));
    found
        .map(|(line, _)| {
            (line, "only src/cli/output.rs and tracing write to the outside".to_owned())
        })
        .collect()
}

/// The names of the reference, which is generated from the catalog.
static METRIC_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).filter(|name| name.contains('_')).collect()
});

fn metric_name(source: &Source) -> Vec<Finding> {
    if source.path.starts_with("src/metrics/") {
        return Vec::new();
    }
    let shipped = source.literals.iter().filter(|(line, _)| !source.is_test(*line));
    let name = |text: &str| text.split(['{', '(']).next().unwrap_or_default().to_owned();
    shipped
        .map(|(line, text)| (*line, name(text)))
        .filter(|(_, name)| METRIC_NAMES.contains(name))
        .map(|(line, name)| (line, format!("{name} belongs to src/metrics/catalog")))
        .collect()
}

/// The message is the last literal of the macro: a sentence; facts are fields.
fn log_message(source: &Source) -> Vec<Finding> {
    let text = source.code.join("\n");
    let mut found = Vec::new();
    for name in ["trace!(", "debug!(", "info!(", "warn!(", "error!("] {
        for (at, _) in text.match_indices(name) {
            let before = text[..at].chars().next_back();
            let line = text[..at].matches('\n').count() + 1;
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || source.is_test(line) {
                continue;
            }
            let inside = arguments(&text[at + name.len()..]);
            let Some(last) = inside.rfind('"') else { continue };
            let nth = text[..at + name.len() + last].matches('"').count();
            let Some((line, message)) = source.literals.get(nth) else { continue };
            let sentence = message.starts_with(|c: char| c.is_uppercase() || c == '/')
                && message.ends_with('.')
                && !message.contains('{');
            if !sentence && inside[last + 1..].trim().trim_end_matches(',').is_empty() {
                found.push((*line, format!("{message:?} is not a constant sentence")));
            }
        }
    }
    found
}

fn arguments(rest: &str) -> &str {
    let mut depth = 1;
    for (at, character) in rest.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &rest[..at];
        }
    }
    rest
}

/// Whether the code calls the macro, and not one whose name ends alike.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// One title, and relative links that lead somewhere.
pub(crate) fn markdown(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut titles = 0;
    let mut fenced = false;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for (number, line) in (1..).zip(text.lines()) {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        titles += usize::from(line.starts_with("# "));
        for link in line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let target =
                if folder.is_empty() { link.to_owned() } else { format!("{folder}/{link}") };
            if !link.is_empty() && !link.contains(':') && !exists(&target) {
                found.push(format!("{path}:{number}: link: {link} leads nowhere"));
            }
        }
    }
    if titles != 1 {
        found.push(format!("{path}:1: title: {titles} lines begin with \"# \", not one"));
    }
    found
}

#[test]
fn markdown_is_looked_at() {
    let text =
        "# One\n[a](there.md) [b](gone.md#x) [c](https://example.org)\n```\n# no\n```\n# Two\n";
    let found = markdown("docs/x.md", text, &|target| target == "docs/there.md");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("docs/x.md:2:") && found[1].contains("2 lines"));
}
