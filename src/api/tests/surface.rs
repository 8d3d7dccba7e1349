//! Methods, headers, encodings, probes and what nobody serves.

use super::*;
use crate::api::routes::{METRICS, changes, routes};
use crate::config::TAKEN_PATHS;
use flate2::read::GzDecoder;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};

#[tokio::test]
async fn get_and_head_and_nothing_else_but_changes() {
    let router = open_router(&Arc::new(World::default()));
    for route in routes() {
        let path = route.path.replace("{trace_id}", "0af7651916cd43dd8448eb211c80319c");
        let got = get(&router, &path).await;
        let head = send(&router, "HEAD", &path, &[]).await;
        assert_eq!(head.status, got.status, "{path}");
        assert!(head.body.is_empty() && !got.body.is_empty(), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
        let changes = changes().iter().any(|change| change.path == route.path);
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            if changes && method == "POST" {
                continue;
            }
            let refused = send(&router, method, &path, &[]).await;
            assert_eq!(refused.status, 405, "{method} {path}");
            assert_eq!(refused.code(), "method_not_allowed");
            let allowed = if changes { "GET,HEAD,POST" } else { "GET,HEAD" };
            assert_eq!(refused.header("allow"), allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_metrics_page_may_be_elsewhere_but_on_no_other_route() {
    let world = Arc::new(World::default());
    let elsewhere = "/prometheus/metrics".to_owned();
    let router = router(ApiHandles { metrics_path: elsewhere, ..handles(&world, Vec::new()) });
    assert_eq!(get(&router, "/prometheus/metrics").await.status, 200);
    assert_eq!(get(&router, "/metrics").await.status, 404);
    let html = String::from_utf8(get(&router, "/").await.body).unwrap();
    assert!(html.contains("href=\"/prometheus/metrics\"") && !html.contains("href=\"/metrics\""));
    for route in routes().iter().filter(|route| route.path != METRICS) {
        let path = route.path;
        assert!(TAKEN_PATHS.contains(&path) || path.starts_with("/api/"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_safe_to_show_in_a_browser() {
    let router = open_router(&Arc::new(World::default()));
    for path in ["/", "/metrics", "/health", "/api/config", "/nowhere", "/api/health?x=1"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn the_landing_page_leads_on() {
    let router = open_router(&Arc::new(World::default()));
    let page = get(&router, "/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains("1.2.3") && !html.contains("<script"));
    let mut links = 0;
    for link in html.split("href=\"").skip(1) {
        let path = link.split('"').next().unwrap();
        assert_eq!(get(&router, path).await.status, 200, "{path}");
        links += 1;
    }
    assert!(links >= 6);
}

#[tokio::test]
async fn the_page_for_prometheus() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    let plain = get(&router, "/metrics").await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.body, world.page.lock().unwrap().as_bytes());
    let packed = send(&router, "GET", "/metrics?name=x", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut unpacked = String::new();
    GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked.as_bytes(), plain.body);
    let kind = plain.header("content-type");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let accept = ("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    let open = send(&router, "GET", "/metrics", &[accept]).await;
    let kind = open.header("content-type");
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(open.header("vary"), "accept, accept-encoding");
    // A page is never older than the request for it.
    "up 2\n".clone_into(&mut world.page.lock().unwrap());
    assert_eq!(get(&router, "/metrics").await.body, b"up 2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_at_the_same_time_share_pages() {
    let world = Arc::new(World::default());
    let (renders, running) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counted, inside) = (renders.clone(), running.clone());
    let (release, gate) = std::sync::mpsc::sync_channel::<()>(1);
    let gate = Mutex::new(Some(gate));
    let mut handles = handles(&world, Vec::new());
    handles.exposition = Arc::new(move |_| {
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two pages at once");
        if let Some(gate) = gate.lock().unwrap().take() {
            gate.recv().unwrap();
        }
        inside.fetch_sub(1, Ordering::SeqCst);
        format!("pages {}\n", counted.fetch_add(1, Ordering::SeqCst))
    });
    let router = router(handles);
    let scrape = |router: Router| tokio::spawn(async move { get(&router, "/metrics").await });
    let first = scrape(router.clone());
    while running.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..20).map(|_| scrape(router.clone())).collect();
    while world.started.load(Ordering::SeqCst) < 21 {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().body, b"pages 0\n");
    for other in others {
        assert_eq!(other.await.unwrap().status, 200);
    }
    // One more page serves all of them, or two more where a worker stood between being heard
    // and asking.
    assert!(renders.load(Ordering::SeqCst) <= 4, "{renders:?}");
}

#[tokio::test]
async fn probes_tell_alive_from_ready_from_well() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    let all = async |expected: [u16; 6]| {
        let paths =
            ["/-/healthy", "/health/live", "/livez", "/-/ready", "/health/ready", "/health"];
        for (path, expected) in paths.into_iter().zip(expected) {
            assert_eq!(get(&router, path).await.status, expected, "{path}");
        }
    };
    all([200; 6]).await;
    *world.phase.lock().unwrap() = Phase::Starting;
    all([200, 200, 200, 503, 503, 200]).await;
    *world.phase.lock().unwrap() = Phase::Stopping;
    all([200, 200, 200, 503, 503, 200]).await;
    *world.phase.lock().unwrap() = Phase::Serving;
    world.store.lock().unwrap().quarantined = 1;
    all([200; 6]).await;
    let health = get(&router, "/health").await.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["components"]["store"]["status"], "degraded");
    assert!(health["components"]["disk_space"]["latency_ms"].is_number());
    world.store.lock().unwrap().read_only = Some("disk full".to_owned());
    all([200, 200, 200, 503, 503, 503]).await;
    let reason = get(&router, "/health/ready").await.json();
    assert_eq!(reason["status"], "not_ready");
    assert_eq!(get(&router, "/api/health").await.status, 503);
}

#[tokio::test]
async fn request_ids_go_out_as_they_came_in_or_new() {
    let router = open_router(&Arc::new(World::default()));
    let kept = send(&router, "GET", "/-/healthy", &[("x-request-id", "abc-1")]).await;
    assert_eq!(kept.header("x-request-id"), "abc-1");
    let replaced = send(&router, "GET", "/nowhere", &[("x-request-id", "a b\"c")]).await;
    assert_eq!(replaced.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn headers_of_any_size_and_kind_harm_nobody() {
    let router = open_router(&Arc::new(World::default()));
    let long = "a".repeat(60_000);
    let many = "gzip;q=0,".repeat(7_000);
    for (name, value) in [
        ("x-request-id", long.as_str()),
        ("traceparent", &long),
        ("tracestate", &long),
        ("baggage", &long),
        ("authorization", &long),
        ("x-api-key", &long),
        ("accept", &long),
        ("accept-encoding", &many),
        ("x-prometheus-scrape-timeout-seconds", &long),
        ("range", "bytes=0-1"),
        ("if-none-match", "*"),
        ("cookie", &long),
    ] {
        for path in ["/metrics", "/health", "/api/otel-metrics"] {
            let answer = send(&router, "GET", path, &[(name, value)]).await;
            assert_eq!(answer.status, 200, "{name} to {path}");
            assert!(answer.header("x-request-id").len() <= 128);
        }
    }
}

#[tokio::test]
async fn what_nobody_serves_is_a_404_in_json() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    let long = format!("/{}", "a".repeat(60_000));
    for path in [
        "/nowhere",
        "/api",
        "/api/",
        "/api/config/",
        "/api/../../etc/passwd",
        "/api/traces/%2e%2e%2f%2e%2e%2fetc%2fpasswd/x",
        "/%00",
        "/api/config%2f",
        "//",
        &long,
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.code(), "not_found");
    }
    let answered = world.answered.lock().unwrap();
    assert!(answered.iter().all(|(_, route, status)| route == "unmatched" && *status == 404));
}

#[tokio::test]
async fn requests_are_measured_by_template() {
    let world = Arc::new(World::default());
    let router = open_router(&world);
    get(&router, "/api/health?bogus=1").await;
    send(&router, "BREW", "/metrics", &[]).await;
    let expected = [
        ("GET".to_owned(), "/api/health".to_owned(), 400),
        ("_OTHER".to_owned(), "/metrics".to_owned(), 405),
    ];
    assert_eq!(*world.answered.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_panic_is_one_500_and_nothing_more() {
    let world = Arc::new(World::default());
    let mut handles = handles(&world, Vec::new());
    handles.config = Arc::new(|| panic!("on purpose"));
    handles.exposition = Arc::new(|_| panic!("on purpose"));
    let router = router(handles);
    for path in ["/api/config", "/metrics", "/metrics"] {
        let answer = get(&router, path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (500, "internal"), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    assert_eq!(get(&router, "/health").await.status, 200);
    assert_eq!(*world.panics.lock().unwrap(), 1);
}
