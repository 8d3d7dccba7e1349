//! Why a price file cannot be used, and where.

use std::cell::RefCell;
use std::fmt;

/// Where the reader stands.
#[derive(Debug, Default)]
pub(super) struct Place {
    model: RefCell<Option<String>>,
    field: RefCell<Option<String>>,
}

impl Place {
    pub(super) fn model(&self, name: &str) {
        self.model.replace(Some(name.to_owned()));
        self.field.replace(None);
    }

    pub(super) fn field(&self, name: &str) {
        self.field.replace(Some(name.to_owned()));
    }

    pub(super) fn in_model(&self) {
        self.field.replace(None);
    }

    pub(super) fn nowhere(&self) {
        self.model.replace(None);
        self.field.replace(None);
    }
}

/// A mistake in a price file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceFileError {
    /// The file.
    pub file: String,
    /// The model, where the mistake is in one.
    pub model: Option<String>,
    /// The field, where it is in one.
    pub field: Option<String>,
    /// Line and column, counted from 1; 0 where the file could not be read at all.
    pub place: (usize, usize),
    /// What is wrong.
    pub what: String,
}

impl PriceFileError {
    /// A file that cannot be read.
    pub(in crate::cost::prices) fn unreadable(file: &str, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { file: file.to_owned(), model: None, field: None, place: (0, 0), what }
    }

    pub(super) fn of(file: &str, at: &Place, error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let what = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
        Self {
            file: file.to_owned(),
            model: at.model.borrow().clone(),
            field: at.field.borrow().clone(),
            place: (error.line(), error.column()),
            what: what.to_owned(),
        }
    }
}

impl std::error::Error for PriceFileError {}

impl fmt::Display for PriceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.place.0 > 0 {
            write!(f, ":{}:{}", self.place.0, self.place.1)?;
        }
        f.write_str(": ")?;
        if let Some(model) = &self.model {
            write!(f, "model {}: ", shown(model))?;
        }
        if let Some(field) = &self.field {
            write!(f, "{}: ", shown(field))?;
        }
        f.write_str(&self.what)
    }
}

/// A name in quotes, cut where it is too long to be told.
fn shown(name: &str) -> String {
    const SHOWN_BYTES: usize = 120;
    serde_json::Value::from(&name[..name.floor_char_boundary(SHOWN_BYTES)]).to_string()
}
