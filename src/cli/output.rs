//! The only place that writes to stdout and stderr for a command.

use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;

use super::Failure;

/// Writes data to stdout, with a line's end. A reader that has gone away (`| head`) is no failure.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}{end}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("stdout cannot be written").map_err(Failure::from)
        }
        _ => Ok(()),
    }
}

/// Where a stream of data is written to.
pub(super) fn stdout() -> impl std::io::Write {
    std::io::stdout().lock()
}

/// Writes one line to stderr. There is nobody left to tell if that fails.
pub(super) fn complain(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "pharos: {line}"));
}

/// Writes lines that name their place themselves to stderr.
pub(super) fn places(lines: &str) {
    drop(writeln!(std::io::stderr().lock(), "{lines}"));
}
