//! What happens to the store: deaths at the worst moments, full and failing disks, damaged
//! files, what is too large, and what expires.

mod damage;
mod disks;
mod expiry;
mod extremes;
mod steps;

use std::io::Write as _;
use std::path::Path;

/// The binary that cargo built beside the tests, with debug assertions: it can be told where to
/// crash.
fn debug_binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pharos"))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Names of the files in a folder below, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// Says, past what the test runner captures, that a test could not be run here.
fn skip(why: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {why}").unwrap();
}
