//! Setting up the telemetry of a process, which can be done once: so this is one test.

#![expect(clippy::disallowed_macros, reason = "this does what users of the facade do")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io;
use std::sync::{Arc, Mutex};

use pharos::telemetry::{self, Context, InitError, Shape, Telemetry};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn telemetry_is_set_up_once_and_refused_in_words_after_that() {
    // Before it is set up, nothing is recorded and nothing breaks.
    telemetry::tool_call("early").success();
    let bad = Telemetry::builder("shop").filter("shop=loud").init();
    assert!(matches!(bad, Err(InitError::Filter(ref text)) if text == "shop=loud"), "{bad:?}");

    let lines = Lines::default();
    let writer = lines.clone();
    let shop = Telemetry::builder("shop")
        .version("1.2.3")
        .environment("test")
        .filter("warn,telemetry=info")
        .shape(Shape::Json)
        .writer(move || writer.clone())
        .scrub(|line| line.contains("hunter2").then(|| line.replace("hunter2", "<redacted>")))
        .init()
        .unwrap();
    let again = telemetry::init("shop");
    assert!(matches!(again, Err(InitError::Subscriber)), "{again:?}");
    let layer = Telemetry::builder("shop").layer::<tracing_subscriber::Registry>();
    assert!(matches!(layer, Err(InitError::Recorder)));
    let layer = Telemetry::builder("shop").leave_facade().layer::<tracing_subscriber::Registry>();
    assert!(matches!(layer, Err(InitError::Recorder)));

    Context::new().with_tenant("acme").run(|| {
        let mut call = telemetry::tool_call("search");
        call.in_scope(|| tracing::info!(password = "hunter2", "Searching."));
        call.success();
    });
    tracing::debug!("Nobody wants to know.");
    telemetry::spend(0.5, "sandbox");
    metrics::counter!("jobs_done", "queue" => "mail").increment(3);
    let page = shop.render();
    for line in [
        "jobs_done_total{queue=\"mail\"} 3",
        "tool_calls_total{tool_name=\"search\",success=\"true\"} 1",
        "system_info{version=\"1.2.3\",environment=\"test\"",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    assert!(!page.contains("early") && !page.contains("pharos_ingest"), "{page}");
    assert_eq!(shop.content_type(), "text/plain; version=0.0.4; charset=utf-8");

    let caught = std::panic::catch_unwind(|| {
        let _call = telemetry::tool_call("search");
        panic!("expected");
    });
    assert!(caught.is_err());
    assert!(shop.render().contains("errors_total{kind=\"panic\"} 1"));
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let said: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = said.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["Searching.", "A panic was caught."], "{text}");
    assert_eq!(
        (&said[0]["tenant_id"], &said[0]["password"]),
        (&"acme".into(), &"<redacted>".into())
    );
    assert!(said[1]["place"].as_str().unwrap().contains("tests/telemetry.rs"));
}
