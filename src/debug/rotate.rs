//! A file of lines that is bounded in size: `name`, and `name.1`, `name.2` … behind it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// How large, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBounds {
    /// The size at which a file is closed and the next one begun.
    pub bytes: u64,
    /// Files, the open one included.
    pub files: usize,
}

/// The open file and those behind it. Every call may fail and be tried again: a folder that
/// comes back, or a disk with room again, is used at once.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    bounds: FileBounds,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    bytes: u64,
    /// The last line is not whole: the next one must not go on with it.
    torn: bool,
}

impl RotatingFile {
    /// The file at `path`. Nothing is opened before the first line.
    pub fn new(path: PathBuf, bounds: FileBounds) -> Self {
        Self { path, bounds, open: None }
    }

    /// Its name without the folder.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Appends whole lines, each ended by a line feed, with one write.
    ///
    /// # Errors
    ///
    /// What the system says; a part of the lines may have been written.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let length = lines.len() as u64;
        let bound = self.bounds.bytes;
        let open = self.opened()?;
        let open = if open.bytes > 0 && open.bytes.saturating_add(length) > bound {
            self.rotate()?;
            self.opened()?
        } else {
            open
        };
        if open.torn {
            open.file.write_all(b"\n")?;
            open.bytes += 1;
        }
        open.torn = true;
        open.file.write_all(lines)?;
        open.torn = false;
        open.bytes += length;
        Ok(())
    }

    /// Returns once what was appended would survive a power loss.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |open| open.file.sync_data())
    }

    /// The open file; opened again where somebody has moved or removed it.
    fn opened(&mut self) -> io::Result<&mut Open> {
        let inode = fs::metadata(&self.path).map(|found| found.ino()).ok();
        let open = self.open.take().filter(|open| inode == Some(open.inode));
        let open = match open {
            Some(open) => open,
            None => open_file(&self.path)?,
        };
        Ok(self.open.insert(open))
    }

    fn rotate(&mut self) -> io::Result<()> {
        if let Some(open) = self.open.take() {
            open.file.sync_data()?;
        }
        for number in (1..self.bounds.files).rev() {
            match fs::rename(numbered(&self.path, number - 1), numbered(&self.path, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.bounds.files <= 1 {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// The file behind `path` with this number; 0 is the open one.
pub(super) fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn open_file(path: &Path) -> io::Result<Open> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Prompts stand in these files: nobody beyond the group reads them.
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)?;
    let found = file.metadata()?;
    let mut torn = false;
    if found.is_file() && found.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(found.len() - 1))?;
        file.read_exact(&mut last)?;
        torn = last != *b"\n";
    }
    Ok(Open { file, inode: found.ino(), bytes: found.len(), torn })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, bytes: u64, files: usize) -> RotatingFile {
        RotatingFile::new(folder.join("logs/x.jsonl"), FileBounds { bytes, files })
    }

    fn read(folder: &Path, name: &str) -> Option<String> {
        fs::read_to_string(folder.join("logs").join(name)).ok()
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), 20, 3);
        for number in 10..30 {
            file.append(format!("line {number}\n").as_bytes()).unwrap();
        }
        // Two lines of eight bytes fit into twenty.
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "line 28\nline 29\n");
        assert_eq!(read(folder.path(), "x.jsonl.1").unwrap(), "line 26\nline 27\n");
        assert_eq!(read(folder.path(), "x.jsonl.2").unwrap(), "line 24\nline 25\n");
        assert_eq!(read(folder.path(), "x.jsonl.3"), None);
        // A line that is longer than a file gets one of its own.
        file.append(&[b'y'; 100]).unwrap();
        assert_eq!(read(folder.path(), "x.jsonl").unwrap().len(), 100);
    }

    #[test]
    fn one_file_only_starts_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), 10, 1);
        for line in ["first\n", "second\n"] {
            file.append(line.as_bytes()).unwrap();
        }
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "second\n");
        assert_eq!(read(folder.path(), "x.jsonl.1"), None);
    }

    #[test]
    fn it_goes_on_where_it_stopped_and_never_within_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), 100, 3).append(b"whole\n").unwrap();
        file(folder.path(), 100, 3).append(b"again\n").unwrap();
        let path = folder.path().join("logs/x.jsonl");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"to").unwrap();
        let mut last = file(folder.path(), 100, 3);
        last.append(b"next\n").unwrap();
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "whole\nagain\nto\nnext\n");
        // Somebody takes the file away: the next line makes a new one.
        fs::remove_file(&path).unwrap();
        last.append(b"fresh\n").unwrap();
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "fresh\n");
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/x.jsonl");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut file = file(folder.path(), 100, 3);
        let error = file.append(b"line\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(&path).unwrap();
        file.append(b"line\n").unwrap();
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "line\n");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("logs"), "a file in the way").unwrap();
        let mut file = file(folder.path(), 100, 3);
        assert!(file.append(b"line\n").is_err() && file.append(b"line\n").is_err());
        fs::remove_file(folder.path().join("logs")).unwrap();
        file.append(b"line\n").unwrap();
        assert_eq!(read(folder.path(), "x.jsonl").unwrap(), "line\n");
    }
}
