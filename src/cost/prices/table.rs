//! The prices that hold at one moment, by provider and model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::line::{Line, Period, Source};
use super::memo::Memo;
use super::{names, resolve};

/// A table of prices. It never changes; a new one takes its place.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Line>,
    /// Lines by provider and by name in lower case.
    by_name: BTreeMap<String, BTreeMap<String, u32>>,
    /// Lines of makers by name, for calls that do not say who served them; `None` where two
    /// makers ask for different prices.
    by_maker: BTreeMap<String, Option<u32>>,
    version: u64,
    bytes: u64,
    memo: Memo,
}

/// Two sources that say different things of the same time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first} and {second} disagree on the model \"{model}\" of {provider} from {from} on: \
     take it out of one of them, or say \"pharos_from\" where it is a change"
)]
pub struct Disagreement {
    /// The file that stands first in the configuration.
    pub first: String,
    /// The other one.
    pub second: String,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Since when both speak, as a date.
    pub from: String,
}

impl Table {
    /// Puts sources together: the built-in lines, and over them those of each file, named by
    /// `files`. A file's prices replace what is built in from the moment on for which they are
    /// said, which is always unless they say so. Files must agree with one another.
    ///
    /// # Errors
    /// Where two files say different things of the same model and time.
    pub fn of(
        builtin: Vec<Line>,
        files: Vec<(String, Vec<Line>)>,
    ) -> Result<Self, Box<Disagreement>> {
        let mut configured: BTreeMap<(String, String), Line> = BTreeMap::new();
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        for line in files.into_iter().flat_map(|(_, lines)| lines) {
            let key = (line.provider.clone(), line.model.to_ascii_lowercase());
            match configured.get_mut(&key) {
                Some(known) => unite(known, line, &paths)?,
                None => drop(configured.insert(key, line)),
            }
        }
        let mut lines = configured;
        for line in builtin {
            let key = (line.provider.clone(), line.model.to_ascii_lowercase());
            match lines.get_mut(&key) {
                Some(over) => put_under(over, line),
                None => drop(lines.insert(key, line)),
            }
        }
        Ok(Self::index(lines.into_values().collect()))
    }

    fn index(lines: Vec<Line>) -> Self {
        let mut table = Self::default();
        let mut shorter = Vec::new();
        for (number, line) in (0_u32..).zip(&lines) {
            let name = line.model.to_ascii_lowercase();
            if let Some(short) = names::short(&name) {
                shorter.push((line.provider.clone(), short.to_owned(), number));
            }
            if line.maker {
                let same = |other: u32| lines[other as usize].periods == line.periods;
                let at = table.by_maker.entry(name.clone()).or_insert(Some(number));
                *at = at.filter(|other| same(*other));
            }
            table.by_name.entry(line.provider.clone()).or_default().insert(name, number);
        }
        // What senders' names are cut to, unless it is a name of its own or stands for two.
        let mut unsure = BTreeSet::new();
        for (provider, name, number) in shorter {
            let of_provider = table.by_name.entry(provider.clone()).or_default();
            match of_provider.get(&name) {
                None => drop(of_provider.insert(name, number)),
                Some(other) if lines[*other as usize].model.eq_ignore_ascii_case(&name) => {}
                Some(other) if lines[*other as usize].periods == lines[number as usize].periods => {
                }
                Some(_) => drop(unsure.insert((provider, name))),
            }
        }
        for (provider, name) in unsure {
            table.by_name.entry(provider).or_default().remove(&name);
        }
        let text = canonical(&lines);
        let digest = Sha256::digest(text.as_bytes());
        let version = digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        table.version = u64::max(version, 1);
        table.bytes = text.len() as u64;
        table.lines = lines;
        table
    }

    /// The line of a model as a sender names it, and its number.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Line> {
        let number = self.memo.get(provider, model, || self.look_up(provider, model))?;
        self.lines.get(number as usize)
    }

    fn look_up(&self, provider: &str, model: &str) -> Option<u32> {
        let names = resolve::candidates(provider, model);
        if provider == "unknown" {
            let known = names.iter().find_map(|name| self.by_maker.get(name));
            return known.copied().flatten();
        }
        let of_provider = self.by_name.get(provider)?;
        names.iter().find_map(|name| of_provider.get(name)).copied()
    }

    /// All lines, by provider and model.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A digest of all that it says.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its size, written out.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Adds what another file says of a model to what the files before it said.
fn unite(known: &mut Line, line: Line, paths: &[String]) -> Result<(), Box<Disagreement>> {
    known.maker |= line.maker;
    for period in line.periods {
        let place = known.periods.iter().find(|it| it.from_ns == period.from_ns);
        match place {
            Some(other) if other.agrees(&period) => {}
            Some(other) => {
                let path = |source| match source {
                    Source::File(at) => paths.get(usize::from(at)).cloned().unwrap_or_default(),
                    Source::BuiltIn => "the built-in table".to_owned(),
                };
                return Err(Box::new(Disagreement {
                    first: path(other.source),
                    second: path(period.source),
                    provider: line.provider,
                    model: line.model,
                    from: date(period.from_ns),
                }));
            }
            None => known.periods.push(period),
        }
    }
    known.periods.sort_by_key(|period| period.from_ns);
    Ok(())
}

/// Puts the built-in periods before the first one of the files: a price without a date corrects
/// all of the past, one with a date leaves it alone.
fn put_under(over: &mut Line, builtin: Line) {
    over.maker |= builtin.maker;
    let first = over.periods.first().map_or(u64::MAX, |period| period.from_ns);
    let past = builtin.periods.into_iter().filter(|period| period.from_ns < first);
    let mut periods: Vec<Period> = past.collect();
    periods.append(&mut over.periods);
    over.periods = periods;
}

/// A moment as people write it; `ever` is without a beginning.
pub(super) fn date(at_ns: u64) -> String {
    let at = i128::from(at_ns);
    match jiff::Timestamp::from_nanosecond(at) {
        _ if at_ns == 0 => "ever".to_owned(),
        Ok(at) => at.to_string(),
        Err(_) => at_ns.to_string(),
    }
}

/// All that a table says, in one order.
fn canonical(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        for period in &line.periods {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{}\t{}\t{}\t{}\t{}",
                line.provider, line.model, line.maker, period.from_ns, period.reads_only
            );
            for band in &period.bands {
                let kinds = &band.kinds;
                let _ = write!(text, "\t{}>{}", band.tier.name(), band.above);
                for price in [
                    kinds.input,
                    kinds.output,
                    kinds.cached,
                    kinds.cache_write,
                    kinds.cache_write_1h,
                    kinds.reasoning,
                ] {
                    let _ = match price {
                        Some(price) => write!(text, " {price}"),
                        None => write!(text, " -"),
                    };
                }
            }
            text.push('\n');
        }
    }
    text
}
