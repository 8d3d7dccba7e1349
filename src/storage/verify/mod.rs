//! Checks everything in a storage folder that has a checksum, and changes nothing.
//!
//! Where a Pharos works in the folder, what is closed is checked all the same: sealed segments,
//! their indexes and blocks.

mod small;

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::{Around, Shelf, SurveyedFile, survey};
use super::fs::{Fs, Lock};
use super::index::check_sidecar;
use super::layout::{Layout, index_name, index_number, segment_name};
use super::log::{Survey, Surveyed, Walked};

/// A file and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its name under the storage path, with slashes.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The verdict.
    pub state: State,
    /// What is wrong and where; of a whole file, what is odd.
    pub notes: Vec<String>,
}

/// What was found of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is as it was written.
    Whole,
    /// It is not.
    Damaged,
    /// It was not checked: a running Pharos writes to it, or nothing says what is right.
    Skipped,
}

/// All files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those in which damage was found.
    pub damaged: u64,
    /// Those that were not checked.
    pub skipped: u64,
    /// Whether a Pharos works in the folder.
    pub in_use: bool,
}

/// A storage folder cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is none.
    #[error("{} is no storage folder", path.display())]
    Missing {
        /// The storage path.
        path: PathBuf,
    },
    /// A Pharos works in it, and what is asked for needs it at rest.
    #[error("{} is in use by another process: stop it first", path.display())]
    InUse {
        /// The storage path.
        path: PathBuf,
    },
    /// A later release has written to it.
    #[error("{0}")]
    Newer(String),
    /// The operating system refuses.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The storage path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A check of a small file that others keep in the folder: its name, and whether bytes are whole.
pub type Check = (&'static str, fn(&[u8]) -> bool);

/// Who is in the folder while it is looked at.
pub(super) enum Guest {
    /// Nobody else, until this is dropped.
    Alone(#[expect(dead_code, reason = "held, not read")] Option<Box<dyn Lock>>),
    /// A running Pharos.
    Beside,
}

/// Locks the folder if it has ever been used; no lock file is made where there is none.
pub(super) fn enter(fs: &dyn Fs, root: &Path, layout: &Layout) -> Result<Guest, LookError> {
    let failed = |source| LookError::Io { path: root.to_owned(), source };
    let is_there = |folder: &Path| match fs.list(folder) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    };
    if !is_there(root)? || !(is_there(&layout.segments())? || is_there(&layout.blocks())?) {
        return Err(LookError::Missing { path: root.to_owned() });
    }
    match fs.open(&layout.lock()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Guest::Alone(None)),
        opened => drop(opened.map_err(failed)?),
    }
    match fs.lock(&layout.lock()).map_err(failed)? {
        Some(lock) => Ok(Guest::Alone(Some(lock))),
        None => Ok(Guest::Beside),
    }
}

/// Checks every file of the folder; calls `tell` with each.
///
/// # Errors
///
/// The folder is not there or cannot be read. Damage is no error: see [`Summary::damaged`].
pub fn verify(
    fs: &Arc<dyn Fs>,
    root: &Path,
    others: &[Check],
    tell: &mut dyn FnMut(&Checked),
) -> Result<Summary, LookError> {
    let layout = Layout::new(root);
    let guest = enter(&**fs, root, &layout)?;
    let in_use = matches!(guest, Guest::Beside);
    let mut verifier = Verifier {
        fs: Arc::clone(fs),
        layout,
        summary: Summary { in_use, ..Summary::default() },
        tell,
    };
    let checked = verifier.all(others);
    checked.map_err(|source| LookError::Io { path: root.to_owned(), source })?;
    Ok(verifier.summary)
}

struct Verifier<'t> {
    fs: Arc<dyn Fs>,
    layout: Layout,
    summary: Summary,
    tell: &'t mut dyn FnMut(&Checked),
}

impl Verifier<'_> {
    fn all(&mut self, others: &[Check]) -> io::Result<()> {
        let survey = Survey::take(Arc::clone(&self.fs), self.layout.clone())?;
        for segment in &survey.segments {
            self.segment(&survey, segment)?;
        }
        self.indexes(&survey)?;
        let log_from = survey.segments.first().map_or(0, |first| first.number);
        self.blocks(log_from)?;
        self.small_files(others)
    }

    fn segment(&mut self, survey: &Survey, segment: &Surveyed) -> io::Result<()> {
        let open = self.summary.in_use && !segment.is_sealed();
        let walked = match segment.newer() {
            Some(version) => Walked { damage: vec![newer(version)], ..Walked::default() },
            None if open => Walked::default(),
            None => match survey.walk(segment, &mut |_, _| ControlFlow::Continue(())) {
                // Retention has removed it meanwhile.
                Err(error) if self.is_gone(&error) => return Ok(()),
                Err(error) => {
                    let damage = vec![format!("it cannot be read: {error}")];
                    Walked { damage, ..Walked::default() }
                }
                Ok(walked) => walked,
            },
        };
        let file = format!("segments/{}", segment_name(segment.number));
        if open && walked.damage.is_empty() {
            let notes = vec!["it is being written".to_owned()];
            let state = State::Skipped;
            self.tell(Checked { file, bytes: segment.file_bytes, state, notes });
        } else {
            self.judge(file, segment.file_bytes, walked.damage, walked.notes);
        }
        Ok(())
    }

    /// The indexes of closed segments.
    fn indexes(&mut self, survey: &Survey) -> io::Result<()> {
        let folder = self.layout.index();
        let mut numbers: Vec<u64> =
            self.names(&folder)?.iter().filter_map(|name| index_number(name)).collect();
        numbers.sort_unstable();
        for number in numbers {
            let path = self.layout.index_file(number);
            let Some(bytes) = self.length(&path)? else { continue };
            let segment = survey.segments.iter().find(|segment| segment.number == number);
            let end = segment.and_then(Surveyed::sealed_end);
            let (mut damage, mut notes) = (Vec::new(), Vec::new());
            match check_sidecar(&*self.fs, &path, number, end) {
                Err(error) if self.is_gone(&error) => continue,
                Err(error) => damage.push(format!("{error}; it can be made again")),
                Ok(()) if segment.is_none() => notes.push("its segment is gone".to_owned()),
                Ok(()) => {}
            }
            self.judge(format!("index/{}", index_name(number)), bytes, damage, notes);
        }
        Ok(())
    }

    fn blocks(&mut self, log_from: u64) -> io::Result<()> {
        let shelf = Shelf::over(Arc::clone(&self.fs), self.layout.clone());
        let around = Around { log_from, in_use: self.summary.in_use };
        survey(&shelf, around, &mut |found| {
            let SurveyedFile { name, part, bytes, damage, notes, unchecked } = found;
            let file = format!("blocks/{name}.{}", part.extension());
            if unchecked && damage.is_empty() {
                self.tell(Checked { file, bytes, state: State::Skipped, notes });
            } else {
                self.judge(file, bytes, damage, notes);
            }
        })
    }

    fn judge(&mut self, file: String, bytes: u64, damage: Vec<String>, notes: Vec<String>) {
        let checked = if damage.is_empty() {
            Checked { file, bytes, state: State::Whole, notes }
        } else {
            let notes = [damage, notes].concat();
            Checked { file, bytes, state: State::Damaged, notes }
        };
        self.tell(checked);
    }

    fn tell(&mut self, checked: Checked) {
        self.summary.files += 1;
        self.summary.bytes += checked.bytes;
        self.summary.damaged += u64::from(checked.state == State::Damaged);
        self.summary.skipped += u64::from(checked.state == State::Skipped);
        (self.tell)(&checked);
    }

    /// Whether it says that a running Pharos has removed the file meanwhile.
    fn is_gone(&self, error: &io::Error) -> bool {
        self.summary.in_use && error.kind() == io::ErrorKind::NotFound
    }

    /// The names in a folder, in order; none if there is no folder.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        match self.fs.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => {
                let mut names = names?;
                names.sort_unstable();
                Ok(names)
            }
        }
    }

    /// The length of a file; `None` if there is none.
    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match self.fs.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(Some(file?.len()?)),
        }
    }
}

fn newer(version: u32) -> String {
    format!("format version {version}, which this release does not know")
}

#[cfg(test)]
mod tests;
