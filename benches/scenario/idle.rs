//! What Pharos costs when nobody sends.

use std::thread;
use std::time::Duration;

use super::{Row, mebibytes, row, start};

pub fn run() -> Vec<Row> {
    let bench = start(&[]);
    thread::sleep(Duration::from_secs(3));
    let before = bench.pharos.cpu_seconds();
    thread::sleep(Duration::from_secs(5));
    let cpu = (bench.pharos.cpu_seconds() - before) / 5.0;
    vec![
        row("idle RSS", mebibytes(bench.pharos.rss_bytes()), "< 50 MB", String::new()),
        row("idle CPU", format!("{:.2} %", cpu * 100.0), "", "of one core".to_owned()),
    ]
}
