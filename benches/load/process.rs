//! A real Pharos in a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, thread};

/// A running Pharos; dropped, it is killed.
pub struct Process {
    child: Child,
    /// Console, API and `/metrics`.
    pub web: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
}

impl Process {
    /// Starts `binary` on free ports over `storage` and waits until it says where it listens.
    pub fn start(binary: &Path, storage: &Path, extra: &[&str]) -> io::Result<Self> {
        Self::start_in(binary, storage, extra, &[])
    }

    /// The same with further environment variables.
    pub fn start_in(
        binary: &Path,
        storage: &Path,
        extra: &[&str],
        variables: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .arg("serve")
            .args(extra)
            .env("PHAROS_WEB_LISTEN_ADDRESS", "127.0.0.1:0")
            .env("PHAROS_OTLP_HTTP_LISTEN_ADDRESS", "127.0.0.1:0")
            .env("PHAROS_OTLP_GRPC_LISTEN_ADDRESS", "127.0.0.1:0")
            .env("PHAROS_LOG_FORMAT", "json")
            .env("PHAROS_STORAGE_PATH", storage)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (found, addresses) = mpsc::sync_channel(1);
        // The thread goes on reading, so that Pharos never blocks on a full pipe.
        thread::spawn(move || {
            let mut tail = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                match addresses_of(&line) {
                    Some(all) => drop(found.try_send(Ok(all))),
                    None => tail.push_str(&line),
                }
                if tail.len() > 10_000 {
                    tail.clear();
                }
            }
            drop(found.try_send(Err(tail)));
        });
        match addresses.recv_timeout(Duration::from_secs(60)) {
            Ok(Ok([web, otlp_http, otlp_grpc])) => Ok(Self { child, web, otlp_http, otlp_grpc }),
            Ok(Err(log)) => Err(io::Error::other(format!("pharos ended: {log}"))),
            Err(_) => {
                child.kill()?;
                Err(io::Error::other("pharos did not say where it listens"))
            }
        }
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to stop and waits for its exit code.
    pub fn stop(mut self) -> io::Result<Option<i32>> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        self.child.wait().map(|status| status.code())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// CPU seconds (user and system) it has used.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.id())
    }

    /// Resident memory now, in bytes.
    pub fn rss_bytes(&self) -> u64 {
        memory(self.id(), "VmRSS:")
    }

    /// The most memory that was resident, in bytes.
    pub fn peak_rss_bytes(&self) -> u64 {
        memory(self.id(), "VmHWM:")
    }

    /// Forgets the peak so far.
    pub fn reset_peak(&self) {
        drop(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// CPU seconds (user and system) that a process has used.
pub fn cpu_seconds(id: u32) -> f64 {
    let stat = proc(id, "stat");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    // Linux counts in 1/100 s on every architecture it is built for with its defaults.
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What a process's `status` says in bytes under a key such as `VmRSS:`.
pub fn memory(id: u32, key: &str) -> u64 {
    let status = proc(id, "status");
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn proc(id: u32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default()
}

fn addresses_of(line: &str) -> Option<[SocketAddr; 3]> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = |key: &str| event.get(key)?.as_str()?.parse().ok();
    Some([address("web")?, address("otlp_http")?, address("otlp_grpc")?])
}
