//! The names of files and folders under the storage path, and the format they are in.
//!
//! ```text
//! <storage.path>/
//!   lock                             held by the one process that uses the folder
//!   segments/00000000000000000001.log
//!   index/00000000000000000001.idx   what searches need of a closed segment; can be rebuilt
//!   clickhouse/taken.cursor          up to where ClickHouse has everything
//!   clickhouse/planned.cursor        where the batch ends that it is being sent
//!   quarantine/                      what was found damaged, each with a note beside it
//!     00000000000000000007.log               a segment that nothing can be made out of
//!     00000000000000000008-128-4096.frames   a copy of bytes 128 to 4096 of segment 8
//! ```

use std::path::{Path, PathBuf};

/// The version written into every segment. A higher one is refused before anything is touched.
pub const FORMAT_VERSION: u32 = 1;

/// Numbers from here on are nobody's: there must always be a higher one for the next segment.
const SEGMENT_NUMBERS: u64 = 1 << 62;

/// The folders and files of one storage path.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The storage path itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Locked by the process that uses the folder.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Where the log's segments are.
    pub fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    /// The file of a segment.
    pub fn segment(&self, number: u64) -> PathBuf {
        self.segments().join(segment_name(number))
    }

    /// Where the cursors of ClickHouse are.
    pub fn clickhouse(&self) -> PathBuf {
        self.root.join("clickhouse")
    }

    /// Where the indexes of closed segments are.
    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// The file of a closed segment's index.
    pub fn index_file(&self, number: u64) -> PathBuf {
        self.index().join(index_name(number))
    }

    /// Where damaged bytes are put aside.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }
}

/// The name of a segment's file: 20 digits, so that names sort as numbers do.
pub fn segment_name(number: u64) -> String {
    format!("{number:020}.log")
}

/// The number of a segment from its file's name; `None` for a foreign file.
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    let is_ours = (1..SEGMENT_NUMBERS).contains(&number) && segment_name(number) == name;
    is_ours.then_some(number)
}

/// The name of a copy of damaged bytes of a segment.
pub fn damage_name(number: u64, from: u64, until: u64) -> String {
    format!("{number:020}-{from}-{until}.frames")
}

/// Segment, first and last offset of damaged bytes from their copy's name.
pub fn damage_of(name: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = name.strip_suffix(".frames")?.split('-').map(|part| part.parse().ok());
    let damage = (numbers.next()??, numbers.next()??, numbers.next()??);
    (damage_name(damage.0, damage.1, damage.2) == name).then_some(damage)
}

/// The name of the file of a segment's index.
pub fn index_name(number: u64) -> String {
    format!("{number:020}.idx")
}

/// The number of a segment from its index' file name; `None` for a foreign file.
pub fn index_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".idx")?.parse().ok()?;
    (index_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_names_are_read_back_and_foreign_ones_ignored() {
        assert_eq!(segment_number(&segment_name(42)), Some(42));
        assert_eq!(segment_number(&segment_name(u64::MAX)), None);
        for foreign in [
            "1.log",
            "+0000000000000000001.log",
            "notes.txt",
            ".log",
            "",
            "00000000000000000000.log",
            "00000000000000000001.log.tmp",
        ] {
            assert_eq!(segment_number(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn names_of_damage_are_read_back_and_foreign_ones_ignored() {
        assert_eq!(damage_of(&damage_name(7, 128, 999)), Some((7, 128, 999)));
        for foreign in ["7-128-999.frames", ".frames", "a-b-c.frames", "notes.txt"] {
            assert_eq!(damage_of(foreign), None, "{foreign}");
        }
    }
}
