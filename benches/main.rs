//! `make bench`: drives a real Pharos over loopback and prints what it reached.
//!
//! Sender and Pharos share the machine's cores. Name scenarios to run only those:
//! `cargo bench --bench pharos -- idle lean`. `PHAROS_BENCH_SECONDS` sets the length of a load.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time itself")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say where")]
#![allow(missing_docs, unreachable_pub, reason = "nothing outside reads this")]

mod load;
mod scenario;

use std::{env, fs};

fn main() {
    // Cargo hands `--bench` to every benchmark it runs.
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    machine();
    println!("{:<34} {:>16}  {:<22} note", "figure", "measured", "aim");
    for (name, run) in scenario::ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            for row in run() {
                println!("{:<34} {:>16}  {:<22} {}", row.figure, row.measured, row.aim, row.note);
            }
        }
    }
}

fn machine() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name\t: "));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    println!(
        "measured on {cores} cores ({}), Linux {}, load average {load} before the start",
        model.unwrap_or("unknown"),
        kernel.trim(),
    );
}
