//! Disks that fill up, refuse to sync or turn read-only under a running Pharos.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{files, folder, skip};
use crate::harness::{Page, get, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::Profile;
use crate::oracle::Oracle;

const MIB: usize = 1024 * 1024;
/// All of a small disk may be used, and nothing expires.
const ALL_OF_IT: [&str; 6] = [
    "--storage.segment-bytes",
    "1048576",
    "--storage.disk-reserve-bytes",
    "0",
    "--storage.retention.bytes",
    "none",
];

/// An ext4 of 64 MiB in a file, mounted.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Option<Self> {
        let disk = Self { folder: folder() };
        fs::create_dir(disk.path()).unwrap();
        fs::File::create(disk.image()).unwrap().set_len(64 * MIB as u64).unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", disk.image().to_str().unwrap()]);
        (made && disk.mount()).then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) -> bool {
        let (image, path) = (self.image(), self.path());
        let (image, path) = (image.to_str().unwrap(), path.to_str().unwrap());
        run("mount", &["-o", "loop,errors=remount-ro", image, path])
    }

    fn unmount(&self) -> bool {
        run("umount", &[self.path().to_str().unwrap()])
    }

    /// What ext4 does when it finds its own structures damaged: no more writing.
    fn turn_read_only(&self) {
        assert!(run("mount", &["-o", "remount,abort", self.path().to_str().unwrap()]));
    }

    /// Checks it as an operator would, and mounts it again.
    fn repair(&self) {
        assert!(self.unmount());
        run("e2fsck", &["-fy", self.image().to_str().unwrap()]);
        assert!(self.mount());
    }

    /// Takes all but so many bytes away.
    fn fill(&self, leave: usize) {
        let ballast = vec![0x55; self.free().saturating_sub(leave)];
        fs::write(self.path().join("ballast"), ballast).unwrap();
        run("sync", &["-f", self.path().to_str().unwrap()]);
    }

    /// Takes every byte away that is left.
    fn fill_up(&self) {
        let mut rest = fs::File::create(self.path().join("rest")).unwrap();
        while rest.write_all(&[0x55; 4_096]).is_ok() {}
        run("sync", &["-f", self.path().to_str().unwrap()]);
    }

    /// Gives it all back.
    fn empty(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
        // There may be none.
        drop(fs::remove_file(self.path().join("rest")));
    }

    fn free(&self) -> usize {
        let told = Command::new("df").args(["--output=avail", "-B1"]).arg(self.path()).output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        told.lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// Whether a command could be run and went well.
fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    let quiet = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A process whose calls to sync fail while this lives.
struct FailingSyncs(Child);

impl FailingSyncs {
    fn of(pharos: &Process) -> Option<Self> {
        let id = pharos.id().to_string();
        let calls = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"];
        let mut strace = Command::new("strace");
        let strace = strace.args(["-f", "-p", &id, "-o", "/dev/null"]).args(calls);
        strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Self)
    }
}

impl Drop for FailingSyncs {
    fn drop(&mut self) {
        // Asked to end it lets go of the process; killed it would leave threads stopped.
        run("kill", &["-TERM", &self.0.id().to_string()]);
        drop(self.0.wait());
    }
}

/// While it runs every answer is an acknowledgement or says to come again.
fn only_retryable(oracle: &Oracle) {
    let answers = oracle.answers();
    assert!(answers.keys().all(|status| [200, 429, 503].contains(status)), "{answers:?}");
    assert!(answers.keys().any(|status| *status != 200), "{answers:?}");
}

fn refused(pharos: &Process, oracle: &Oracle) -> bool {
    let mut body = Vec::new();
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    oracle.send(&mut sender, &mut body).unwrap().status == 503
}

/// Everything but taking telemetry works.
fn reading_goes_on(pharos: &Process) {
    until("unreadiness", || get(pharos, "/health/ready").status == 503);
    assert_eq!(Page::of(pharos).sum("pharos_store_readonly", &[]), 1.0);
    for path in ["/api/traces/search", "/health/live", "/api/status", "/metrics"] {
        assert_eq!(get(pharos, path).status, 200, "{path}");
    }
}

/// Sends for a while.
fn load(pharos: &Process, oracle: &Oracle, enough: impl Fn() -> bool) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| oracle.load(pharos.otlp_http, 2, Duration::from_millis(1), &stop));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !enough() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(enough());
}

/// Ends it in the worst way, and finds everything after the next start.
fn kill_and_check(pharos: Process, storage: &Path, oracle: &Oracle) {
    pharos.kill().unwrap();
    let pharos = start(storage, &ALL_OF_IT);
    until("blocks of all closed segments", || {
        Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
    });
    oracle.check_traces(&pharos);
    oracle.check_search(&pharos);
    assert_eq!(Page::of(&pharos).sum("pharos_store_quarantined_total", &[]), 0.0);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let left = files(&storage.join("blocks"));
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}

#[test]
fn a_sync_that_fails_is_never_acknowledged_and_it_comes_back_by_itself() {
    let (folder, oracle) = (folder(), Oracle::new(Profile::Lean));
    let pharos = start(folder.path(), &ALL_OF_IT);
    load(&pharos, &oracle, || oracle.acknowledged() > 300);
    let Some(failing) = FailingSyncs::of(&pharos) else {
        return skip("strace is not installed: failing syncs");
    };
    let attached = Instant::now();
    while !refused(&pharos, &oracle) {
        if attached.elapsed() > Duration::from_secs(20) {
            return skip("strace may not trace here: failing syncs");
        }
    }
    let acknowledged = oracle.acknowledged();
    for _ in 0..50 {
        assert!(refused(&pharos, &oracle), "nothing is acknowledged while no sync succeeds");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(oracle.acknowledged(), acknowledged);
    reading_goes_on(&pharos);
    until("an attempt to make a block", || {
        Page::of(&pharos).sum("pharos_store_seal_failures_total", &[]) > 0.0
    });
    drop(failing);
    until("an acknowledgement", || !refused(&pharos, &oracle));
    until("readiness", || get(&pharos, "/health/ready").status == 200);
    load(&pharos, &oracle, || oracle.acknowledged() > acknowledged + 100);
    only_retryable(&oracle);
    oracle.check_traces(&pharos);
    kill_and_check(pharos, folder.path(), &oracle);
}

#[test]
fn a_full_disk_refuses_until_there_is_space_and_loses_nothing() {
    let Some(disk) = Disk::new() else {
        return skip("no loop device can be mounted here: a full disk");
    };
    let (storage, oracle) = (disk.path().join("data"), Oracle::new(Profile::Lean));
    let told = || oracle.answers().get(&503).copied().unwrap_or(0);
    let mut pharos = start(&storage, &ALL_OF_IT);
    for round in 0..3_usize {
        // At first there is not even space for a segment, later also for blocks.
        disk.fill(700_000 + round * 2 * MIB);
        let before = told();
        load(&pharos, &oracle, || told() > before + 10);
        reading_goes_on(&pharos);
        if round == 0 {
            // The start closes the segment, and there is no space for the block of it.
            disk.fill_up();
            assert_eq!(pharos.stop().unwrap(), Some(0));
            pharos = start(&storage, &ALL_OF_IT);
            until("an attempt to make a block", || {
                Page::of(&pharos).sum("pharos_store_seal_failures_total", &[]) > 0.0
            });
            until("a refusal", || refused(&pharos, &oracle));
            reading_goes_on(&pharos);
            oracle.check_traces(&pharos);
        }
        disk.empty();
        let freed = Instant::now();
        until("an acknowledgement", || !refused(&pharos, &oracle));
        eprintln!("round {round}: telemetry is taken {:?} after there was space", freed.elapsed());
        until("readiness", || get(&pharos, "/health/ready").status == 200);
        until("blocks of all closed segments", || {
            Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
        });
        oracle.check_search(&pharos);
    }
    only_retryable(&oracle);
    kill_and_check(pharos, &storage, &oracle);
}

#[test]
fn a_disk_that_turns_read_only_is_still_read() {
    let Some(disk) = Disk::new() else {
        return skip("no loop device can be mounted here: a disk that turns read-only");
    };
    let (storage, oracle) = (disk.path().join("data"), Oracle::new(Profile::Lean));
    let pharos = start(&storage, &ALL_OF_IT);
    load(&pharos, &oracle, || oracle.acknowledged() > 300);
    disk.turn_read_only();
    until("a refusal", || refused(&pharos, &oracle));
    assert!(refused(&pharos, &oracle));
    reading_goes_on(&pharos);
    oracle.check_traces(&pharos);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    // It can also be started there, and says the same.
    let pharos = start(&storage, &ALL_OF_IT);
    assert!(refused(&pharos, &oracle));
    reading_goes_on(&pharos);
    oracle.check_traces(&pharos);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    disk.repair();
    let pharos = start(&storage, &ALL_OF_IT);
    load(&pharos, &oracle, || !refused(&pharos, &oracle));
    only_retryable(&oracle);
    kill_and_check(pharos, &storage, &oracle);
}
