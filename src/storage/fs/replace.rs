//! Replacing a small file as a whole.

use std::io::{self, IoSlice};
use std::path::Path;

use super::{Fs, write_all_at};

/// Puts `bytes` in place of the file at `path`: after a crash it holds either all of the old
/// content or all of the new. Written under a temporary name, synced, renamed, folder synced.
pub fn replace(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = path.with_extension("tmp");
    match fs.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = fs.create(&temporary)?;
    write_all_at(&*file, 0, &mut [IoSlice::new(bytes)])?;
    file.sync_data()?;
    fs.rename(&temporary, path)?;
    fs.sync_dir(folder)
}

/// All bytes of a small file; `None` if there is none.
pub fn read_whole(fs: &dyn Fs, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match fs.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    let read = super::read_full_at(&*file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::fs::RealFs;

    #[test]
    fn replaces_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        assert_eq!(read_whole(&RealFs, &path).unwrap(), None);
        for content in [&b"first, and longer"[..], b"second", b""] {
            replace(&RealFs, &path, content).unwrap();
            assert_eq!(read_whole(&RealFs, &path).unwrap().as_deref(), Some(content));
        }
        assert_eq!(RealFs.list(folder.path()).unwrap(), ["cursor"]);
    }
}
