//! `pharos healthcheck`: for containers and scripts.

use anyhow::anyhow;

use super::arguments::HealthcheckArguments;
use super::client::{base_url, get};
use super::{Failure, output};

pub(super) fn run(arguments: &HealthcheckArguments) -> Result<(), Failure> {
    let url = base_url(arguments.url.as_deref(), &arguments.flags)?;
    let answer = get(&format!("{url}/health/ready"), None, arguments.timeout)?;
    if answer.status == 200 {
        return output::data("ready");
    }
    let reason = answer.body.lines().next().unwrap_or_default();
    Err(anyhow!("{url} is not ready: {} {reason}", answer.status).into())
}
