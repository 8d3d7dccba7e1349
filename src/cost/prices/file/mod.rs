//! Price files: LiteLLM's price map, read strictly.
//!
//! An object of models, each an object of facts, of which those that price tokens are read:
//! `input_cost_per_token`, `output_cost_per_token`, `cache_read_input_token_cost`,
//! `cache_creation_input_token_cost` (with `_above_1hr`), `output_cost_per_reasoning_token`, each
//! with `_above_200k_tokens` and the like, and with `_batches`, `_flex` or `_priority`. Prices of
//! other things are told as such. Two words are ours: `pharos_from`, the day from which a price
//! holds, and a list of objects in the place of one, for prices that follow one another.

mod entry;
mod error;
mod fields;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};

pub use self::error::PriceFileError;

use self::entry::{Entries, Entry};
use self::error::Place;
use super::line::{Line, Source};
use super::names;
use crate::limits;

/// What a file says, and what of it prices no tokens.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: Vec<Line>,
    /// Models without any price of a token.
    pub(super) without_tokens: u64,
    /// What is odd and not wrong.
    pub(super) problems: Vec<String>,
}

/// Reads a file's bytes. `place` is its place among the configured files.
pub(super) fn read(path: &str, bytes: &[u8], place: u16) -> Result<Read, PriceFileError> {
    let at = Place::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let models = serde::Deserializer::deserialize_map(&mut json, Models { at: &at });
    let models = models.and_then(|models| json.end().map(|()| models));
    let models = models.map_err(|error| PriceFileError::of(path, &at, &error))?;
    let mut read = Read::default();
    let mut by_name: BTreeMap<(String, String), (bool, Line)> = BTreeMap::new();
    for (key, entries) in models {
        let said = entries.iter().find_map(|entry| entry.provider.as_deref());
        let (provider, model, prefixed) = names::split(&key, said);
        let mut line = Line {
            provider: provider.into_owned(),
            model: model.to_owned(),
            maker: !prefixed,
            periods: Vec::with_capacity(entries.len()),
        };
        line.periods.extend(entries.iter().map(|entry| entry.period(Source::File(place))));
        line.periods.retain(|period| !period.bands.is_empty());
        line.periods.sort_by_key(|period| period.from_ns);
        if line.periods.is_empty() {
            read.without_tokens += 1;
            continue;
        }
        let name = (line.provider.clone(), line.model.to_ascii_lowercase());
        join(&mut by_name, name, (prefixed, line), &mut read.problems);
    }
    read.lines = by_name.into_values().map(|(_, line)| line).collect();
    Ok(read)
}

/// Of two keys of one model, with and without its provider before it, the one with it speaks.
fn join(
    by_name: &mut BTreeMap<(String, String), (bool, Line)>,
    name: (String, String),
    (prefixed, line): (bool, Line),
    problems: &mut Vec<String>,
) {
    let Some((known_prefixed, known)) = by_name.get_mut(&name) else {
        by_name.insert(name, (prefixed, line));
        return;
    };
    let same = known.periods.len() == line.periods.len()
        && known.periods.iter().zip(&line.periods).all(|(one, other)| one.agrees(other));
    let maker = known.maker || line.maker;
    if !same && problems.len() < limits::PRICE_PROBLEMS {
        let (provider, model) = &name;
        problems.push(format!(
            "two keys of the model {model} of {provider} differ: the one with the provider in it \
             holds"
        ));
    }
    if prefixed && !*known_prefixed {
        *known = line;
        *known_prefixed = true;
    }
    known.maker = maker;
}

/// Reads the object of models.
struct Models<'p> {
    at: &'p Place,
}

impl<'de> Visitor<'de> for Models<'_> {
    type Value = Vec<(String, Vec<Entry>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut models: Vec<(String, Vec<Entry>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        while let Some(key) = map.next_key::<String>()? {
            self.at.model(&key);
            let entries = Entries { at: self.at }.deserialize_in(&mut map, &key)?;
            let Some(entries) = entries else { continue };
            if key.is_empty() || key.len() > limits::PRICE_NAME_BYTES {
                let most = limits::PRICE_NAME_BYTES;
                return Err(A::Error::custom(format!("a name has 1 to {most} bytes")));
            }
            match places.get(&key) {
                Some(&place) if models[place].1 == entries => continue,
                Some(_) => {
                    return Err(A::Error::custom("the model stands twice, with different prices"));
                }
                None => drop(places.insert(key.clone(), models.len())),
            }
            models.push((key, entries));
            if models.len() > limits::PRICE_FILE_MODELS {
                let most = limits::PRICE_FILE_MODELS;
                return Err(A::Error::custom(format!("more than {most} models")));
            }
            self.at.nowhere();
        }
        Ok(models)
    }
}

impl Entries<'_> {
    /// The value of a model's key; `None` for the key that only explains the format.
    fn deserialize_in<'de, A: MapAccess<'de>>(
        self,
        map: &mut A,
        key: &str,
    ) -> Result<Option<Vec<Entry>>, A::Error> {
        if key == "sample_spec" {
            map.next_value::<serde::de::IgnoredAny>()?;
            return Ok(None);
        }
        map.next_value_seed(self).map(Some)
    }
}
