//! Where the follower has got to, durably. There is a file only while it reads, or is about to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::Position;
use crate::storage::fs::{Fs, read_whole, replace};

/// `debug.cursor`: `<segment>:<offset> <crc32>` in decimal and hexadecimal, as those of targets.
#[derive(Debug)]
pub(super) struct Place {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    saved: bool,
}

impl Place {
    pub(super) fn new(fs: Arc<dyn Fs>, storage: &Path) -> Self {
        Self { fs, path: storage.join("debug.cursor"), saved: false }
    }

    /// The place saved by the process before, from which this one goes on. One that is damaged
    /// is none: events of the time before are not worth reading all of the log again.
    pub(super) fn load(&mut self) -> Option<Position> {
        let found = self.read();
        self.saved = found.is_some();
        found
    }

    fn read(&self) -> Option<Position> {
        let bytes = read_whole(&*self.fs, &self.path).ok()??;
        let text = String::from_utf8_lossy(&bytes);
        let (position, check) = text.trim_end().split_once(' ')?;
        let whole = u32::from_str_radix(check, 16) == Ok(crc32fast::hash(position.as_bytes()));
        position.parse().ok().filter(|_| whole)
    }

    /// Saves where reading is about to begin, unless it goes on already. Called before the toggle
    /// goes on: a crash before the follower has looked then loses nothing.
    pub(super) fn begin(&mut self, position: Position) {
        if !self.saved
            && let Err(error) = self.save(position)
        {
            tracing::warn!(%error, "The place of the debug events in the log was not saved.");
        }
    }

    /// Whether there is one.
    pub(super) fn is_saved(&self) -> bool {
        self.saved
    }

    pub(super) fn save(&mut self, position: Position) -> io::Result<()> {
        let text = position.to_string();
        let check = crc32fast::hash(text.as_bytes());
        replace(&*self.fs, &self.path, format!("{text} {check:08x}\n").as_bytes())?;
        self.saved = true;
        Ok(())
    }

    /// Nothing is read any more, so there is no place to go on from.
    pub(super) fn forget(&mut self) {
        self.saved = false;
        match self.fs.remove(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "The place of the debug events could not be removed.");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::RealFs;

    #[test]
    fn a_place_is_kept_until_it_is_forgotten_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Place::new(Arc::new(RealFs), folder.path());
        assert_eq!(place.load(), None);
        let position = Position { segment: 3, offset: 99 };
        place.begin(position);
        place.begin(Position { segment: 3, offset: 100 });
        assert_eq!((place.load(), place.is_saved()), (Some(position), true));
        for damage in ["", "3:98 00000000", "4:99", "\u{0}\u{0}", "3:99 zz"] {
            std::fs::write(folder.path().join("debug.cursor"), damage).unwrap();
            assert_eq!((place.load(), place.is_saved()), (None, false), "{damage:?}");
        }
        place.forget();
        place.forget();
        assert!(!place.is_saved() && !folder.path().join("debug.cursor").exists());
    }
}
