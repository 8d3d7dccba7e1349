//! Where a reader of the log has got to, durably.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Position;
use super::fs::{Fs, read_whole, replace};

/// One reader's cursor file: `<segment>:<offset> <crc32>` in decimal and hexadecimal.
#[derive(Debug)]
pub struct Cursor {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

impl Cursor {
    /// The cursor of the reader called `name` in `folder`, which is made.
    pub fn open(fs: Arc<dyn Fs>, folder: &Path, name: &str) -> io::Result<Self> {
        fs.create_dir_all(folder)?;
        Ok(Self { fs, path: folder.join(format!("{name}.cursor")) })
    }

    /// The saved position; `None` where there is none or it is damaged. A lost cursor starts
    /// over from the oldest batch kept: duplicates are better than losses.
    pub fn load(&self) -> io::Result<Option<Position>> {
        let Some(bytes) = read_whole(&*self.fs, &self.path)? else { return Ok(None) };
        Ok(read(&bytes))
    }

    /// Saves a position; when this returns it would survive a power loss.
    pub fn save(&self, position: Position) -> io::Result<()> {
        let text = position.to_string();
        let check = crc32fast::hash(text.as_bytes());
        replace(&*self.fs, &self.path, format!("{text} {check:08x}\n").as_bytes())
    }
}

/// The position in a cursor's file; `None` if that is damaged.
pub(super) fn read(bytes: &[u8]) -> Option<Position> {
    let text = String::from_utf8_lossy(bytes);
    let (position, check) = text.trim_end().split_once(' ')?;
    let whole = u32::from_str_radix(check, 16) == Ok(crc32fast::hash(position.as_bytes()));
    position.parse().ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::RealFs;

    #[test]
    fn a_damaged_cursor_is_no_cursor() {
        let folder = tempfile::tempdir().unwrap();
        let cursor = Cursor::open(Arc::new(RealFs), folder.path(), "tempo").unwrap();
        assert_eq!(cursor.load().unwrap(), None);
        let position = Position { segment: 3, offset: 99 };
        cursor.save(position).unwrap();
        assert_eq!(cursor.load().unwrap(), Some(position));
        for damage in ["", "3:98 00000000", "4:99", "\u{0}\u{0}", "3:99 zz"] {
            std::fs::write(folder.path().join("tempo.cursor"), damage).unwrap();
            assert_eq!(cursor.load().unwrap(), None, "{damage:?}");
        }
    }
}
