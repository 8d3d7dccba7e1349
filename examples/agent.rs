//! An agent that plans a trip: it asks a model, searches, and asks again.
//!
//! The lines marked with an arrow are all the instrumentation there is. Run it beside Pharos
//! (`make demo`, or `pharos serve`) and look for `trip-planner`:
//!
//! ```text
//! cargo run --example agent
//! ```

#![expect(clippy::print_stdout, reason = "an example shows its page")]

use std::error::Error;
use std::time::Duration;

use pharos::telemetry::{self, Telemetry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = Telemetry::builder("trips").endpoint("http://127.0.0.1:4318").init()?; // ←
    let trip = telemetry::agent_run("trip-planner").run(plan("Alexandria")).await?; // ←
    tracing::info!(trip, "Planned.");
    // The app's own page for Prometheus; a server would answer it at /metrics.
    println!("{}", telemetry.render());
    Ok(())
}

/// Plans a trip: the agent's own work.
async fn plan(goal: &str) -> Result<String, String> {
    let wish = ask_model(&format!("What is worth seeing in {goal}?")).await?;
    let found = telemetry::tool_call("search").run(search(&wish)).await?; // ←
    ask_model(&format!("Make a day of {found:?}.")).await
}

/// Asks a model, which is a stand-in here.
async fn ask_model(prompt: &str) -> Result<String, String> {
    let mut call = telemetry::llm_call("openai", "gpt-4o-mini"); // ←
    tokio::time::sleep(Duration::from_millis(20)).await;
    call.first_token(); // ←
    tokio::time::sleep(Duration::from_millis(30)).await;
    let answer = format!("An answer to: {prompt}");
    call.tokens(prompt.len() as u64, answer.len() as u64).success(); // ←
    Ok(answer)
}

/// A tool: looks into a list of sights.
async fn search(wish: &str) -> Result<Vec<&'static str>, String> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    let sights = vec!["the lighthouse", "the library", "the catacombs"];
    if wish.is_empty() { Err("nothing to search for".to_owned()) } else { Ok(sights) }
}
