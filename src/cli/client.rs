//! Asking a running Pharos.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::{Failure, load};
use crate::config::{Flags, Secret, read_text_file};
use crate::limits;

/// An answer in full.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// The base URL: the one given, else that of the configured web address.
pub(super) fn base_url(given: Option<&str>, flags: &Flags) -> Result<String, Failure> {
    if let Some(url) = given {
        return crate::config::read_url(url)
            .map_err(|what| Failure::Usage(format!("--url: {what}")));
    }
    let address = load(flags)?.config.web.listen_address;
    if address.port() == 0 {
        let what = "web.listen_address has port 0; say with --url where Pharos is".to_owned();
        return Err(Failure::Usage(what));
    }
    Ok(format!("http://{}", reachable(address)))
}

/// The key in a file, for requests.
pub(super) fn api_key(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let text = read_text_file(file)
        .map_err(|what| Failure::Usage(format!("--api-key-file: {} {what}", file.display())))?;
    Ok(Some(Secret::new(text.trim())))
}

/// One GET. Redirects are not followed: the key is meant for this address only.
pub(super) fn get(url: &str, key: Option<&Secret>, timeout: Duration) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime could be started")?;
    let asked = async {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut request = client.get(url);
        if let Some(key) = key {
            request = request.header("x-api-key", key.expose());
        }
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > limits::CLIENT_ANSWER_BYTES {
                return Err(anyhow!("the answer has more than {}", limits::CLIENT_ANSWER_BYTES));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    let answer = runtime.block_on(asked).with_context(|| format!("{url} did not answer"))?;
    Ok(answer)
}

/// An address that listens everywhere is asked on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
