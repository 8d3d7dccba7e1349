//! What the demo says when it has begun.

use super::output;
use crate::app::Addresses;
use crate::config::{Budget, ConfigError, Flags, Loaded};

/// The configuration of the demo: with budgets, where none are set, that its tenants and teams use
/// up at different paces. They refuse nobody.
///
/// # Errors
/// All mistakes of the configuration.
pub fn load_demo(flags: &Flags) -> Result<Loaded, ConfigError> {
    let mut loaded = super::load(flags)?;
    let budgets = &mut loaded.config.budgets;
    if budgets.tenants.is_empty() && budgets.teams.is_empty() {
        budgets.tenants =
            vec![budget("default", Some(20_000_000), None), budget("acme", Some(5_000_000), None)];
        budgets.teams =
            vec![budget("support", None, Some(20.0)), budget("research", None, Some(50.0))];
    }
    Ok(loaded)
}

fn budget(name: &str, daily_tokens: Option<u64>, monthly_usd: Option<f64>) -> Budget {
    Budget {
        name: name.to_owned(),
        daily_tokens,
        monthly_tokens: None,
        daily_usd: None,
        monthly_usd,
        soft_ratio: 0.8,
        enforce: false,
    }
}

/// Tells where to look, with commands that can be pasted.
pub fn introduce_demo(addresses: &Addresses) {
    let Addresses { web, otlp_grpc, otlp_http } = addresses;
    let text = format!(
        "Pharos is watching a simulated agent platform. Stop it with Ctrl-C.

  overview     http://{web}/
  metrics      http://{web}/metrics
  insights     curl -s http://{web}/api/otel-metrics
  slow traces  curl -s 'http://{web}/api/traces/search?min_duration_ms=10000&limit=5'
  budgets      curl -s http://{web}/api/budgets
  failures     curl -s 'http://{web}/api/traces/search?status=error&limit=5'
  one trace    pharos investigate <trace_id> --url http://{web}

Send your own telemetry to http://{otlp_http} (OTLP/HTTP) or {otlp_grpc} (OTLP/gRPC)."
    );
    // A reader that has gone away does not end the demo.
    drop(output::data(&text));
}
