//! Debug events, connected: what they append goes the way of every other batch.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::observers::DebugWatch;
use super::{AppError, options};
use crate::config::Loaded;
use crate::debug::{Debug, Onward};
use crate::metrics::Registry;
use crate::model::Signal;
use crate::pipeline::Pipeline;
use crate::storage::Log;
use crate::storage::fs::Fs;
use crate::{build_info, limits};

/// Appends through the pipeline, so that nothing is stored that was not redacted and counted.
struct IntoPipeline {
    pipeline: Arc<Pipeline>,
    runtime: Handle,
}

impl Onward for IntoPipeline {
    fn append(&self, request: Vec<u8>, items: u32) -> bool {
        let kept = self.pipeline.ingest(Signal::Logs, request.into(), items, Box::new(()));
        let longest = Duration::from_secs(limits::DEBUG_APPEND_SECONDS);
        let within = async { tokio::time::timeout(longest, kept).await };
        matches!(self.runtime.block_on(within), Ok(Ok(_)))
    }
}

/// Starts to follow the log and tells which configuration holds.
pub(super) async fn start(
    loaded: &Loaded,
    log: &Arc<Log>,
    fs: &Arc<dyn Fs>,
    pipeline: &Arc<Pipeline>,
    registry: &Registry,
) -> Result<Debug, AppError> {
    let options = options::debug(&loaded.config);
    let runtime = Handle::current();
    let onward = Arc::new(IntoPipeline { pipeline: Arc::clone(pipeline), runtime });
    let watch = Arc::new(DebugWatch::new(registry));
    let (log, fs) = (Arc::clone(log), Arc::clone(fs));
    let digest = Sha256::digest(loaded.effective_json.to_string().as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let starting = tokio::task::spawn_blocking(move || {
        let debug = Debug::start(&options, log, fs, onward, watch);
        let debug =
            debug.map_err(|source| AppError::File { path: options.folder.clone(), source })?;
        debug.system().configuration(&options, &digest, build_info::VERSION);
        Ok(debug)
    });
    match starting.await {
        Ok(started) => started,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
