//! Why an event was not taken.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::limits;

/// One event that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the body, from 0.
    pub index: usize,
    /// The field that is to blame; empty where it is the event as a whole.
    pub field: String,
    /// What is wrong, in words that follow the name of the field.
    pub reason: String,
    /// Line and column in the body, from 1, where they are known; column 0 is the whole line.
    pub place: Option<(usize, usize)>,
    /// Whether the same event may be taken another time.
    pub again: bool,
}

impl Rejection {
    /// Of an event as a whole.
    pub(super) fn of(reason: &str) -> Self {
        Self::field("", reason)
    }

    /// Of one of the events, without saying which.
    pub fn unnamed(reason: &str) -> Self {
        Self::of(reason)
    }

    /// Of an event that was well and could not be kept.
    pub fn refused(index: usize, reason: &str, again: bool) -> Self {
        Self { index, again, ..Self::of(reason) }
    }

    /// Of one field.
    pub(super) fn field(field: &str, reason: &str) -> Self {
        let cut =
            |text: &str| text[..text.floor_char_boundary(limits::EVENT_SAID_BYTES)].to_owned();
        Self { index: 0, field: cut(field), reason: cut(reason), place: None, again: false }
    }
}

impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        if !self.field.is_empty() {
            map.serialize_entry("field", &self.field)?;
        }
        map.serialize_entry("reason", &self.reason)?;
        if let Some((line, column)) = self.place {
            map.serialize_entry("line", &line)?;
            if column > 0 {
                map.serialize_entry("column", &column)?;
            }
        }
        if self.again {
            map.serialize_entry("retry", &true)?;
        }
        map.end()
    }
}
