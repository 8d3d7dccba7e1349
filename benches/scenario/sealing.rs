//! A load that lasts, while what it sends becomes blocks; and a start after a kill.

use std::time::{Duration, Instant};

use super::throughput::{drive, http, millis};
use super::{Row, binary, mebibytes, row, start};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::{Profile, Template};

/// Paced at the promised rates.
pub fn run() -> Vec<Row> {
    let mut rows = sustained("lean with sealing", &Template::new(Profile::Lean, 100), 120_000);
    rows.extend(sustained("fat with sealing", &Template::new(Profile::Fat, 50), 30_000));
    rows.push(restart());
    rows
}

fn sustained(name: &str, template: &Template, rate: u64) -> Vec<Row> {
    let bench = start(&["--storage.retention.bytes=20GiB"]);
    let connections = super::throughput::CONNECTIONS;
    let pause = Duration::from_secs_f64((connections * template.spans) as f64 / rate as f64);
    let began = Instant::now();
    let latencies = drive(&bench, template, http, Some(pause));
    let seconds = began.elapsed().as_secs_f64();
    let reached = latencies.len() as f64 * template.spans as f64 / seconds;
    let figure = |name: &str| metric(&bench.pharos, name);
    let note = format!(
        "{seconds:.0} s, {} blocks, {} closed segments not sealed, {:.1} CPU s per million",
        figure("pharos_store_blocks "),
        figure("pharos_store_unsealed_segments "),
        bench.pharos.cpu_seconds() / (reached * seconds) * 1e6,
    );
    let p50 = format!("p50 {}", millis(&latencies, 0.5));
    let aim = if rate > 100_000 { "≥ 120,000" } else { "≥ 30,000" };
    vec![
        row(name, format!("{reached:.0} spans/s"), aim, note),
        row("", millis(&latencies, 0.99), "p99, < 50 ms", p50),
        row("", mebibytes(bench.pharos.peak_rss_bytes()), "< 400 MB", "peak RSS".to_owned()),
    ]
}

fn metric(pharos: &Process, name: &str) -> u64 {
    let page = Sender::connect(pharos.web).unwrap().get("/metrics").unwrap();
    let page = String::from_utf8(page.body).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0.0, |value| value.trim().parse::<f64>().unwrap()) as u64
}

/// From the start of the process to its readiness, over a gibibyte of log that nobody closed.
fn restart() -> Row {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let template = Template::new(Profile::Lean, 100);
    let open = ["--storage.segment-bytes=1GiB"];
    let pharos = Process::start(&binary(), folder.path(), &open).unwrap();
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    let (mut body, mut sent, mut number) = (Vec::new(), 0, 0);
    while sent < (1 << 30) - (32 << 20) {
        template.stamp(number, 1_795_248_000_000_000_000 + number * 1_000_000, &mut body);
        assert_eq!(sender.export("traces", &body).unwrap().status, 200);
        sent += body.len();
        number += 1;
    }
    // Dropped, it is killed.
    drop(pharos);
    let began = Instant::now();
    let pharos = Process::start(&binary(), folder.path(), &open).unwrap();
    let mut web = Sender::connect(pharos.web).unwrap();
    while web.get("/health/ready").unwrap().status != 200 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = format!("{:.2} s", began.elapsed().as_secs_f64());
    row("start after kill -9", took, "< 2 s", format!("{} of log", mebibytes(sent as u64)))
}
