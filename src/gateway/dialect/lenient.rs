//! JSON as people really send it: a value of the wrong form is no value, and spoils nothing
//! around it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A text; borrowed where it has no escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

/// A count: a whole number that is not negative, also where it is written as `12.0` or `"12"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<u64>);

/// A value, if it has this form.
#[derive(Debug, Clone, Default)]
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl Text<'_> {
    /// The text; empty where there is none.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Words).map(Self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number).map(Self)
    }
}

/// What both visitors do with what they do not look for.
macro_rules! pass_over {
    ($($name:ident($type:ty);)*) => {
        $(fn $name<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(None)
        })*

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    pass_over! { visit_bool(bool); visit_i64(i64); visit_u64(u64); visit_f64(f64); }
}

struct Number;

impl<'de> Visitor<'de> for Number {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
        Ok(whole.then_some(number as u64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.trim().parse().ok())
    }

    pass_over! { visit_bool(bool); visit_i64(i64); }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_another_form_is_nothing() {
        let count = |text: &str| serde_json::from_str::<Count>(text).unwrap().0;
        assert_eq!(count("12"), Some(12));
        assert_eq!(count("12.0"), Some(12));
        assert_eq!(count("\"12\""), Some(12));
        for none in ["-1", "1.5", "null", "true", "[1,[2]]", "{\"a\":{}}", "\"x\"", "1e30"] {
            assert_eq!(count(none), None, "{none}");
        }
        let text = |json: &'static str| serde_json::from_str::<Text<'_>>(json).unwrap().0;
        assert!(matches!(text("\"a\""), Some(Cow::Borrowed("a"))));
        assert_eq!(text("\"a\\n\"").as_deref(), Some("a\n"));
        for none in ["1", "null", "[\"a\"]", "{}", "-2", "0.5", "false"] {
            assert_eq!(text(none), None, "{none}");
        }
        assert!(serde_json::from_str::<Maybe<Vec<u64>>>("{\"a\":1}").unwrap().0.is_none());
    }
}
