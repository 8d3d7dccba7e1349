//! Whether two calls of a tool are the same: a digest of its name and its arguments.
//!
//! Arguments are compared as JSON, so that neither white space nor the order of an object's keys
//! makes a difference; what is no JSON is compared as it is. The text itself is kept nowhere.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher as _};

use foldhash::quality::FixedState;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits;

/// The digest of a call. The same in every process, because it is part of the snapshot.
pub(super) fn of_call(tool: &str, arguments: &str) -> u64 {
    mix((tool, of_arguments(arguments)))
}

fn of_arguments(text: &str) -> u64 {
    let text = text.trim();
    let read = (text.len() <= limits::WATCH_ARGUMENT_BYTES).then(|| serde_json::from_str(text));
    match read {
        Some(Ok(Digest(digest))) => digest,
        _ => mix(("plain", text)),
    }
}

fn mix(value: impl Hash) -> u64 {
    FixedState::with_seed(0x7068_6172_6f73).hash_one(value)
}

/// The digest of a JSON value, made while it is read.
struct Digest(u64);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Digester).map(Self)
    }
}

struct Digester;

impl<'de> DeserializeSeed<'de> for Digester {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Digester {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(mix("null"))
    }

    fn visit_bool<E>(self, value: bool) -> Result<u64, E> {
        Ok(mix(("bool", value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<u64, E> {
        Ok(mix(("int", i128::from(value))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<u64, E> {
        Ok(mix(("int", i128::from(value))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<u64, E> {
        // 2.0 and 2 are the same number; beyond 2^53 doubles no longer tell whole ones apart.
        if value.fract() == 0.0 && value.abs() < 9e15 {
            return Ok(mix(("int", value as i128)));
        }
        Ok(mix(("double", value.to_bits())))
    }

    fn visit_str<E>(self, value: &str) -> Result<u64, E> {
        Ok(mix(("text", value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut digest = mix("list");
        while let Some(item) = items.next_element_seed(Digester)? {
            digest = mix((digest, item));
        }
        Ok(digest)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        // A sum, because the order of keys says nothing.
        let mut sum = 0_u64;
        while let Some(key) = entries.next_key_seed(Digester)? {
            sum = sum.wrapping_add(mix((key, entries.next_value_seed(Digester)?)));
        }
        let mut hasher = FixedState::with_seed(0x7068_6172_6f73).build_hasher();
        hasher.write(b"object");
        hasher.write_u64(sum);
        Ok(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_arguments_have_one_digest() {
        for (one, other) in [
            (r#"{"a":1,"b":[1,2]}"#, " { \"b\": [1, 2],\n \"a\": 1.0 }"),
            (r#"{"a":{"x":null,"y":"é"}}"#, r#"{"a":{"y":"\u00e9","x":null}}"#),
            ("id=7", " id=7\n"),
            ("", " "),
            ("-0", "0.0"),
        ] {
            assert_eq!(of_call("t", one), of_call("t", other), "{one} {other}");
        }
    }

    #[test]
    fn different_arguments_have_different_digests() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let texts = [
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":true}"#,
            r#"{"a":null}"#,
            r#"{"a":1.5}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            "9007199254740992",
            "9007199254740993",
            "1e300",
            "[]",
            "{}",
            "",
            "a",
            "\"a\"",
            "{\"a\":1",
            &deep,
        ];
        let mut digests: Vec<u64> = texts.iter().map(|text| of_call("t", text)).collect();
        digests.push(of_call("u", ""));
        let all = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all);
    }
}
