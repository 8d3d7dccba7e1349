//! A store that is full of what it may keep: it stays within its bounds, the oldest goes first,
//! and what a target did not take in time is counted.

use std::fs;
use std::path::Path;

use super::{files, folder};
use crate::harness::{Page, free_port, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::oracle::hex;

const MIB: u64 = 1024 * 1024;
/// The least that can be configured.
const RETENTION: u64 = 16 * MIB;
const SEGMENT: u64 = MIB;
/// A block of so many segments may be in the works while those that it replaces are still there.
const FAN_IN: u64 = 8;

const SPANS_PER_REQUEST: u64 = 4;
const SPAN_BYTES: usize = 64 * 1024;

/// A request of one trace with spans of words that no other span says.
fn request(number: u64) -> Vec<u8> {
    use pharos::otlp::write;
    let mut dice = fastrand::Rng::with_seed(number);
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            for span in 1..=SPANS_PER_REQUEST {
                let words: String = (0..SPAN_BYTES)
                    .map(|at| if at % 9 == 8 { ' ' } else { dice.lowercase() })
                    .collect();
                write::message_field(out, 2, |out| {
                    write::bytes_field(out, 1, &trace_id(number));
                    write::bytes_field(out, 2, &(number * 16 + span).to_be_bytes());
                    write::bytes_field(out, 5, b"unlike the others");
                    write::fixed64_field(out, 7, crate::oracle::now_ns());
                    write::fixed64_field(out, 8, crate::oracle::now_ns() + 1);
                    write::message_field(out, 9, |out| {
                        write::bytes_field(out, 1, b"words");
                        write::message_field(out, 2, |out| {
                            write::bytes_field(out, 1, words.as_bytes());
                        });
                    });
                });
            }
        });
    });
    body
}

fn trace_id(number: u64) -> [u8; 16] {
    (u128::from(number) + 1).to_be_bytes()
}

/// Bytes of the log and of the blocks.
fn used(storage: &Path) -> u64 {
    let size = |path: std::path::PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let of = |folder: &str| {
        let folder = storage.join(folder);
        files(&folder).into_iter().map(|name| size(folder.join(name))).sum::<u64>()
    };
    of("segments") + of("blocks")
}

fn forwarding(folder: &Path, up: &Process, down: std::net::SocketAddr) -> Process {
    let config = folder.join("pharos.yml");
    let up = up.otlp_http;
    let text = format!(
        "storage:\n  segment_bytes: {SEGMENT}\n  retention:\n    bytes: {RETENTION}\n\
         forward:\n  targets:\n    - name: up\n      endpoint: http://{up}\n      \
         protocol: http/protobuf\n    - name: down\n      endpoint: http://{down}\n      \
         protocol: http/protobuf\n"
    );
    fs::write(&config, text).unwrap();
    start(&folder.join("data"), &["--config.file", config.to_str().unwrap()])
}

fn of_target(pharos: &Process, what: &str, target: &str) -> f64 {
    let family = format!("pharos_forward_{what}_items_total");
    Page::of(pharos).sum(&family, &[("target", target)])
}

#[test]
fn what_is_too_much_goes_oldest_first_and_targets_are_told() {
    let folder = folder();
    let receiver = start(&folder.path().join("up"), &["--storage.retention.bytes", "none"]);
    let down = free_port();
    let pharos = forwarding(folder.path(), &receiver, down);
    let storage = folder.path().join("data");
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    let (requests, mut most) = (140, 0);
    for number in 0..requests {
        assert_eq!(sender.export("traces", &request(number)).unwrap().status, 200);
        most = most.max(used(&storage));
        // The blocks keep pace, as they do where telemetry does not come in at disk speed.
        until("few segments that are not blocks", || {
            Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) < 3.0
        });
    }
    settle(&pharos);
    eprintln!("{most} bytes of {RETENTION} were used at most, {} at last", used(&storage));
    let bound = RETENTION + SEGMENT + FAN_IN * SEGMENT;
    assert!(most > RETENTION / 2 && most <= bound, "{most} of {bound}");
    assert!(Page::of(&pharos).sum("pharos_store_blocks_expired_total", &[]) > 0.0);

    let mut web = Sender::connect(pharos.web).unwrap();
    let kept: Vec<u64> = (0..requests)
        .filter(|number| {
            let path = format!("/api/traces/{}?view=skeleton", hex(&trace_id(*number)));
            web.get(&path).unwrap().status == 200
        })
        .collect();
    let oldest = kept[0];
    assert!(oldest > 0, "something has expired");
    assert_eq!(kept, (oldest..requests).collect::<Vec<_>>(), "the oldest go first");

    let all = (requests * SPANS_PER_REQUEST) as f64;
    until("everything at the target that is up", || of_target(&pharos, "sent", "up") == all);
    assert_eq!(of_target(&pharos, "expired", "up"), 0.0);
    settle(&receiver);
    let stored = Page::of(&receiver).sum("pharos_ingest_stored_items_total", &[]);
    assert_eq!(stored, all);

    // The other one comes up late: what it gets and what it does not get is all there was.
    assert_eq!(of_target(&pharos, "sent", "down"), 0.0);
    let late = ["--otlp.http.listen-address", &down.to_string()];
    let late = start(&folder.path().join("late"), &late);
    until("all accounted for", || {
        of_target(&pharos, "sent", "down") + of_target(&pharos, "expired", "down") == all
    });
    let expired = of_target(&pharos, "expired", "down");
    eprintln!("{expired} of {all} spans had expired before the second target took them");
    assert!(expired > 0.0);
    settle(&late);
    let stored = Page::of(&late).sum("pharos_ingest_stored_items_total", &[]);
    assert_eq!(stored, of_target(&pharos, "sent", "down"));
    assert_eq!(pharos.stop().unwrap(), Some(0));
}
