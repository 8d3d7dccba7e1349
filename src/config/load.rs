//! The layers, put over one another.

use std::path::{Path, PathBuf};

use super::build::{Builder, read_text_file};
use super::check::check;
use super::effective::{as_json, as_yaml};
use super::file::Reader;
use super::flags::{Flags, Given, from_environment};
use super::origin::{ConfigError, Origin, Problem};
use super::sections::Config;
use super::table::KEYS;
use super::value::Value;
use super::values::Values;

/// A configuration without mistakes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// The same as a YAML file, each line with its origin, secrets as `<secret>`.
    pub effective: String,
    /// The same as JSON, for programs; sizes and durations as in the file.
    pub effective_json: serde_json::Value,
    /// What is allowed but hardly meant; to be logged.
    pub warnings: Vec<String>,
}

/// Reads default, file, environment (`variables`) and flags, and checks them together.
///
/// # Errors
///
/// All mistakes that could be found, not only the first.
pub fn load(flags: &Flags, variables: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let (variable_file, from_variables, warnings) = from_environment(variables);
    let mut values = Values::presets(KEYS);
    let mut problems = Vec::new();
    let file = match (&flags.file, variable_file) {
        (Some(file), _) => Some((file.clone(), Origin::Flag("--config.file".to_owned()))),
        (None, Some(file)) => Some((file, Origin::Variable("PHAROS_CONFIG_FILE".to_owned()))),
        (None, None) => None,
    };
    let mut directory = PathBuf::new();
    if let Some((file, origin)) = file {
        problems.extend(read(&file, origin, &mut values));
        directory = file.parent().map(Path::to_path_buf).unwrap_or_default();
    }
    for given in from_variables.iter().chain(&flags.given) {
        problems.extend(apply(given, &mut values));
    }
    let mut builder = Builder { directory, problems };
    let config = builder.config(&values);
    let mut problems = builder.problems;
    problems.extend(check(&config, &values));
    if problems.is_empty() {
        let (effective, effective_json) = (as_yaml(KEYS, &values), as_json(KEYS, &values));
        return Ok(Loaded { config, effective, effective_json, warnings });
    }
    problems.sort_by_key(|problem| match &problem.origin {
        Origin::File { line, column, .. } => (*line, *column),
        _ => (u64::MAX, 0),
    });
    Err(ConfigError { problems })
}

fn read(file: &Path, origin: Origin, values: &mut Values) -> Vec<Problem> {
    let shown = file.display().to_string();
    match read_text_file(file) {
        Ok(text) => {
            let mut reader = Reader::new(&shown);
            reader.read(&text, KEYS, values);
            reader.problems
        }
        Err(what) => {
            vec![Problem { origin, key: String::new(), what: format!("{shown} {what}") }]
        }
    }
}

fn apply(given: &Given, values: &mut Values) -> Option<Problem> {
    let read = if given.key.may_be_none() && given.text == "none" {
        Ok(Value::None)
    } else {
        Value::read(&given.key.kind, &given.text)
    };
    match read {
        Ok(value) => {
            values.set(given.key.name, value, given.origin.clone());
            None
        }
        Err(what) => Some(Problem { origin: given.origin.clone(), key: String::new(), what }),
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
