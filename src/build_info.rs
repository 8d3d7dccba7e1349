//! Which build this is.

/// The version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The revision it was built from, as the build said in `PHAROS_REVISION`.
pub const REVISION: &str = match option_env!("PHAROS_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The compiler it was built with, as the build said in `PHAROS_RUST_VERSION`.
pub const RUST_VERSION: &str = match option_env!("PHAROS_RUST_VERSION") {
    Some(version) => version,
    None => "unknown",
};
