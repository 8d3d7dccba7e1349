//! Bounds of prices.

/// The largest price file that is read: LiteLLM's own is 3 MB.
pub const PRICE_FILE_BYTES: u64 = 32 * 1_024 * 1_024;
/// Price files that can be configured.
pub const PRICE_FILES: usize = 16;
/// Models that one file may price: LiteLLM's own has some 4,000.
pub const PRICE_FILE_MODELS: usize = 50_000;
/// The longest name of a model or a provider in a price file.
pub const PRICE_NAME_BYTES: usize = 256;
/// What one token can cost, in USD: the dearest models are at a thousandth of it.
pub const TOKEN_PRICE_USD: f64 = 1.0;
/// Names of models, as senders write them, whose line in the table is remembered. Further ones
/// are looked up anew each time, which costs some microseconds.
pub const KNOWN_MODEL_NAMES: usize = 2_048;
/// Problems of the price files that are told.
pub const PRICE_PROBLEMS: usize = 64;
/// How often price files are looked at, in seconds.
pub const PRICE_LOOK_SECONDS: u64 = 5;
/// Models in a page of the price table.
pub const PRICE_PAGE_MODELS: usize = 500;
/// Rows of a report on repricing: one a provider and model.
pub const REPRICING_MODELS: usize = 500;
