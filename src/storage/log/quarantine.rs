//! What is found damaged is put aside, with a note of what it is, and counted. It is never in
//! the way of the start, and nobody has to remove it by hand.

use std::io::{self, IoSlice};
use std::path::Path;

use tracing::warn;

use super::scan::Hole;
use super::table::Shared;
use crate::limits;
use crate::storage::fs::{File, read_full_at, write_all_at};
use crate::storage::layout::{damage_name, damage_of, segment_name};

impl Shared {
    /// Puts damaged bytes of a segment aside and counts them, once for each stretch. The bytes
    /// stay in the segment as well, where every reader steps over them.
    pub(super) fn set_aside(&self, number: u64, hole: Hole, file: &dyn File) {
        let bytes = hole.until - hole.from;
        let mut table = self.table_mut();
        if table.is_known_damage(number, hole) {
            return;
        }
        let copied: u64 = table.damaged.iter().map(|((_, from), until)| until - from).sum();
        let room =
            copied < limits::QUARANTINE_BYTES && table.damaged.len() < limits::QUARANTINE_FILES;
        table.damaged.insert((number, hole.from), hole.until);
        table.counts.quarantined += 1;
        table.counts.quarantined_bytes += bytes;
        drop(table);
        self.observer.quarantined(bytes);
        warn!(segment = number, from = hole.from, bytes, "Damaged bytes of the log are skipped.");
        if room && let Err(error) = self.copy_aside(number, hole, file) {
            warn!(%error, segment = number, "Damaged bytes could not be put aside.");
        }
    }

    fn copy_aside(&self, number: u64, hole: Hole, file: &dyn File) -> io::Result<()> {
        let length = usize::try_from(hole.until - hole.from).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(limits::QUARANTINE_COPY_BYTES)];
        let read = read_full_at(file, hole.from, &mut bytes)?;
        let name = damage_name(number, hole.from, hole.until);
        let note = format!(
            "{}: bytes {} to {} are no readable batch; a copy of them ({read} bytes) is in \
             {name}.\nThe rest of the segment is read as before. Both files may be removed.\n",
            segment_name(number),
            hole.from,
            hole.until,
        );
        self.write_aside(&format!("{name}.txt"), note.as_bytes())?;
        self.write_aside(&name, &bytes[..read])?;
        self.fs.sync_dir(&self.layout.quarantine())
    }

    /// Moves a file away from the segments whose frames cannot be told from noise, because
    /// neither header nor footer can be read. An empty one is simply removed.
    pub(super) fn move_aside(&self, number: u64, file_bytes: u64, is_blank: bool) {
        let name = segment_name(number);
        let path = self.layout.segments().join(&name);
        let moved = if is_blank {
            self.fs.remove(&path)
        } else {
            let mut counts = self.table_mut();
            counts.counts.quarantined += 1;
            counts.counts.quarantined_bytes += file_bytes;
            drop(counts);
            self.observer.quarantined(file_bytes);
            warn!(segment = number, bytes = file_bytes, "A segment without a header is put aside.");
            self.rename_aside(&path, &name)
        };
        let moved = moved.and_then(|()| self.fs.sync_dir(&self.layout.segments()));
        if let Err(error) = moved {
            warn!(%error, segment = number, "A damaged segment could not be put aside.");
        }
    }

    fn rename_aside(&self, path: &Path, name: &str) -> io::Result<()> {
        self.fs.create_dir_all(&self.layout.quarantine())?;
        let note = format!(
            "{name} had neither a readable header nor a readable footer, so nothing in it could \
             be told from noise.\nBoth files may be removed.\n"
        );
        self.write_aside(&format!("{name}.txt"), note.as_bytes())?;
        self.fs.rename(path, &self.layout.quarantine().join(name))?;
        self.fs.sync_dir(&self.layout.quarantine())
    }

    /// Writes a file into the quarantine, replacing one of an earlier attempt.
    fn write_aside(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = self.layout.quarantine();
        self.fs.create_dir_all(&dir)?;
        let path = dir.join(name);
        let file = match self.fs.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.fs.open_writable(&path)?
            }
            created => created?,
        };
        write_all_at(file.as_ref(), 0, &mut [IoSlice::new(bytes)])?;
        file.set_len(bytes.len() as u64)?;
        file.sync_data()
    }

    /// Remembers what was put aside before, so that it is not counted again at every start.
    pub(super) fn recall_damage(&self) {
        let names = self.fs.list(&self.layout.quarantine()).unwrap_or_default();
        let mut table = self.table_mut();
        let damage = names.iter().filter_map(|name| damage_of(name));
        for (number, from, until) in damage.filter(|(_, from, until)| from < until) {
            table.damaged.insert((number, from), until);
        }
    }
}
