//! The house style, executed: lengths, names, docs, directions, metric names, bad habits.
//!
//! What clippy can check stands in `Cargo.toml` and `clippy.toml`; here stands the rest. Every
//! rule brings a snippet that it must find something in and one that it must not, so that a rule
//! that has gone blind fails.

#![expect(clippy::unwrap_used, reason = "a checkout that cannot be read should say where")]

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/directions.rs"]
mod directions;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rules::RULES;
use source::Source;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = ["target", "data", "node_modules", "__pycache__", "fixtures", "golden"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with this ending, as a path relative to the repository.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) && !name.starts_with('.') {
                    open.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let paths = ["src", "tests", "benches", "examples", "fuzz"].map(|folder| files(folder, ".rs"));
    let paths: Vec<String> = paths.concat();
    let texts: Vec<String> =
        paths.iter().map(|path| std::fs::read_to_string(root().join(path)).unwrap()).collect();
    let mut sources: Vec<Source> =
        paths.iter().zip(&texts).map(|(path, text)| Source::new(path, text)).collect();
    // A file is test code if the module that declares it says so.
    let declared: BTreeSet<String> = sources.iter().flat_map(Source::test_files).collect();
    for source in &mut sources {
        let within = |file: &String| {
            source.path == *file
                || source.path.starts_with(&format!("{}/", file.trim_end_matches(".rs")))
        };
        if declared.iter().any(within) {
            source.make_test();
        }
    }
    sources
}

fn report(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_house_is_tidy() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources are found");
    let mut findings = Vec::new();
    for source in &sources {
        for rule in RULES {
            for (line, what) in (rule.check)(source) {
                findings.push(format!("{}:{line}: {}: {what}", source.path, rule.name));
            }
        }
    }
    report(&findings);
}

#[test]
fn every_rule_can_fail_and_can_be_kept() {
    for rule in RULES {
        let (path, text, line) = rule.bad;
        let found = (rule.check)(&Source::new(path, text));
        assert!(
            found.iter().any(|(at, _)| *at == line),
            "{} finds nothing in line {line} of its bad snippet, but {found:?}",
            rule.name
        );
        let (path, text) = rule.good;
        let found = (rule.check)(&Source::new(path, text));
        assert!(found.is_empty(), "{} finds {found:?} in its good snippet", rule.name);
    }
}

#[test]
fn modules_import_only_in_the_direction_of_the_flow() {
    let findings: Vec<String> = sources().iter().flat_map(directions::check).collect();
    report(&findings);
    report(&directions::missing_rows(&files("src", ".rs")));
}

#[test]
fn a_module_in_two_forms_is_not_possible() {
    let sources = files("src", ".rs");
    let twice = sources.iter().filter(|path| {
        let folder = path.trim_end_matches(".rs");
        sources.contains(&format!("{folder}/mod.rs"))
            || sources.iter().any(|other| other.starts_with(&format!("{folder}/")))
    });
    report(&twice.map(|path| format!("{path}:1: use the mod.rs form")).collect::<Vec<_>>());
}

#[test]
fn markdown_files_have_one_title_and_working_links() {
    let mut findings = Vec::new();
    for path in files(".", ".md") {
        let path = path.trim_start_matches("./").to_owned();
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        findings.extend(rules::markdown(&path, &text, &|target| root().join(target).exists()));
    }
    report(&findings);
}

#[test]
fn every_folder_of_the_source_answers_its_question_in_the_architecture() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    let mut findings = Vec::new();
    for path in files("src", ".rs") {
        let Some((folder, _)) = path["src/".len()..].split_once('/') else { continue };
        if !text.contains(&format!("`{folder}/`")) {
            findings.push(format!("ARCHITECTURE.md:1: no heading has `{folder}/`"));
        }
    }
    findings.dedup();
    report(&findings);
}

#[test]
fn no_banned_crate_is_locked() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    report(&dependencies::check(&read("deny.toml"), &read("Cargo.lock")));
}

#[test]
fn every_fixture_of_a_bad_configuration_has_its_message() {
    let folder = "tests/fixtures/config/bad";
    let read = std::fs::read_dir(root().join(folder)).unwrap();
    let names: Vec<String> =
        read.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    let alone = names.iter().filter(|name| {
        let twin = name.replace(".yml", ".txt");
        name.ends_with(".yml") && !names.contains(&twin)
            || name.ends_with(".txt") && !names.contains(&name.replace(".txt", ".yml"))
    });
    report(
        &alone.map(|name| format!("{folder}/{name}:1: its twin is missing")).collect::<Vec<_>>(),
    );
}
