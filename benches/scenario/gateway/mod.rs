//! The gateway beside no gateway, beside a proxy that reads nothing, and beside LiteLLM's.
//!
//! Callers, provider and gateway share the machine's cores; callers, provider and the plain proxy
//! live in the bench's process. Latencies count from the sending of a call.

mod calls;
mod litellm;
mod server;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use calls::{Outcome, Target, drive, streams};
use litellm::Litellm;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::Server;

use super::{Bench, Row, mebibytes, row, start};
use crate::load::http::Sender;

/// The model of every call; it has a price.
const MODEL: &str = "gpt-4o-mini";
const LOAD: Duration = Duration::from_secs(5);
const RATE: u32 = 2_000;
const PACED_CONNECTIONS: u32 = 16;
const CONNECTIONS: u32 = 64;
const STREAMS: u32 = 100;
const MANY_STREAMS: u32 = 1_000;
/// Streams that each caller has, one after the other, where they are spread.
const ROUNDS: u32 = 5;
/// The rate at which LiteLLM is not yet busy.
const SLOW_RATE: u32 = 50;
/// How long what was called may take to be on the page.
const SETTLED_AT_MOST: Duration = Duration::from_secs(30);

/// The servers of the bench's process.
struct Stage {
    provider: Server,
    proxy: Server,
}

impl Stage {
    fn direct(&self) -> Target {
        Target { address: self.provider.address, path: "/v1" }
    }

    fn plain(&self) -> Target {
        Target { address: self.proxy.address, path: "/v1" }
    }
}

pub fn run() -> Vec<Row> {
    let mut rows: Vec<Row> = open_files().into_iter().collect();
    let provider = server::provider();
    let proxy = server::plain_proxy(provider.address);
    let stage = Stage { provider, proxy };
    rows.extend(paced(&stage));
    rows.extend(saturated(&stage));
    rows.extend(hundred(&stage));
    rows.extend(thousand(&stage));
    rows.extend(beside(&stage));
    rows
}

/// A Pharos whose only upstream is the stand-in, and the way through it.
fn pharos(provider: SocketAddr) -> (Bench, Target, tempfile::TempDir) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("pharos.yml");
    let text = format!(
        "gateway:\n  upstreams:\n    main:\n      url: http://{provider}/v1\n      kind: openai\n"
    );
    fs::write(&file, text).unwrap();
    let bench = start(&["--config.file", file.to_str().unwrap()]);
    let target = Target { address: bench.pharos.web, path: "/gateway/main" };
    (bench, target, folder)
}

/// What is added to a call at a load that leaves the cores room.
fn paced(stage: &Stage) -> Vec<Row> {
    let (_bench, through, _folder) = pharos(stage.provider.address);
    let drive = |target| drive(target, PACED_CONNECTIONS, Some(RATE), LOAD);
    let (direct, plain, ours) = (drive(stage.direct()), drive(stage.plain()), drive(through));
    let figure = |name: &str| format!("gateway, {RATE}/s: {name}");
    let all = |outcome: &Outcome| {
        let (p50, p99) = (outcome.quantile(0.5), outcome.quantile(0.99));
        format!(
            "p50 {}, p99 {}, {:.0}/s reached{}",
            millis(p50),
            millis(p99),
            outcome.per_second(),
            outcome.trouble()
        )
    };
    let added = |outcome: &Outcome, quantile| {
        signed_millis(outcome.quantile(quantile), direct.quantile(quantile))
    };
    let note = format!("{PACED_CONNECTIONS} connections; latencies from the actual sending");
    vec![
        row(&figure("direct p50"), millis(direct.quantile(0.5)), "", all(&direct)),
        row(&figure("plain proxy adds p50"), added(&plain, 0.5), "", all(&plain)),
        row("", added(&plain, 0.99), "", "p99".to_owned()),
        row(&figure("Pharos adds p50"), added(&ours, 0.5), "< 0.3 ms", all(&ours)),
        row("", added(&ours, 0.99), "< 2 ms", format!("p99; {note}")),
    ]
}

/// As many calls as go through, and whether all of them were counted.
fn saturated(stage: &Stage) -> Vec<Row> {
    let (bench, through, _folder) = pharos(stage.provider.address);
    let direct = drive(stage.direct(), CONNECTIONS, None, LOAD);
    let plain = drive(stage.plain(), CONNECTIONS, None, LOAD);
    let before = bench.pharos.cpu_seconds();
    let ours = drive(through, CONNECTIONS, None, LOAD);
    let loaded = bench.pharos.cpu_seconds() - before;
    let counted = counted(&bench, ours.answered);
    let settled = bench.pharos.cpu_seconds() - before;
    let each = |seconds: f64| seconds * 1e3 / ours.answered.max(1) as f64;
    let figure = |name: &str| format!("gateway, {CONNECTIONS} callers: {name}");
    let note = |outcome: &Outcome| {
        let (p50, p99) = (outcome.quantile(0.5), outcome.quantile(0.99));
        format!("p50 {}, p99 {}{}", millis(p50), millis(p99), outcome.trouble())
    };
    let cpu = format!(
        "of Pharos, until all is measured; {:.3} ms while calls came; peak RSS {}",
        each(loaded),
        mebibytes(bench.pharos.peak_rss_bytes())
    );
    let Counted { calls, unrecorded, failures, unmetered } = counted;
    let all = calls + unrecorded == ours.answered as f64;
    let law = format!(
        "of {} answered; {unrecorded} unrecorded, {failures} failed, {unmetered} unmetered: {}",
        ours.answered,
        if all { "all accounted for" } else { "NOT ACCOUNTED FOR" }
    );
    vec![
        row(&figure("direct"), rate(&direct), "", note(&direct)),
        row(&figure("plain proxy"), rate(&plain), "", note(&plain)),
        row(&figure("Pharos"), rate(&ours), "≥ 15,000/s", note(&ours)),
        row("", format!("{:.3} CPU ms", each(settled)), "", cpu),
        row("", format!("{calls} counted"), "all", law),
    ]
}

/// How soon a stream shows something while a hundred run.
fn hundred(stage: &Stage) -> Vec<Row> {
    let (bench, through, _folder) = pharos(stage.provider.address);
    let spread = server::PAUSE * server::CHUNKS;
    let mut rows = Vec::new();
    let targets = [
        ("direct", stage.direct(), ""),
        ("plain proxy", stage.plain(), ""),
        ("Pharos", through, "< 6 ms"),
    ];
    for (name, target, aim) in targets {
        let even = streams(target, STREAMS, ROUNDS, spread);
        let burst = streams(target, STREAMS, 1, Duration::ZERO);
        rows.push(first_chunk(&format!("gateway, {STREAMS} streams: {name}"), aim, &even, &burst));
    }
    let peak = mebibytes(bench.pharos.peak_rss_bytes());
    rows.push(row("", peak, "", "peak RSS of Pharos".to_owned()));
    rows
}

fn first_chunk(figure: &str, aim: &'static str, even: &Outcome, burst: &Outcome) -> Row {
    let note = format!(
        "first chunk p50, {} at once, p99 {}; all begun at once: p50 {}, p99 {}{}{}",
        even.together,
        millis(even.quantile(0.99)),
        millis(burst.quantile(0.5)),
        millis(burst.quantile(0.99)),
        even.trouble(),
        burst.trouble()
    );
    row(figure, millis(even.quantile(0.5)), aim, note)
}

/// What a thousand streams weigh.
fn thousand(stage: &Stage) -> Vec<Row> {
    let (bench, through, _folder) = pharos(stage.provider.address);
    let before = bench.pharos.rss_bytes();
    let outcome = streams(through, MANY_STREAMS, 2, Duration::ZERO);
    let counted = counted(&bench, outcome.answered);
    let note = format!(
        "peak RSS, {} at once, {} before; {} of {} calls counted, {} unrecorded{}",
        outcome.together,
        mebibytes(before),
        counted.calls,
        outcome.answered,
        counted.unrecorded,
        outcome.trouble()
    );
    let peak = mebibytes(bench.pharos.peak_rss_bytes());
    vec![row(&format!("gateway, {MANY_STREAMS} streams: Pharos"), peak, "< 200 MB", note)]
}

/// LiteLLM's proxy, and Pharos under the same small load.
fn beside(stage: &Stage) -> Vec<Row> {
    let Some(program) = litellm::program() else {
        let how = "`make bench-litellm` installs it, or PHAROS_LITELLM names the program";
        return vec![row("LiteLLM beside it", "skipped".to_owned(), "", how.to_owned())];
    };
    let proxy = match Litellm::start(&program, stage.provider.address) {
        Ok(proxy) => proxy,
        Err(reason) => return vec![row("LiteLLM beside it", "failed".to_owned(), "", reason)],
    };
    let idle = proxy.rss_bytes();
    let slow = |target| drive(target, 4, Some(SLOW_RATE), LOAD);
    let direct = slow(stage.direct());
    let theirs_slow = slow(proxy.target);
    let before = proxy.cpu_seconds();
    let theirs = drive(proxy.target, PACED_CONNECTIONS, None, LOAD);
    let cpu = (proxy.cpu_seconds() - before) * 1e3 / theirs.answered.max(1) as f64;
    let spread = server::PAUSE * server::CHUNKS;
    // Its first streams load what the others need.
    drop(streams(proxy.target, 4, 2, Duration::ZERO));
    let even = streams(proxy.target, STREAMS, 2, spread);
    let burst = streams(proxy.target, STREAMS, 1, Duration::ZERO);
    let peak = mebibytes(proxy.peak_rss_bytes());
    // Its threads must not weigh on what is measured of Pharos.
    drop(proxy);
    let (_bench, through, _folder) = pharos(stage.provider.address);
    let ours_slow = slow(through);
    let ours = drive(through, PACED_CONNECTIONS, None, LOAD);
    let figure = |name: &str| format!("LiteLLM, {name}");
    let added = |outcome: &Outcome| signed_millis(outcome.quantile(0.5), direct.quantile(0.5));
    let mut rows = vec![row(
        &figure(&format!("{PACED_CONNECTIONS} callers")),
        rate(&theirs),
        "",
        format!("{cpu:.2} CPU ms a call; Pharos beside: {}{}", rate(&ours), theirs.trouble()),
    )];
    rows.push(row(
        &figure(&format!("{SLOW_RATE}/s: adds p50")),
        added(&theirs_slow),
        "",
        format!("Pharos beside: {}{}", added(&ours_slow), theirs_slow.trouble()),
    ));
    rows.push(first_chunk(&figure(&format!("{STREAMS} streams")), "", &even, &burst));
    rows.push(row(&figure("peak RSS"), peak, "", format!("{} before the load", mebibytes(idle))));
    rows
}

/// What the page says of calls.
#[derive(Default)]
struct Counted {
    calls: f64,
    unrecorded: f64,
    failures: f64,
    unmetered: f64,
}

/// Reads the page until it tells of so many calls, or has told the same for long enough.
fn counted(bench: &Bench, expected: u64) -> Counted {
    let began = Instant::now();
    loop {
        let counted = page(bench).unwrap_or_default();
        let all = counted.calls + counted.unrecorded >= expected as f64;
        if all || began.elapsed() > SETTLED_AT_MOST {
            return counted;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn page(bench: &Bench) -> std::io::Result<Counted> {
    let answer = Sender::connect(bench.pharos.web)?.get("/metrics")?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let mut sums: HashMap<&str, f64> = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let family = series.split('{').next().unwrap_or_default();
        *sums.entry(family).or_default() += value.parse().unwrap_or(0.0);
    }
    let sum = |family| sums.get(family).copied().unwrap_or_default();
    Ok(Counted {
        calls: sum("llm_requests_total"),
        unrecorded: sum("pharos_gateway_unrecorded_total"),
        failures: sum("pharos_gateway_failures_total"),
        unmetered: sum("pharos_gateway_unmetered_total"),
    })
}

/// A thousand streams have four thousand ends in two processes; what is started inherits this.
fn open_files() -> Option<Row> {
    const NEEDED: u64 = 4_096;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= NEEDED) {
        return None;
    }
    let wanted = limit.maximum.map_or(NEEDED, |maximum| maximum.min(NEEDED));
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    let note =
        raised.map_or_else(|error| error.to_string(), |()| "raised for the bench".to_owned());
    Some(row("gateway: open files", wanted.to_string(), "", note))
}

fn rate(outcome: &Outcome) -> String {
    format!("{:.0} calls/s", outcome.per_second())
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn signed_millis(time: Duration, base: Duration) -> String {
    format!("{:+.2} ms", (time.as_secs_f64() - base.as_secs_f64()) * 1e3)
}
