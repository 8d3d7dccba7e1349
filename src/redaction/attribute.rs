//! Attributes and their values, the hot path: most of a request's bytes are here.

use super::finding::push_replacement;
use super::gate::Reason;
use super::keys::{Judgement, Role, Secrecy};
use super::walk::Walk;
use crate::limits;
use crate::otlp::wire::{Content, Field, Fields};
use crate::otlp::write;

impl<'a> Walk<'a, '_> {
    /// One `KeyValue`; `depth` is the nesting already behind it. Empty keys are kept: to lose a
    /// value because of an odd key helps nobody.
    pub(super) fn attribute(&mut self, bytes: &'a [u8], depth: usize) -> Result<(), Reason> {
        let (mut key, mut value, mut more) = ("", None, false);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => key = field.content.text()?,
                2 => {
                    more |= value.is_some();
                    value = Some(field.content.bytes()?);
                }
                // `key_strindex`, which only profiles use.
                3 => drop(field.content.varint()?),
                _ => {}
            }
        }
        if key.len() > limits::ATTRIBUTE_KEY_BYTES {
            return Err(Reason::KeyTooLong);
        }
        let Judgement { mut secrecy, role } = self.keys.judge(self.redactor, key);
        match role {
            Role::Alone => {}
            Role::Names(pair) => self.named = value.and_then(|value| self.name(pair, value)),
            Role::Holds(pair) => {
                let named = self.named.filter(|(name, _)| *name == pair);
                secrecy = secrecy.or(named.map(|(_, secrecy)| secrecy));
            }
        }
        if !more {
            return value.map_or(Ok(()), |value| self.keyed_value(secrecy, value, depth));
        }
        // Protobuf merges a repeated message, so that each of them may count.
        for field in Fields::of(bytes) {
            let field = field?;
            if field.number == 2 {
                self.keyed_value(secrecy, field.content.bytes()?, depth)?;
            }
        }
        Ok(())
    }

    /// The secret that this value names, for the value of the same pair behind it.
    fn name(&self, pair: &'a str, bytes: &'a [u8]) -> Option<(&'a str, Secrecy)> {
        let field = Fields::of(bytes).next()?.ok()?;
        let name = (field.number == 1).then(|| field.content.text().ok())??;
        Some((pair, self.redactor.judge(name)?))
    }

    fn keyed_value(
        &mut self,
        secrecy: Option<Secrecy>,
        bytes: &'a [u8],
        depth: usize,
    ) -> Result<(), Reason> {
        match secrecy {
            None => self.value(bytes, depth),
            Some(secrecy) => self.secret_value(secrecy, bytes, depth),
        }
    }

    /// One `AnyValue` under a harmless key.
    pub(super) fn value(&mut self, bytes: &'a [u8], depth: usize) -> Result<(), Reason> {
        if depth > limits::VALUE_DEPTH {
            return Err(Reason::TooDeep);
        }
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => self.text(&field)?,
                5 | 6 => {
                    for item in Fields::of(field.content.bytes()?) {
                        let item = item?;
                        match (field.number, item.number) {
                            (5, 1) => self.value(item.content.bytes()?, depth + 1)?,
                            (6, 1) => self.attribute(item.content.bytes()?, depth + 1)?,
                            _ => {}
                        }
                    }
                }
                7 => self.bytes(&field)?,
                _ => scalar(&field)?,
            }
        }
        Ok(())
    }

    /// One `AnyValue` whose key says that it is a secret: every leaf of it goes.
    fn secret_value(
        &mut self,
        secrecy: Secrecy,
        bytes: &'a [u8],
        depth: usize,
    ) -> Result<(), Reason> {
        if depth > limits::VALUE_DEPTH {
            return Err(Reason::TooDeep);
        }
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 if secrecy.covers(field.content.text()?) => self.conceal(&field, secrecy),
                1 => self.text(&field)?,
                5 | 6 => {
                    for item in Fields::of(field.content.bytes()?) {
                        let item = item?;
                        match (field.number, item.number) {
                            (5, 1) => {
                                self.secret_value(secrecy, item.content.bytes()?, depth + 1)?;
                            }
                            (6, 1) => {
                                self.secret_entry(secrecy, item.content.bytes()?, depth + 1)?;
                            }
                            _ => {}
                        }
                    }
                }
                3 | 4 => {
                    scalar(&field)?;
                    if secrecy.covers_numbers() {
                        self.conceal(&field, secrecy);
                    }
                }
                7 => {
                    field.content.bytes()?;
                    self.conceal(&field, secrecy);
                }
                _ => scalar(&field)?,
            }
        }
        Ok(())
    }

    /// An entry of a map under a secret key.
    fn secret_entry(
        &mut self,
        secrecy: Secrecy,
        bytes: &'a [u8],
        depth: usize,
    ) -> Result<(), Reason> {
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 if field.content.text()?.len() > limits::ATTRIBUTE_KEY_BYTES => {
                    return Err(Reason::KeyTooLong);
                }
                2 => self.secret_value(secrecy, field.content.bytes()?, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts the replacement, as text, in the place of one field of an `AnyValue`.
    fn conceal(&mut self, field: &Field<'a>, secrecy: Secrecy) {
        let mut replacement = String::new();
        push_replacement(&mut replacement, secrecy.rule, &mut self.hits);
        self.edits.replace(self.range(field.raw), |out| {
            write::bytes_field(out, 1, replacement.as_bytes());
        });
    }

    /// Raw bytes are redacted where they are text.
    fn bytes(&mut self, field: &Field<'a>) -> Result<(), Reason> {
        let bytes = field.content.bytes()?;
        if std::str::from_utf8(bytes).is_ok() { self.text(field) } else { Ok(()) }
    }
}

/// Checks the wire type of a value that is neither text nor a collection.
fn scalar(field: &Field<'_>) -> Result<(), Reason> {
    match (field.number, field.content) {
        (2 | 3 | 8, Content::Varint(_)) | (4, Content::Fixed64(_)) => Ok(()),
        (2..=4 | 8, _) => Err(Reason::Malformed),
        _ => Ok(()),
    }
}
