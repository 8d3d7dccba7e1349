//! Prices of models: a built-in table, files in the form of LiteLLM's price map, and the cost of
//! a call by them.
//!
//! [`Table`] is what holds at one moment; [`Prices`] holds the table in force and replaces it
//! when a file changes. A name is looked up exactly and by the documented rules of [`resolve`];
//! what is not found is unpriced. `docs/PRICES.md` tells all of it.
//!
//! Invariant: a file that is wrong changes nothing: the table that was in force stays.

mod builtin;
mod compute;
mod file;
mod line;
mod memo;
mod names;
mod pack;
mod quote;
mod resolve;
mod table;
#[cfg(test)]
mod tests;

pub use builtin::KNOWN_AT;
pub use file::PriceFileError;
pub use line::{Band, Kinds, Line, Period, Source};
pub use pack::{LoadError, PackStatus, Prices, PricesOptions};
pub use quote::{Quote, QuoteLine};
pub use table::Table;
