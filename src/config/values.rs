//! Values by key, each with its origin, and how sections take them as Rust types.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::key::{Key, Preset};
use super::origin::Origin;
use super::secret::Secret;
use super::units;
use super::value::Value;

/// A value and the layer that set it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What is in force, by the name of the key: the whole configuration, or one row of a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    settings: BTreeMap<&'static str, Setting>,
}

impl Values {
    /// The presets of a table. Keys that must be given are missing.
    pub(super) fn presets(table: &'static [Key]) -> Self {
        let mut values = Self::default();
        for key in table {
            if let Some(value) = preset(key) {
                values.set(key.name, value, Origin::Default);
            }
        }
        values
    }

    /// Sets a value over what an earlier layer said.
    pub(super) fn set(&mut self, name: &'static str, value: Value, origin: Origin) {
        self.settings.insert(name, Setting { value, origin });
    }

    /// The value and its origin; `None` for a required key that was not given.
    pub(super) fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }

    /// Where the value came from.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.setting(name).map_or(Origin::Default, |setting| setting.origin.clone())
    }

    /// The value as the type of the field that takes it.
    pub(super) fn get<T: FromValue>(&self, name: &str) -> T {
        self.setting(name)
            .and_then(|setting| T::from_value(&setting.value))
            .unwrap_or_else(|| unreachable!("the table has {name} with the kind of its field"))
    }
}

fn preset(key: &Key) -> Option<Value> {
    let text = match key.preset {
        Preset::Required => return None,
        Preset::Absent => return Some(Value::None),
        Preset::Text(text) | Preset::Optional(text) => text.to_owned(),
        Preset::Number(number) => number.to_string(),
        Preset::Empty => {
            return Some(match key.kind {
                super::key::Kind::Headers => Value::Headers(Vec::new()),
                super::key::Kind::Rows(_) => Value::Rows(Vec::new()),
                _ => Value::Texts(Vec::new()),
            });
        }
    };
    Some(Value::read(&key.kind, &text).expect("a preset is a value of its kind: tested"))
}

/// The preset as people would write it; `None` where there is none.
pub(super) fn preset_text(key: &Key) -> Option<String> {
    match (key.preset, &key.kind) {
        (Preset::Number(number), super::key::Kind::Bytes { .. }) => {
            Some(units::write_bytes(number))
        }
        (Preset::Number(number), _) => Some(number.to_string()),
        (Preset::Text(text) | Preset::Optional(text), _) => Some(text.to_owned()),
        _ => None,
    }
}

/// A Rust type that some kind of value is.
pub(super) trait FromValue: Sized {
    /// `None` where the value is of another kind.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty, $($pattern:pat => $taken:expr),+;)+) => {
        $(impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $($pattern => Some($taken),)+
                    _ => None,
                }
            }
        })+
    };
}

from_value! {
    String, Value::Text(text) => text.clone();
    PathBuf, Value::Path(path) => path.clone();
    SocketAddr, Value::Address(address) => *address;
    Duration, Value::Duration(duration) => *duration;
    u64, Value::Bytes(number) | Value::Count(number) => *number;
    usize, Value::Bytes(number) | Value::Count(number) => usize::try_from(*number).ok()?;
    f64, Value::Decimal(number) => *number;
    bool, Value::Switch(on) => *on;
    &'static str, Value::Word(word) => word;
    Vec<&'static str>, Value::Words(words) => words.clone();
    Vec<String>, Value::Texts(texts) => texts.clone();
    Vec<(String, Secret)>, Value::Headers(headers) => headers.clone();
    Secret, Value::Secret(secret) => secret.clone();
    Vec<Values>, Value::Rows(rows) => rows.clone();
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::None => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
