//! `pharos check-config`.

use super::arguments::CheckConfigArguments;
use super::{Failure, load, output};
use crate::app;

pub(super) fn run(arguments: &CheckConfigArguments) -> Result<(), Failure> {
    let mut flags = arguments.flags.clone();
    if arguments.file.is_some() {
        flags.file.clone_from(&arguments.file);
    }
    let loaded = load(&flags)?;
    for warning in &loaded.warnings {
        output::complain(&format!("warning: {warning}"));
    }
    app::check_prices(&loaded.config)
        .map_err(|error| Failure::Usage(format!("prices.file: {error}")))?;
    match &flags.file {
        Some(file) => output::data(&format!("{}: OK", file.display())),
        None => output::data("OK"),
    }
}
