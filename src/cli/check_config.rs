//! `pharos check-config`.

use super::arguments::CheckConfigArguments;
use super::{Failure, load, output};

pub(super) fn run(arguments: &CheckConfigArguments) -> Result<(), Failure> {
    let mut flags = arguments.flags.clone();
    if arguments.file.is_some() {
        flags.file.clone_from(&arguments.file);
    }
    let loaded = load(&flags)?;
    for warning in &loaded.warnings {
        output::complain(&format!("warning: {warning}"));
    }
    match &flags.file {
        Some(file) => output::data(&format!("{}: OK", file.display())),
        None => output::data("OK"),
    }
}
