//! What being observed costs a Rust app that uses the crate, in this very process.
//!
//! First without a subscriber, which is what metrics alone cost; then as an app runs: lines for a
//! file that nobody reads, spans sent to a Pharos beside it.

use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use metrics::with_local_recorder;
use pharos::clock::process_cpu_seconds;
use pharos::metrics::catalog::{LLM_REQUESTS, TOOL_CALLS};
use pharos::metrics::{CardinalityOptions, Registry};
use pharos::telemetry::{self, Context, HttpServerLayer, Shape, Telemetry};
use tokio::runtime::Runtime;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::{Row, row, seconds, start};

/// Requests a second at which the share of a core is measured, and what each of them does.
const RATE: u32 = 100;
/// Series whose memory is measured.
const SERIES: usize = 10_000;

pub fn run() -> Vec<Row> {
    let mut rows = Vec::new();
    recordings(&mut rows);
    rows.push(memory());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pharos = start(&[]);
    let endpoint = format!("http://{}", pharos.pharos.otlp_http);
    let telemetry =
        Telemetry::builder("bench").endpoint(&endpoint).shape(Shape::Json).writer(io::sink);
    let telemetry = telemetry.init().unwrap();
    whole_pieces(&runtime, &mut rows);
    share(&runtime, &mut rows);
    drop(telemetry);
    rows
}

/// The time of one go, of many.
fn each(rounds: u32, mut go: impl FnMut()) -> Duration {
    // A tenth of it first, so that what is made once is made.
    (0..rounds / 10).for_each(|_| go());
    let began = Instant::now();
    (0..rounds).for_each(|_| go());
    began.elapsed() / rounds
}

fn nanoseconds(time: Duration) -> String {
    format!("{} ns", time.as_nanos())
}

fn microseconds(time: Duration) -> String {
    format!("{:.2} µs", time.as_nanos() as f64 / 1e3)
}

#[expect(clippy::disallowed_macros, reason = "this measures what users of the facade do")]
fn recordings(rows: &mut Vec<Row>) {
    let registry = Registry::of_app(CardinalityOptions::default());
    for other in 0..1_000 {
        registry.count(&TOOL_CALLS, &[&format!("tool-{other}"), "true"], 1);
    }
    let labels = ["openai", "gpt-4o", "success"];
    let known = each(5_000_000, || registry.count(&LLM_REQUESTS, black_box(&labels), 1));
    rows.push(row("counter, 3 labels, known", nanoseconds(known), "≤ 60 ns", "by value".into()));
    let handle = registry.counter(&LLM_REQUESTS, &labels);
    let kept = each(5_000_000, || black_box(&handle).increment(1));
    rows.push(row("counter, 3 labels, handle", nanoseconds(kept), "", "kept by the caller".into()));
    let (fixed, made) = with_local_recorder(&registry, || {
        let fixed = each(5_000_000, || {
            metrics::counter!("jobs", "a" => "x", "b" => "y", "c" => "z").increment(1);
        });
        let made = each(2_000_000, || {
            let [a, b, c] = black_box(labels).map(str::to_owned);
            metrics::counter!("jobs", "a" => a, "b" => b, "c" => c).increment(1);
        });
        (fixed, made)
    });
    let note = "metrics::counter!, fixed labels".into();
    rows.push(row("facade, 3 labels, known", nanoseconds(fixed), "≤ 60 ns", note));
    let note = "metrics::counter!, labels made for each".into();
    rows.push(row("facade, 3 made labels", nanoseconds(made), "", note));
}

fn memory() -> Row {
    let options = CardinalityOptions {
        label_values: SERIES,
        series_per_metric: SERIES,
        series: 2 * SERIES,
        ..CardinalityOptions::default()
    };
    let registry = Registry::of_app(options);
    let names: Vec<String> = (0..SERIES).map(|index| format!("tool-{index}")).collect();
    let before = resident();
    names.iter().for_each(|name| registry.count(&TOOL_CALLS, &[name, "true"], 1));
    let grown = resident().saturating_sub(before);
    drop(registry);
    let note = format!("{SERIES} series of a counter");
    row("memory of a series", format!("{} B", grown / SERIES as u64), "", note)
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

/// A service that answers at once, and the same within the layer.
fn answer()
-> impl Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(|_: Request<()>| async {
        Ok(Response::new(Full::new(Bytes::from_static(b"Hello"))))
    })
}

fn request() -> Request<()> {
    let request = Request::get("/chat/42").header("x-request-id", "r-1").extension("/chat/{id}");
    request.header("baggage", "tenant.id=acme").body(()).unwrap()
}

fn layer() -> HttpServerLayer {
    HttpServerLayer::new().route(|extensions| extensions.get::<&'static str>().copied())
}

fn whole_pieces(runtime: &Runtime, rows: &mut Vec<Row>) {
    let context = Context::new().with_tenant("acme").with_agent("planner");
    let guard = context.run(|| each(200_000, || telemetry::tool_call("search").success()));
    let note = "tool call with its span, exported".into();
    rows.push(row("guard, whole cycle", microseconds(guard), "", note));
    let (bare, layered) = runtime.block_on(async {
        let (bare, layered) = (answer(), layer().layer(answer()));
        let mut times = [Duration::ZERO; 2];
        for round in 0..110_000 {
            let began = Instant::now();
            let whole = bare.clone().oneshot(request()).await.unwrap().into_body();
            black_box(whole.collect().await.unwrap());
            let between = Instant::now();
            let whole = layered.clone().oneshot(request()).await.unwrap().into_body();
            black_box(whole.collect().await.unwrap());
            if round >= 10_000 {
                times[0] += between - began;
                times[1] += between.elapsed();
            }
        }
        (times[0] / 100_000, times[1] / 100_000)
    });
    let added = layered.saturating_sub(bare);
    let note = format!("the same without it: {}", microseconds(bare));
    rows.push(row("HTTP layer, a request", microseconds(added), "≤ 5 µs", note));
}

/// What the app's own work is: a millisecond of reckoning, as parsing an answer takes.
fn work() -> u64 {
    let began = Instant::now();
    let mut sum = 0_u64;
    while began.elapsed() < Duration::from_millis(1) {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(7));
    }
    sum
}

/// A request of an agent: a run with two calls of a model and one of a tool.
async fn run_agent() -> Result<u64, Infallible> {
    let mut call = telemetry::llm_call("openai", "gpt-4o");
    call.first_token().tokens(1_200, 80).cached(1_000).success();
    let found = telemetry::tool_call("search").run(async { Ok::<_, Infallible>(work()) }).await?;
    telemetry::llm_call("openai", "gpt-4o").tokens(1_400, 40).success();
    Ok(found)
}

/// The share of a core, and of a request's time, at a steady rate: everything on, five spans a
/// request, against the same requests without any of it.
fn share(runtime: &Runtime, rows: &mut Vec<Row>) {
    let paced = |observed: bool| {
        runtime.block_on(async {
            let handler = service_fn(|_: Request<()>| async {
                black_box(telemetry::agent_run("planner").run(run_agent()).await?);
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"Hello"))))
            });
            let plain = service_fn(|_: Request<()>| async {
                black_box(work());
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"Hello"))))
            });
            let observed_handler = layer().layer(handler);
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
            let (began, cpu) = (Instant::now(), process_cpu_seconds());
            let (mut spent, mut requests) = (Duration::ZERO, 0_u32);
            while began.elapsed() < seconds() {
                ticks.tick().await;
                let asked = Instant::now();
                if observed {
                    let body = observed_handler.oneshot(request()).await.unwrap();
                    black_box(body.into_body().collect().await.unwrap());
                } else {
                    let body = plain.oneshot(request()).await.unwrap();
                    black_box(body.into_body().collect().await.unwrap());
                }
                spent += asked.elapsed();
                requests += 1;
            }
            let cpu = process_cpu_seconds() - cpu;
            (spent / requests, cpu / began.elapsed().as_secs_f64())
        })
    };
    let (plain, plain_cpu) = paced(false);
    let (observed, observed_cpu) = paced(true);
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let longer = observed.as_secs_f64() / plain.as_secs_f64() - 1.0;
    let note = format!("of {}: a run, 2 LLM calls, a tool call", microseconds(plain));
    rows.push(row("a request observed takes longer by", percent(longer), "≤ 5 %", note));
    let note = format!("at {RATE} requests/s, export included");
    let cpu = percent(observed_cpu - plain_cpu);
    rows.push(row("of a core for being observed", cpu, "≤ 1 %", note));
}
