//! The price table, a quote, and a report on a correction.

use super::traces::router_over;
use super::*;
use serde_json::json;

#[tokio::test]
async fn the_table_is_shown_page_by_page() {
    let router = open_router(&Arc::new(World::default()));
    let path = "/api/prices?provider=openai&model=GPT-4o-mini&limit=1";
    let page = get(&router, path).await.json();
    assert_eq!((page["total"].as_u64(), &page["stale"]), (Some(2), &json!(false)));
    assert_eq!(page["models"].as_array().unwrap().len(), 1);
    let band = &page["models"][0]["prices"][0]["bands"][0];
    assert_eq!(
        (&page["models"][0]["model"], &band["input"]),
        (&json!("ft:gpt-4o-mini"), &json!(0.3))
    );
    assert_eq!(page["version"].as_str().unwrap().len(), 16);
    assert_eq!(get(&router, "/api/prices?limit=0").await.status, 400);
}

#[tokio::test]
async fn a_quote_tells_each_line() {
    let router = open_router(&Arc::new(World::default()));
    let tokens = "input=1000&cached=700&output=500&at=2026-01-01T00:00:00Z";
    let path = format!("/api/prices/quote?provider=openai&model=gpt-4o-2024-08-06&{tokens}");
    let path = path.as_str();
    let quote = get(&router, path).await.json();
    let line = |kind: &str, tokens: u64, price: f64, usd: f64| {
        let mut line = json!({ "kind": kind, "tokens": tokens });
        line["usd_per_million"] = json!(price);
        line["usd"] = json!(usd);
        line
    };
    let lines = json!([
        line("input", 300, 2.5, 0.000_75),
        line("cached", 700, 1.25, 0.000_875),
        line("output", 500, 10.0, 0.005),
    ]);
    assert_eq!(quote["lines"], lines);
    assert_eq!((&quote["cost_usd"], &quote["cost_state"]), (&json!(0.006_625), &json!("priced")));
    assert_eq!((&quote["model"], &quote["source"]), (&json!("gpt-4o"), &json!("builtin")));
    let none = get(&router, "/api/prices/quote?provider=openai&model=nothing&input=1").await.json();
    assert_eq!((&none["cost_usd"], &none["cost_state"]), (&Value::Null, &json!("unpriced")));
    for wrong in ["model=x", "provider=x&model=x&input=-1", "provider=x&model=x&input=1&cached=2"] {
        assert_eq!(
            get(&router, &format!("/api/prices/quote?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_report_on_repricing_adds_up() {
    let store = store::with_run().await;
    let path = "/api/prices/repricing?from=2026-11-21T08:00:00Z&to=2026-11-21T09:00:00Z";
    let report = get(&router_over(&store), path).await.json();
    let sum = &report["sum"];
    assert_eq!((&sum["stored_usd"], &sum["difference_usd"]), (&json!(0.75), &json!(0.0)));
    assert_eq!((&sum["unpriced"], &report["incomplete"]), (&json!(1), &json!(false)));
    assert!(!report["models"].as_array().unwrap().is_empty());
}
