//! LiteLLM's proxy over the same stand-in, where it is installed: the usual choice beside ours.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::MODEL;
use super::calls::Target;
use crate::load::http::Sender;
use crate::load::process::{cpu_seconds, memory};

/// Importing all of it takes a while, more so on a cold disk.
const START_AT_MOST: Duration = Duration::from_secs(150);

/// A running proxy; dropped, it is killed with whatever it started.
pub struct Litellm {
    child: Child,
    pub target: Target,
    _folder: tempfile::TempDir,
}

/// The program: named by `PHAROS_LITELLM`, or what `make bench` installed.
pub fn program() -> Option<PathBuf> {
    let installed = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-litellm/bin/litellm");
    let program = std::env::var_os("PHAROS_LITELLM").map_or_else(installed, PathBuf::from);
    program.is_file().then_some(program)
}

impl Litellm {
    /// Starts it with one worker, no database and no telemetry, and waits until it answers.
    pub fn start(program: &Path, provider: SocketAddr) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(told)?;
        let config = folder.path().join("config.yaml");
        fs::write(&config, configuration(provider)).map_err(told)?;
        let log = folder.path().join("log");
        let output = File::create(&log).map_err(told)?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.map_err(told)?;
        let mut command = Command::new(program);
        command
            .args(["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"])
            .args(["--port", &address.port().to_string(), "--config"])
            .arg(&config)
            // Its own list of prices, instead of one from the network.
            .envs([("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_LOG", "ERROR")])
            // Without a key of its own it does not start unless told so; it has less to do then.
            .env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true")
            .env_remove("DATABASE_URL")
            .env_remove("LITELLM_MASTER_KEY")
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(told)?)
            .stderr(output);
        let child = command.spawn().map_err(told)?;
        let target = Target { address, path: "/v1" };
        let mut proxy = Self { child, target, _folder: folder };
        proxy.ready().map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{error}; {}", log.lines().last().unwrap_or_default())
        })?;
        Ok(proxy)
    }

    fn ready(&mut self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let sender = Sender::connect(self.target.address);
            let alive = sender.and_then(|mut sender| sender.get("/health/liveliness"));
            if alive.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("it ended with {status}"));
            }
            if began.elapsed() > START_AT_MOST {
                return Err("it did not get ready".to_owned());
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    pub fn rss_bytes(&self) -> u64 {
        memory(self.child.id(), "VmRSS:")
    }

    pub fn peak_rss_bytes(&self) -> u64 {
        memory(self.child.id(), "VmHWM:")
    }
}

impl Drop for Litellm {
    fn drop(&mut self) {
        // The group: it may have started helpers of its own.
        let group = format!("-{}", self.child.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn configuration(provider: SocketAddr) -> String {
    format!(
        "model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      \
         model: openai/{MODEL}\n      \
         api_base: http://{provider}/v1\n      api_key: dummy\nlitellm_settings:\n  \
         telemetry: false\n"
    )
}
