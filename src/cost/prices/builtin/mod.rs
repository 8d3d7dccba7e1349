//! The built-in table: list prices of common models, in USD per million tokens, as their makers
//! publish them. One file a group of providers; the day on which they were known is [`KNOWN_AT`].
//!
//! What is not in here is unpriced until a price file says it. Names that come to mean another
//! model (`mistral-large-latest`) are left out, and so is what depends on more than tokens and
//! tiers.

mod anthropic;
mod google;
mod hosted;
mod openai;

use super::line::{Band, Kinds, Line, Period, Source};
use crate::model::ServiceTier;

/// The day on which these prices were known.
pub const KNOWN_AT: &str = "2026-02-15";

/// Femtodollars a token in a dollar a million tokens.
const PER_USD_A_MILLION: f64 = 1e9;

/// A model, or several with the same prices, at one provider or several.
#[derive(Debug, Clone, Copy)]
struct Model {
    /// Where, the maker first.
    providers: &'static [&'static str],
    names: &'static [&'static str],
    prices: &'static [Since],
}

/// Prices from a day on; an empty day is since ever.
#[derive(Debug, Clone, Copy)]
struct Since {
    day: &'static str,
    base: Usd,
    /// For prompts above so many tokens.
    longer: Option<(u64, Usd)>,
    /// Half price in batches, as most makers have it.
    batch: bool,
    flex: Option<Usd>,
    priority: Option<Usd>,
    reads_only: bool,
}

/// USD a million tokens; what is negative is not known.
#[derive(Debug, Clone, Copy)]
struct Usd {
    input: f64,
    output: f64,
    cached: f64,
    write: f64,
    write_1h: f64,
}

const NOT_KNOWN: f64 = -1.0;

/// Prompt and completion.
const fn usd(input: f64, output: f64) -> Usd {
    Usd { input, output, cached: NOT_KNOWN, write: NOT_KNOWN, write_1h: NOT_KNOWN }
}

impl Usd {
    /// Cached tokens of a provider that caches by itself: writing costs what reading the prompt
    /// does.
    const fn cached(self, cached: f64) -> Self {
        Self { cached, write: self.input, ..self }
    }

    /// Tokens that are written to the cache and read from it by order of the caller.
    const fn cache(self, cached: f64, write: f64, write_1h: f64) -> Self {
        Self { cached, write, write_1h, ..self }
    }

    const fn ever(self) -> Since {
        self.since("")
    }

    const fn since(self, day: &'static str) -> Since {
        Since {
            day,
            base: self,
            longer: None,
            batch: false,
            flex: None,
            priority: None,
            reads_only: false,
        }
    }

    fn kinds(self, part: f64) -> Kinds {
        let price =
            |usd: f64| (usd >= 0.0).then_some((usd * part * PER_USD_A_MILLION).round() as u64);
        Kinds {
            input: price(self.input),
            output: price(self.output),
            cached: price(self.cached),
            cache_write: price(self.write),
            cache_write_1h: price(self.write_1h),
            reasoning: None,
        }
    }
}

impl Since {
    const fn longer(self, above: u64, usd: Usd) -> Self {
        Self { longer: Some((above, usd)), ..self }
    }

    const fn batch(self) -> Self {
        Self { batch: true, ..self }
    }

    const fn flex(self, usd: Usd) -> Self {
        Self { flex: Some(usd), ..self }
    }

    const fn priority(self, usd: Usd) -> Self {
        Self { priority: Some(usd), ..self }
    }

    const fn reads_only(self) -> Self {
        Self { reads_only: true, ..self }
    }

    fn period(&self) -> Period {
        let band = |tier, above, kinds| Band { tier, above, kinds };
        let mut bands = vec![band(ServiceTier::Standard, 0, self.base.kinds(1.0))];
        if let Some((above, longer)) = self.longer {
            bands.push(band(ServiceTier::Standard, above, longer.kinds(1.0)));
        }
        if self.batch {
            bands.push(band(ServiceTier::Batch, 0, self.base.kinds(0.5)));
            if let Some((above, longer)) = self.longer {
                bands.push(band(ServiceTier::Batch, above, longer.kinds(0.5)));
            }
        }
        for (tier, usd) in [(ServiceTier::Flex, self.flex), (ServiceTier::Priority, self.priority)]
        {
            bands.extend(usd.map(|usd| band(tier, 0, usd.kinds(1.0))));
        }
        let mut period = Period {
            from_ns: day_ns(self.day),
            source: Source::BuiltIn,
            bands,
            reads_only: self.reads_only,
            beyond_tokens: Vec::new(),
        };
        period.complete();
        period
    }
}

/// All lines of the table.
pub(super) fn lines() -> Vec<Line> {
    let tables = [openai::MODELS, anthropic::MODELS, google::MODELS, hosted::MODELS];
    let mut lines = Vec::new();
    for model in tables.into_iter().flatten() {
        let periods: Vec<Period> = model.prices.iter().map(Since::period).collect();
        for (place, provider) in model.providers.iter().enumerate() {
            lines.extend(model.names.iter().map(|name| Line {
                provider: (*provider).to_owned(),
                model: (*name).to_owned(),
                // Who serves the models of others is not meant by a model's bare name.
                maker: place == 0 && *provider != "groq",
                periods: periods.clone(),
            }));
        }
    }
    lines.extend(anthropic::regional());
    lines
}

/// The first moment of [`KNOWN_AT`], in nanoseconds since the Unix epoch.
pub(super) fn known_at_ns() -> u64 {
    day_ns(KNOWN_AT)
}

fn day_ns(day: &str) -> u64 {
    let at = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>();
    at.ok().and_then(|at| u64::try_from(at.as_nanosecond()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_line_stands_once_and_makes_sense() {
        let mut seen = HashSet::new();
        for line in lines() {
            assert!(seen.insert((line.provider.clone(), line.model.clone())), "{line:?}");
            assert_eq!(line.model, line.model.to_ascii_lowercase());
            assert!(line.periods.windows(2).all(|two| two[0].from_ns < two[1].from_ns));
            assert_eq!(line.periods[0].from_ns, 0, "{}", line.model);
            for band in line.periods.iter().flat_map(|period| &period.bands) {
                let kinds = &band.kinds;
                let input = kinds.input.unwrap();
                assert!(
                    kinds.output.is_some_and(|output| output >= input
                        || input < 2_000_000_000
                        || output == 0),
                    "{}",
                    line.model
                );
                assert!(kinds.cached.is_none_or(|cached| cached <= input), "{}", line.model);
                assert!(kinds.cache_write.is_none_or(|write| write >= input), "{}", line.model);
                assert!(
                    kinds.cache_write_1h >= kinds.cache_write || kinds.cache_write_1h.is_none()
                );
            }
        }
        assert!(seen.len() > 200, "{}", seen.len());
        assert!(known_at_ns() > 0);
    }

    #[test]
    fn every_day_is_a_day() {
        for table in [openai::MODELS, anthropic::MODELS, google::MODELS, hosted::MODELS] {
            for since in table.iter().flat_map(|model| model.prices) {
                assert!(since.day.is_empty() || day_ns(since.day) > 0, "{}", since.day);
            }
        }
    }
}
