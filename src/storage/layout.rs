//! The names of files and folders under the storage path, and the format they are in.
//!
//! ```text
//! <storage.path>/
//!   lock                             held by the one process that uses the folder
//!   segments/00000000000000000001.log
//!   index/00000000000000000001.idx   what searches need of a closed segment; can be rebuilt
//!   clickhouse/taken.cursor          up to where ClickHouse has everything
//!   clickhouse/planned.cursor        where the batch ends that it is being sent
//!   blocks/                          Parquet: what closed segments held; their names say which
//!     020778-00000000000000000001-00000000000000000008.block
//!     020778-00000000000000000001-00000000000000000008.spans.parquet
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

    /// Where the blocks are.
    pub fn blocks(&self) -> PathBuf {
        self.root.join("blocks")
    }

    /// A file of a block.
    pub fn block_file(&self, name: &BlockName, part: BlockPart) -> PathBuf {
        self.blocks().join(format!("{name}.{}", part.extension()))
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

/// Which segments a block was made of, and when the oldest batch in it arrived. Names sort as
/// the segments do within a day, and a block that covers another one replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockName {
    /// Days since the Unix epoch, UTC: the partition.
    pub day: u32,
    /// The first segment in it.
    pub first: u64,
    /// The last segment in it.
    pub last: u64,
}

/// The files of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockPart {
    /// What is known of the others; where it is, the block is.
    Seal,
    /// Spans, as Parquet.
    Spans,
    /// Log records, as Parquet.
    Logs,
    /// Long texts, as Parquet.
    Content,
}

impl BlockPart {
    /// All of them; the seal comes first.
    pub const ALL: [Self; 4] = [Self::Seal, Self::Spans, Self::Logs, Self::Content];

    /// The end of its files' names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Seal => "block",
            Self::Spans => "spans.parquet",
            Self::Logs => "logs.parquet",
            Self::Content => "content.parquet",
        }
    }
}

impl BlockName {
    /// Whether all segments of `other` are in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Name and part from the name of a file; `None` for a foreign one.
    pub fn of_file(file: &str) -> Option<(Self, BlockPart)> {
        let (stem, extension) = file.split_once('.')?;
        let part = BlockPart::ALL.into_iter().find(|part| part.extension() == extension)?;
        let mut parts = stem.split('-');
        let name = Self {
            day: parts.next()?.parse().ok()?,
            first: parts.next()?.parse().ok()?,
            last: parts.next()?.parse().ok()?,
        };
        let is_ours = name.first <= name.last && name.to_string() == stem;
        is_ours.then_some((name, part))
    }
}

impl std::fmt::Display for BlockName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}-{:020}-{:020}", self.day, self.first, self.last)
    }
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
    fn block_names_are_read_back_and_foreign_ones_ignored() {
        let name = BlockName { day: 20_778, first: 1, last: 8 };
        for part in BlockPart::ALL {
            let file = format!("{name}.{}", part.extension());
            assert_eq!(BlockName::of_file(&file), Some((name, part)));
        }
        let inner = BlockName { first: 3, ..name };
        assert!(name.covers(&inner) && name.covers(&name) && !inner.covers(&name));
        for foreign in ["020778-1-8.block", "notes.block", "020778.block", "a-b-c.block", ""] {
            assert_eq!(BlockName::of_file(foreign), None, "{foreign}");
        }
        let file = format!("{name}.block.tmp");
        assert_eq!(BlockName::of_file(&file), None);
    }

    #[test]
    fn names_of_damage_are_read_back_and_foreign_ones_ignored() {
        assert_eq!(damage_of(&damage_name(7, 128, 999)), Some((7, 128, 999)));
        for foreign in ["7-128-999.frames", ".frames", "a-b-c.frames", "notes.txt"] {
            assert_eq!(damage_of(foreign), None, "{foreign}");
        }
    }
}
