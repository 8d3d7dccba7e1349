//! Requests that are small on the wire and large behind it.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Row, mebibytes, row, start};
use crate::load::http::Sender;

const PARALLEL: usize = 64;

pub fn run() -> Vec<Row> {
    let spans = [0x12_u8, 0].repeat(2 * 1024 * 1024);
    let mut scope = vec![0x12];
    pharos::otlp::write::varint(&mut scope, spans.len() as u64);
    scope.extend(spans);
    let mut request = Vec::new();
    pharos::otlp::write::bytes_field(&mut request, 1, &scope);
    let decode = zstd::bulk::compress(&request, 19).unwrap();
    let zeros = gzip_of_zeros(1 << 30);
    vec![
        bomb("decode bomb", "zstd", &decode, "< 32 MiB"),
        bomb("decompression bomb", "gzip", &zeros, "< 64 MiB"),
    ]
}

fn bomb(name: &str, encoding: &'static str, body: &[u8], aim: &'static str) -> Row {
    let bench = start(&[]);
    // A first request brings every lazily made part to life, so that only the bomb is measured.
    drop(Sender::connect(bench.pharos.otlp_http).and_then(|mut one| one.export("traces", &[])));
    thread::sleep(Duration::from_secs(1));
    let before = bench.pharos.rss_bytes();
    bench.pharos.reset_peak();
    let began = Instant::now();
    let address = bench.pharos.otlp_http;
    let statuses: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..PARALLEL).map(|_| scope.spawn(|| post(address, encoding, body))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut kinds = statuses.clone();
    kinds.sort();
    kinds.dedup();
    let grown = bench.pharos.peak_rss_bytes().saturating_sub(before);
    let note = format!(
        "{PARALLEL} at once of {} B, {:.1} s, answers {}",
        body.len(),
        began.elapsed().as_secs_f64(),
        kinds.join(" ")
    );
    row(name, mebibytes(grown), aim, note)
}

fn post(address: SocketAddr, encoding: &str, body: &[u8]) -> String {
    use std::io::Read;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: pharos\r\ncontent-type: application/x-protobuf\r\n\
         content-encoding: {encoding}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // An early answer closes the door while the body is still on its way: not an error here.
    drop(stream.write_all(body));
    let mut answer = [0; 12];
    match stream.read_exact(&mut answer) {
        Ok(()) => String::from_utf8_lossy(&answer[9..]).into_owned(),
        Err(error) => error.kind().to_string(),
    }
}

fn gzip_of_zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}
