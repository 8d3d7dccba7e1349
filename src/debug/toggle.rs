//! The toggle: whose debug events are written at present.
//!
//! Off unless somebody says otherwise. What was said is kept in `debug_toggle.json`; where that
//! file is not, `debug.enabled` of the configuration decides. Another process may write the file;
//! whoever calls [`Toggle::look`] now and then sees it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::scope::{Scope, Scopes, Subject, TooMany};
use super::system::SystemEvents;
use super::toggle_file::{self, Switched};
use crate::limits;
use crate::storage::fs::{Fs, read_whole, replace};

/// The toggle and its file.
pub struct Toggle {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    initially: bool,
    system: SystemEvents,
    /// Called before a scope is opened.
    opening: Opening,
    /// Held while the file is read or written.
    file: Mutex<Content>,
    now: RwLock<Arc<State>>,
}

/// Is told that a scope is about to be opened; it may block on the disk.
pub(super) type Opening = Box<dyn Fn() + Send + Sync>;

/// What holds at present.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The open scopes, and those that ended lately.
    pub scopes: Scopes,
    /// When it was last changed, in nanoseconds since the Unix epoch.
    pub changed_ns: Option<u64>,
    /// The name of the key that changed it.
    pub changed_by: Option<String>,
    /// The file is damaged, so everything is off until the next change.
    pub damaged: bool,
    /// Whether a restart would find the same.
    pub persisted: bool,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Opens a scope, until a time in nanoseconds since the Unix epoch if one is given.
    On {
        /// Whose telemetry.
        subject: Subject,
        /// The end of the scope.
        until_ns: Option<u64>,
    },
    /// Ends the scope of this subject.
    Off(Subject),
    /// Ends all scopes.
    AllOff,
}

/// The content of the file as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Missing,
    Bytes(Vec<u8>),
    /// Too long to be a toggle, or it cannot be read.
    Unreadable,
}

impl Toggle {
    /// Reads the toggle of the folder `storage`. `initially` holds where there is no file.
    pub(super) fn open(
        fs: Arc<dyn Fs>,
        storage: &std::path::Path,
        initially: bool,
        system: SystemEvents,
        opening: Opening,
        now_ns: u64,
    ) -> Self {
        let path = storage.join("debug_toggle.json");
        let content = content(&*fs, &path);
        let toggle = Self {
            fs,
            path,
            initially,
            system,
            opening,
            file: Mutex::new(content.clone()),
            now: RwLock::default(),
        };
        toggle.take(&content, now_ns);
        toggle
    }

    /// What holds at present.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what another process has written. Blocks on the disk.
    pub fn look(&self, now_ns: u64) {
        let mut known = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_at(&mut known, now_ns);
    }

    /// Changes it, on this instance at once. Blocks on the disk. Where the file cannot be
    /// written the change holds until the process ends, and [`State::persisted`] says so.
    ///
    /// # Errors
    ///
    /// There are too many scopes; nothing was changed.
    pub fn change(
        &self,
        change: Change,
        by: Option<&str>,
        now_ns: u64,
    ) -> Result<Arc<State>, TooMany> {
        let mut known = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_at(&mut known, now_ns);
        let mut scopes = self.state().scopes.clone();
        let by = by.map(str::to_owned);
        match &change {
            Change::On { subject, until_ns } => {
                let (subject, until_ns) = (subject.clone(), *until_ns);
                let scope = Scope { subject, since_ns: now_ns, until_ns, by: by.clone() };
                scopes.add(scope, now_ns)?;
                (self.opening)();
            }
            Change::Off(subject) => {
                scopes.end(Some(subject), now_ns);
            }
            Change::AllOff => {
                scopes.end(None, now_ns);
            }
        }
        self.system.toggle(&change, by.as_deref());
        let switched = Switched { scopes, changed_ns: Some(now_ns), changed_by: by };
        let bytes = toggle_file::write(&switched, now_ns);
        let written = replace(&*self.fs, &self.path, &bytes);
        match &written {
            Ok(()) => *known = Content::Bytes(bytes),
            Err(error) => {
                tracing::warn!(%error, "The debug toggle holds, but could not be saved.");
            }
        }
        Ok(self.put(State::of(switched, written.is_ok())))
    }

    fn look_at(&self, known: &mut Content, now_ns: u64) {
        let found = content(&*self.fs, &self.path);
        if *known != found {
            self.take(&found, now_ns);
            *known = found;
            if !self.state().damaged {
                self.system.toggle_file(self.state().scopes.open(now_ns).count());
            }
        }
    }

    fn take(&self, content: &Content, now_ns: u64) {
        let switched = match content {
            Content::Missing => Some(self.initial(now_ns)),
            Content::Bytes(bytes) => toggle_file::read(bytes, now_ns),
            Content::Unreadable => None,
        };
        match switched {
            Some(switched) => drop(self.put(State::of(switched, true))),
            None => {
                let path = self.path.display();
                tracing::warn!(%path, "The debug toggle is damaged and counts as off.");
                self.system.damaged_toggle();
                self.put(State { damaged: true, persisted: true, ..State::default() });
            }
        }
    }

    fn initial(&self, now_ns: u64) -> Switched {
        let mut scopes = Scopes::default();
        if self.initially {
            // A first scope is never one too many.
            let _ = scopes.add(Scope::everybody(now_ns), now_ns);
        }
        Switched { scopes, changed_ns: None, changed_by: None }
    }

    fn put(&self, state: State) -> Arc<State> {
        let state = Arc::new(state);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&state);
        state
    }
}

impl State {
    fn of(switched: Switched, persisted: bool) -> Self {
        let Switched { scopes, changed_ns, changed_by } = switched;
        Self { scopes, changed_ns, changed_by, damaged: false, persisted }
    }
}

fn content(fs: &dyn Fs, path: &std::path::Path) -> Content {
    let longest = limits::DEBUG_TOGGLE_BYTES as u64;
    match fs.open(path).and_then(|file| file.len()) {
        Ok(length) if length > longest => return Content::Unreadable,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Content::Missing,
        _ => {}
    }
    match read_whole(fs, path) {
        Ok(Some(bytes)) => Content::Bytes(bytes),
        Ok(None) => Content::Missing,
        Err(_) => Content::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::debug::scope::Item;
    use crate::storage::fs::RealFs;

    fn toggle(folder: &Path, initially: bool, now_ns: u64) -> Toggle {
        let system = SystemEvents::nowhere();
        Toggle::open(Arc::new(RealFs), folder, initially, system, Box::new(|| ()), now_ns)
    }

    fn on(tenant: &str, until_ns: Option<u64>) -> Change {
        let subject = Subject { tenant: Some(tenant.to_owned()), ..Subject::default() };
        Change::On { subject, until_ns }
    }

    #[test]
    fn it_is_off_until_somebody_says_otherwise_and_stays_as_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let first = toggle(folder.path(), false, 1);
        assert!(!first.state().scopes.is_on(1));
        first.change(on("acme", Some(50)), Some("ops"), 10).unwrap();
        first.change(on("globex", None), None, 11).unwrap();
        drop(first);
        let second = toggle(folder.path(), false, 20);
        let state = second.state();
        assert_eq!((state.changed_ns, state.persisted, state.damaged), (Some(11), true, false));
        assert_eq!(state.scopes.open(20).count(), 2);
        assert_eq!(state.scopes.open(50).count(), 1);
        assert_eq!(state.scopes.all()[0].by.as_deref(), Some("ops"));
        second.change(Change::AllOff, Some("ops"), 60).unwrap();
        drop(second);
        // The configuration only says how it begins.
        assert!(!toggle(folder.path(), true, 70).state().scopes.is_on(70));
    }

    #[test]
    fn the_configuration_says_how_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let state = toggle(folder.path(), true, 5).state();
        assert!(state.scopes.want(5, &Item::default()) && !state.scopes.covers(4));
        assert!(!folder.path().join("debug_toggle.json").exists());
    }

    #[test]
    fn what_another_process_writes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("debug_toggle.json");
        let toggle = toggle(folder.path(), false, 1);
        fs::write(&path, "{\"enabled\": true}").unwrap();
        assert!(!toggle.state().scopes.is_on(2));
        toggle.look(3);
        assert!(toggle.state().scopes.covers(3) && !toggle.state().scopes.covers(2));
        // Looking again changes nothing: it is on since it was first seen.
        toggle.look(9);
        assert!(toggle.state().scopes.covers(3));
        // A change here goes on from what is in the file, not from what was known.
        fs::write(&path, "{\"enabled\":true,\"scopes\":[{\"agent\":\"planner\"}]}").unwrap();
        toggle.change(on("acme", None), None, 20).unwrap();
        let state = toggle.state();
        let subjects: Vec<_> = state.scopes.open(20).map(|scope| &scope.subject).collect();
        assert_eq!(subjects.len(), 2);
        assert_eq!(subjects[0].agent.as_deref(), Some("planner"));
        fs::remove_file(&path).unwrap();
        toggle.look(30);
        assert!(!toggle.state().scopes.is_on(30));
    }

    #[test]
    fn a_damaged_file_counts_as_off_and_the_next_change_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("debug_toggle.json");
        let huge = vec![b' '; limits::DEBUG_TOGGLE_BYTES + 1];
        for damage in [&b"{\"enabled\": tr"[..], b"\0\0\0\0", b"", &huge] {
            fs::write(&path, damage).unwrap();
            // Also where the configuration would begin with everything.
            let toggle = toggle(folder.path(), true, 1);
            let state = toggle.state();
            assert!(state.damaged && !state.scopes.is_on(1));
            assert_eq!(fs::read(&path).unwrap(), damage, "nothing is written by looking");
            let state = toggle.change(on("acme", None), None, 2).unwrap();
            assert!(!state.damaged && state.persisted && state.scopes.is_on(2));
            fs::write(&path, damage).unwrap();
            toggle.look(3);
            assert!(toggle.state().damaged && !toggle.state().scopes.is_on(3));
        }
    }

    #[test]
    fn where_nothing_can_be_saved_it_still_goes_off() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("storage");
        fs::create_dir(&gone).unwrap();
        let toggle = toggle(&gone, true, 1);
        fs::remove_dir(&gone).unwrap();
        fs::write(&gone, "a file where the folder was").unwrap();
        let state = toggle.change(Change::AllOff, Some("ops"), 2).unwrap();
        assert!(!state.scopes.is_on(2) && !state.persisted);
    }

    #[test]
    fn one_scope_too_many_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let toggle = toggle(folder.path(), false, 1);
        for number in 0..limits::DEBUG_SCOPES {
            toggle.change(on(&number.to_string(), None), None, 2).unwrap();
        }
        let before = toggle.state();
        assert_eq!(toggle.change(on("more", None), None, 3), Err(TooMany));
        assert_eq!(toggle.state(), before);
        let subject = Subject { tenant: Some("0".to_owned()), ..Subject::default() };
        toggle.change(Change::Off(subject), None, 4).unwrap();
        toggle.change(on("more", None), None, 5).unwrap();
        let bytes = fs::read(folder.path().join("debug_toggle.json")).unwrap();
        assert!(bytes.len() < limits::DEBUG_TOGGLE_BYTES);
    }
}
