//! One model of a price file.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::Place;
use super::fields::{Field, Kind};
use crate::cost::prices::line::{Band, Kinds, Period, Source};
use crate::limits;
use crate::model::ServiceTier;

/// Prices in a file are in USD a token; ours are in 10^-15 USD.
const PER_USD: f64 = 1e15;

/// Prices that one object tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) provider: Option<String>,
    from_ns: u64,
    bands: Vec<Band>,
    reads_only: bool,
    beyond_tokens: Vec<String>,
}

impl Entry {
    /// As a period of a line.
    pub(super) fn period(&self, source: Source) -> Period {
        let mut period = Period {
            from_ns: self.from_ns,
            source,
            bands: self.bands.clone(),
            reads_only: self.reads_only,
            beyond_tokens: self.beyond_tokens.clone(),
        };
        period.complete();
        period
    }

    fn set(&mut self, kind: Kind, above: u64, tier: ServiceTier, price: u64) -> Result<(), String> {
        let place = self.bands.iter().position(|it| it.tier == tier && it.above == above);
        let place = place.unwrap_or_else(|| {
            self.bands.push(Band { tier, above, kinds: Kinds::default() });
            self.bands.len() - 1
        });
        let kinds = &mut self.bands[place].kinds;
        let known = match kind {
            Kind::Input => &mut kinds.input,
            Kind::Output => &mut kinds.output,
            Kind::Cached => &mut kinds.cached,
            Kind::CacheWrite => &mut kinds.cache_write,
            Kind::CacheWrite1h => &mut kinds.cache_write_1h,
            Kind::Reasoning => &mut kinds.reasoning,
        };
        match known.replace(price) {
            Some(before) if before != price => {
                Err("this price stands there already, and is another one".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Reads the value of a model: an object, or a list of them.
pub(super) struct Entries<'p> {
    pub(super) at: &'p Place,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of prices, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(vec![OneEntry { at: self.at }.visit_map(map)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(entry) = list.next_element_seed(OneEntry { at: self.at })? {
            if entries.iter().any(|other| other.from_ns == entry.from_ns) {
                self.at.field("pharos_from");
                return Err(A::Error::custom("two prices begin at the same time"));
            }
            if entries.iter().any(|other| other.provider != entry.provider) {
                self.at.field("litellm_provider");
                return Err(A::Error::custom("the providers of one model differ"));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(A::Error::custom("the list is empty"));
        }
        Ok(entries)
    }
}

struct OneEntry<'p> {
    at: &'p Place,
}

impl<'de> DeserializeSeed<'de> for OneEntry<'_> {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Entry, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneEntry<'_> {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of prices")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entry = Entry::default();
        while let Some(name) = map.next_key::<String>()? {
            self.at.field(&name);
            match Field::of(&name) {
                Field::Price(kind, above, tier) => {
                    if let Some(price) = map.next_value_seed(Price)? {
                        entry.set(kind, above, tier, price).map_err(A::Error::custom)?;
                    }
                }
                Field::Provider => entry.provider = map.next_value_seed(Text)?,
                Field::Mode => {
                    let mode = map.next_value_seed(Text)?;
                    let mode = mode.as_deref();
                    entry.reads_only = matches!(mode, Some("embedding" | "rerank" | "moderation"));
                }
                Field::From => {
                    let text = map.next_value_seed(Text)?.unwrap_or_default();
                    entry.from_ns = moment(&text).ok_or_else(|| {
                        A::Error::custom("must be a day such as \"2026-11-01\", in UTC")
                    })?;
                }
                Field::Beyond => {
                    map.next_value::<IgnoredAny>()?;
                    entry.beyond_tokens.push(name);
                }
                Field::Unknown => {
                    return Err(A::Error::custom("there is no such word: try pharos_from"));
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
            self.at.in_model();
        }
        entry.bands.sort_by_key(|band| (band.tier, band.above));
        Ok(entry)
    }
}

/// The first moment of a day, or a moment, in nanoseconds since the Unix epoch.
fn moment(text: &str) -> Option<u64> {
    let at: jiff::Timestamp = match text.len() {
        10 => format!("{text}T00:00:00Z").parse().ok()?,
        _ => text.parse().ok()?,
    };
    u64::try_from(at.as_nanosecond()).ok().filter(|at| *at > 0)
}

/// A price in 10^-15 USD; `None` for `null`.
struct Price;

impl<'de> DeserializeSeed<'de> for Price {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Price {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of USD a token")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, price: u64) -> Result<Self::Value, E> {
        self.visit_f64(price as f64)
    }

    fn visit_i64<E: Error>(self, price: i64) -> Result<Self::Value, E> {
        self.visit_f64(price as f64)
    }

    fn visit_f64<E: Error>(self, price: f64) -> Result<Self::Value, E> {
        if price.is_nan() || price < 0.0 {
            return Err(E::custom(format!("{price} is negative: a price is at least 0")));
        }
        if price > limits::TOKEN_PRICE_USD {
            let most = limits::TOKEN_PRICE_USD;
            return Err(E::custom(format!(
                "{price} USD a token is more than {most}: prices are for one token, not a million"
            )));
        }
        Ok(Some((price * PER_USD).round() as u64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let shown = &text[..text.floor_char_boundary(40)];
        Err(E::custom(format!("must be a number, and is the text {shown:?}")))
    }
}

/// A short text; `None` for `null`.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.len() > limits::PRICE_NAME_BYTES {
            let most = limits::PRICE_NAME_BYTES;
            return Err(E::custom(format!("a name has at most {most} bytes")));
        }
        Ok(Some(text.to_owned()))
    }
}
