//! The page as OpenMetrics, in the eyes of others: its reference parser, and a real Prometheus
//! that keeps exemplars.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Page, export, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::{Profile, Template};
use crate::prometheus::{ask, encoded, start_scraper};

/// The page in the form that this `Accept` asks for.
pub(crate) fn scrape(pharos: &Process, accept: &str) -> String {
    let header = format!("accept: {accept}\r\n");
    let answer = Sender::connect(pharos.web).unwrap().get_with("/metrics", &header).unwrap();
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap()
}

/// What the reference parser says of a page, if anything is wrong with it.
pub(crate) fn parse(page: &str) -> Result<(), String> {
    let script = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        families = list(read(sys.stdin.read()))\n\
        assert len(families) > 20, families\n";
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`make prepare` makes the Python environment");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn fill(pharos: &Process) -> Template {
    let template = Template::new(Profile::Lean, 80);
    let mut body = Vec::new();
    template.stamp(1, 1_800_000_000_000_000_000, &mut body);
    assert_eq!(export(pharos, &body).status, 200);
    settle(pharos);
    template
}

#[test]
fn the_reference_parser_takes_the_page() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    fill(&pharos);
    let page = scrape(&pharos, "application/openmetrics-text;version=1.0.0");
    parse(&page).unwrap();
    assert!(page.contains(" # {trace_id=\""), "{page}");
    // A parser that takes anything would prove nothing.
    let broken = page.replace("le=\"10.0\"", "le=\"0.001\"");
    assert!(parse(&broken).is_err());
    let plain = scrape(&pharos, "text/plain;version=0.0.4");
    assert!(plain.contains("# TYPE llm_requests_total counter\n") && !plain.contains("# EOF"));
    assert_eq!(Page::of(&pharos).sum("llm_requests_total", &[]), 30.0);
}

#[test]
fn prometheus_returns_the_exemplars() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(&folder.path().join("data"), &[]);
    let template = fill(&pharos);
    let (_prometheus, prometheus) = start_scraper(folder.path(), pharos.web, "");
    let query = encoded("llm_request_duration_seconds_bucket");
    let path = format!("/api/v1/query_exemplars?query={query}&start=1700000000&end=2000000000");
    let exemplar = || {
        let answer = ask(prometheus, &path)?;
        let found = answer["data"].as_array()?.first()?.clone();
        found["exemplars"].as_array()?.first().cloned()
    };
    until("exemplars in Prometheus", || exemplar().is_some());
    let found = exemplar().unwrap();
    let trace = found["labels"]["trace_id"].as_str().unwrap().to_owned();
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sent: Vec<String> = template.trace_ids(1).iter().map(|id| hex(id)).collect();
    assert!(sent.contains(&trace), "{found}");
    assert_eq!(found["labels"]["span_id"].as_str().unwrap().len(), 16);
    assert_eq!(found["value"].as_str().unwrap().parse::<f64>().unwrap(), 0.04, "40 ms each");
    // And it leads somewhere.
    let answer = ask(pharos.web, &format!("/api/traces/{trace}")).unwrap();
    assert_eq!(answer["trace_id"], trace.as_str());
}
