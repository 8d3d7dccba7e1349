//! Lines of a rotated file, the last one first, within a bound of bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::rotate::numbered;
use crate::limits;

/// Reads lines backwards, from the open file to the oldest.
#[derive(Debug)]
pub(super) struct Backward {
    /// The files that are not read yet, the newest last.
    files: Vec<(File, u64)>,
    /// The file that is read, and where what stands in `block` begins in it.
    now: Option<(File, u64)>,
    /// Bytes before the line that was lent last.
    block: Vec<u8>,
    /// Bytes that may still be read.
    budget: u64,
    cut_short: bool,
}

impl Backward {
    /// The files behind `path`, as many as are kept. A file that is rotated meanwhile is read
    /// once.
    ///
    /// # Errors
    ///
    /// What the system says; files that are not there are fine.
    pub(super) fn open(path: &Path, files: usize, budget: u64) -> io::Result<Self> {
        let mut found = Vec::new();
        let mut inodes = Vec::new();
        for number in 0..files {
            let file = match File::open(numbered(path, number)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let meta = file.metadata()?;
            if meta.is_file() && !inodes.contains(&meta.ino()) {
                inodes.push(meta.ino());
                found.push((file, meta.len()));
            }
        }
        found.reverse();
        Ok(Self { files: found, now: None, block: Vec::new(), budget, cut_short: false })
    }

    /// Whether the bound ended the reading before the files did.
    pub(super) fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// The line before the one that was lent last, without its line feed.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = memchr::memrchr(b'\n', &self.block) {
                let line = self.block.split_off(at + 1);
                self.block.truncate(at);
                if !line.is_empty() {
                    return Ok(Some(line));
                }
            } else if self.now.as_ref().is_some_and(|(_, at)| *at > 0) {
                if !self.read_before()? {
                    return Ok(None);
                }
            } else {
                let line = std::mem::take(&mut self.block);
                self.now = self.files.pop();
                if !line.is_empty() {
                    return Ok(Some(line));
                }
                if self.now.is_none() {
                    return Ok(None);
                }
            }
        }
    }

    /// Puts what stands before `block` in front of it; false where the bound is reached.
    fn read_before(&mut self) -> io::Result<bool> {
        let Some((file, at)) = &mut self.now else { return Ok(false) };
        let size = (*at).min(limits::DEBUG_READ_BLOCK_BYTES as u64);
        if size > self.budget {
            self.cut_short = true;
            return Ok(false);
        }
        self.budget -= size;
        let mut before = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact_at(&mut before, *at - size)?;
        *at -= size;
        // What is longer than any line of ours is none: its end is forgotten, not kept.
        if self.block.len() <= limits::DEBUG_LINE_BYTES {
            before.append(&mut self.block);
        }
        self.block = before;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(path: &Path, files: usize, budget: u64) -> (Vec<String>, bool) {
        let mut backward = Backward::open(path, files, budget).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = backward.next_line().unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        (lines, backward.cut_short())
    }

    #[test]
    fn lines_come_newest_first_over_all_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        assert_eq!(read(&path, 3, 1 << 20), (Vec::new(), false));
        fs::write(folder.path().join("x.jsonl.2"), "a\nb\n").unwrap();
        fs::write(&path, "c\n\nd\ntorn").unwrap();
        let (lines, cut_short) = read(&path, 3, 1 << 20);
        assert_eq!((lines.join(" "), cut_short), ("torn d c b a".to_owned(), false));
        assert_eq!(read(&path, 2, 1 << 20).0.join(" "), "torn d c");
    }

    #[test]
    fn blocks_and_lines_need_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let block = limits::DEBUG_READ_BLOCK_BYTES;
        let lines: Vec<String> = [1, block - 1, block, block + 1, 7, 100_000, 3]
            .into_iter()
            .map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2))
            .collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let (mut found, _) = read(&path, 1, 1 << 20);
        found.reverse();
        assert_eq!(found, lines);
    }

    #[test]
    fn the_bound_ends_it_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        fs::write(&path, "0123456789\n".repeat(100_000)).unwrap();
        let budget = 3 * limits::DEBUG_READ_BLOCK_BYTES as u64;
        let (lines, cut_short) = read(&path, 1, budget);
        assert!(cut_short);
        assert_eq!(lines.len() as u64, budget / 11);
        assert!(lines.iter().all(|line| line == "0123456789"));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        fs::write(&path, [b"first\n".to_vec(), vec![b'x'; 4 << 20]].concat()).unwrap();
        let mut backward = Backward::open(&path, 1, 1 << 30).unwrap();
        let mut last = Vec::new();
        while let Some(line) = backward.next_line().unwrap() {
            assert!(backward.block.capacity() < 1 << 20);
            last = line;
        }
        assert_eq!(last, b"first");
    }
}
