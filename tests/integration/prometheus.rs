//! A real Prometheus scrapes Pharos and evaluates `alerts/`; a real Alertmanager is told.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Page, export, settle, start, until};
use crate::load::http::Sender;
use crate::load::template::{Profile, Template};

/// A server that is ended with its test.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(program: &str, arguments: &[String]) -> Server {
    let command = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Server(command.unwrap_or_else(|error| {
        panic!("{program} cannot be run ({error}); `make test` installs it")
    }))
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn ask(server: SocketAddr, path: &str) -> Option<Value> {
    let answer = Sender::connect(server).ok()?.get(path).ok()?;
    serde_json::from_slice(&answer.body).ok()
}

/// A query as a part of a path.
pub(crate) fn encoded(promql: &str) -> String {
    promql.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The value of an instant query with one result.
pub(crate) fn query(prometheus: SocketAddr, promql: &str) -> Option<f64> {
    let escaped = encoded(promql);
    let answer = ask(prometheus, &format!("/api/v1/query?query={escaped}"))?;
    answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

fn start_prometheus(
    folder: &Path,
    pharos: SocketAddr,
    alertmanager: SocketAddr,
) -> (Server, SocketAddr) {
    let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/*.yml");
    let more = format!(
        "
rule_files:
  - {}
alerting:
  alertmanagers:
    - static_configs:
        - targets: ['{alertmanager}']
",
        alerts.display()
    );
    start_scraper(folder, pharos, &more)
}

/// A Prometheus that scrapes Pharos every second and keeps exemplars; `more` of its configuration.
pub(crate) fn start_scraper(folder: &Path, pharos: SocketAddr, more: &str) -> (Server, SocketAddr) {
    let address = free_port();
    let config = format!(
        "
global:
  scrape_interval: 1s
  evaluation_interval: 1s
scrape_configs:
  - job_name: pharos
    static_configs:
      - targets: ['{pharos}']
{more}"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let server = run(
        "prometheus",
        &[
            format!("--config.file={}", folder.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", folder.join("tsdb").display()),
            format!("--web.listen-address={address}"),
            "--enable-feature=exemplar-storage".to_owned(),
        ],
    );
    (server, address)
}

fn start_alertmanager(folder: &Path) -> (Server, SocketAddr) {
    let address = free_port();
    let config = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";
    std::fs::write(folder.join("alertmanager.yml"), config).unwrap();
    let server = run(
        "prometheus-alertmanager",
        &[
            format!("--config.file={}", folder.join("alertmanager.yml").display()),
            format!("--storage.path={}", folder.join("alertmanager").display()),
            format!("--web.listen-address={address}"),
            "--cluster.listen-address=".to_owned(),
        ],
    );
    (server, address)
}

#[test]
fn prometheus_answers_promql_and_alertmanager_hears_of_an_alert() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(&folder.path().join("data"), &[]);
    let (_alertmanager, alertmanager) = start_alertmanager(folder.path());
    let (_prometheus, prometheus) = start_prometheus(folder.path(), pharos.web, alertmanager);
    let template = Template::new(Profile::Lean, 80);
    let mut body = Vec::new();
    template.stamp(1, 1_800_000_000_000_000_000, &mut body);
    assert_eq!(export(&pharos, &body).status, 200);
    settle(&pharos);
    assert_eq!(Page::of(&pharos).sum("llm_requests_total", &[]), 30.0);

    until("a scrape", || query(prometheus, "up{job=\"pharos\"}") == Some(1.0));
    let calls = "sum(llm_requests_total{provider=\"openai\",model=\"gpt-4o-mini\"})";
    until("the calls in Prometheus", || query(prometheus, calls) == Some(30.0));
    let tokens = "sum(llm_tokens_total{token_type=\"prompt\"})";
    assert_eq!(query(prometheus, tokens), Some(30.0 * 1_289.0));
    let quantile = "histogram_quantile(0.5, sum by (le) (llm_request_duration_seconds_bucket))";
    let median = query(prometheus, quantile).unwrap();
    assert!((0.005..0.1).contains(&median), "every call took 40 ms: {median}");

    until("an alert at the Alertmanager", || {
        let alerts = ask(alertmanager, "/api/v2/alerts").unwrap_or_default();
        let alerts = alerts.as_array().cloned().unwrap_or_default();
        alerts.iter().any(|alert| alert["labels"]["alertname"] == "PharosWatchdog")
    });
}

#[test]
fn promtool_finds_nothing_to_say_about_the_page() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pharos = start(folder.path(), &[]);
    let template = Template::new(Profile::Fat, 80);
    let mut body = Vec::new();
    template.stamp(1, 1_800_000_000_000_000_000, &mut body);
    assert_eq!(export(&pharos, &body).status, 200);
    settle(&pharos);
    let page = folder.path().join("page");
    std::fs::write(&page, Page::of(&pharos).text()).unwrap();
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&page).unwrap())
        .output()
        .expect("`make test` installs promtool with Debian's prometheus");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Every query of a dashboard, with Grafana's variables filled in.
fn dashboard_queries() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards/overview.json");
    let dashboard: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap().to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "30s");
            let all = |query: String, name| query.replace(name, ".+");
            let query = ["$job", "$instance", "$model", "$agent"].into_iter().fold(query, all);
            queries.push((title.clone(), query));
        }
    }
    assert!(queries.len() > 20);
    queries
}

#[test]
fn every_query_of_the_dashboard_returns_data_during_the_demo() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // The demo sets budgets only where it runs within Pharos.
    let file = folder.path().join("pharos.yml");
    let budgets = "budgets: {tenants: [{name: default, daily_tokens: 1000000}], \
                   teams: [{name: support, monthly_usd: 100}]}";
    std::fs::write(&file, budgets).unwrap();
    let extra = ["--config.file", file.to_str().unwrap()];
    let pharos = start(&folder.path().join("data"), &extra);
    let (_prometheus, prometheus) = start_prometheus(folder.path(), pharos.web, free_port());
    let door = format!("http://{}", pharos.otlp_http);
    let demo = ["demo", "--to", &door, "--rate", "40", "--duration", "5m", "--seed", "3"];
    let _demo = run(crate::harness::binary().to_str().unwrap(), &demo.map(str::to_owned));
    for (panel, query_text) in dashboard_queries() {
        until(&format!("data for {panel:?}: {query_text}"), || {
            query(prometheus, &query_text).is_some_and(f64::is_finite)
        });
    }
}
