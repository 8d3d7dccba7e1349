//! Small files: cursors of readers, and what others keep beside the log.

use std::io;
use std::path::Path;

use super::{Check, Verifier};
use crate::storage::cursor;
use crate::storage::fs::read_whole;

impl Verifier<'_> {
    /// Cursors, in the folders that have some, and the files of others.
    pub(super) fn small_files(&mut self, others: &[Check]) -> io::Result<()> {
        let root = self.layout.root().to_owned();
        for folder in ["", "clickhouse", "cursors"] {
            let path = root.join(folder);
            let names = self.names(&path)?;
            for name in names.iter().filter(|name| name.ends_with(".cursor")) {
                let told =
                    if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                self.small_file(&path.join(name), told, |bytes| cursor::read(bytes).is_some())?;
            }
        }
        for (name, is_whole) in others {
            self.small_file(&root.join(name), (*name).to_owned(), *is_whole)?;
        }
        Ok(())
    }

    fn small_file(
        &mut self,
        path: &Path,
        name: String,
        is_whole: impl Fn(&[u8]) -> bool,
    ) -> io::Result<()> {
        let Some(bytes) = read_whole(&*self.fs, path)? else { return Ok(()) };
        let damage = match is_whole(&bytes) {
            true => Vec::new(),
            false => vec!["its checksum is wrong".to_owned()],
        };
        self.judge(name, bytes.len() as u64, damage, Vec::new());
        Ok(())
    }
}
