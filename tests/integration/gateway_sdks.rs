//! The real SDKs of OpenAI and Anthropic through the gateway, unchanged but for their base URL.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Page, settle, start, until};
use crate::load::process::Process;

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    assert!(python.exists(), "`make prepare` installs the client libraries");
    python
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gateway").join(name)
}

/// A stand-in for both providers; dropped, it is ended.
struct Provider {
    child: Child,
    port: u16,
}

impl Provider {
    fn start() -> Self {
        let mut child = Command::new(python())
            .arg(fixture("provider.py"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn through(folder: &Path, provider: &Provider) -> Process {
    let file = folder.join("pharos.yml");
    let port = provider.port;
    let text = format!(
        "gateway:\n  upstreams:\n    openai: {{url: \"http://127.0.0.1:{port}/v1\"}}\n    \
         anthropic: {{url: \"http://127.0.0.1:{port}\", kind: anthropic}}\n"
    );
    std::fs::write(&file, text).unwrap();
    start(&folder.join("data"), &["--config.file", file.to_str().unwrap()])
}

fn run(pharos: &Process, script: &str, more: &[&str]) {
    let output = Command::new(python())
        .arg(fixture(script))
        .arg(format!("http://{}/gateway", pharos.web))
        .args(more)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", pharos.otlp_http))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_sdks_see_their_provider_and_every_call_is_counted() {
    let provider = Provider::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = through(folder.path(), &provider);
    run(&pharos, "sdk.py", &[]);
    until("nine calls", || Page::of(&pharos).sum("gateway_requests_total", &[]) == 9.0);
    settle(&pharos);
    let page = Page::of(&pharos);
    let calls = |model: &str, status: &str| {
        page.sum("llm_requests_total", &[("model", model), ("status", status)])
    };
    assert_eq!(calls("gpt-4o", "success"), 3.0, "{}", page.text());
    assert_eq!((calls("gpt-5", "success"), calls("claude-sonnet-4-5", "success")), (2.0, 2.0));
    assert_eq!(calls("text-embedding-3-small", "success"), 1.0);
    assert_eq!(calls("unknown", "error"), 1.0);
    let tokens = |model: &str, kind: &str| {
        page.sum("llm_tokens_total", &[("model", model), ("token_type", kind)])
    };
    assert_eq!((tokens("gpt-4o", "prompt"), tokens("gpt-4o", "completion")), (27.0, 9.0));
    assert_eq!((tokens("gpt-5", "prompt"), tokens("gpt-5", "completion")), (18.0, 6.0));
    let claude = "claude-sonnet-4-5";
    assert_eq!((tokens(claude, "prompt"), tokens(claude, "completion")), (18.0, 6.0));
    assert_eq!(page.sum("llm_cached_tokens_total", &[("model", claude)]), 8.0);
    assert_eq!(page.sum("llm_reasoning_tokens_total", &[("model", "gpt-5")]), 2.0);
    for (model, streams) in [("gpt-4o", 2.0), ("gpt-5", 1.0), (claude, 1.0)] {
        let first = page.sum("llm_time_to_first_token_seconds_count", &[("model", model)]);
        assert_eq!(first, streams, "{model}");
    }
    // By the built-in prices: what is cached of a prompt costs less.
    for (model, microdollars) in [
        ("gpt-4o", 3.0 * (7.0 * 2.5 + 2.0 * 1.25 + 3.0 * 10.0)),
        (claude, 2.0 * (5.0 * 3.0 + 4.0 * 0.3 + 3.0 * 15.0)),
    ] {
        let cost = page.sum("llm_cost_usd_total", &[("model", model)]);
        assert!((cost * 1e6 - microdollars).abs() < 1e-6, "{model}: {cost}");
        assert_eq!(page.sum("llm_unpriced_requests_total", &[("model", model)]), 0.0);
    }
    assert_eq!(page.sum("pharos_gateway_unmetered_total", &[]), 0.0);
}

#[test]
fn a_call_that_the_app_reports_too_is_one_call() {
    for more in [&[][..], &["http"]] {
        let provider = Provider::start();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let pharos = through(folder.path(), &provider);
        run(&pharos, "instrumented.py", more);
        until("both reports", || {
            let page = Page::of(&pharos);
            page.sum("gateway_requests_total", &[]) == 1.0
                && page.sum("pharos_duplicate_llm_reports_total", &[]) == 1.0
        });
        let page = Page::of(&pharos);
        assert_eq!(page.sum("llm_requests_total", &[]), 1.0, "{more:?}: {}", page.text());
        assert_eq!(page.sum("llm_tokens_total", &[]), 12.0, "{more:?}");
    }
}
