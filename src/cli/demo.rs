//! What the demo says when it has begun.

use super::output;
use crate::app::Addresses;

/// Tells where to look, with commands that can be pasted.
pub fn introduce_demo(addresses: &Addresses) {
    let Addresses { web, otlp_grpc, otlp_http } = addresses;
    let text = format!(
        "Pharos is watching a simulated agent platform. Stop it with Ctrl-C.

  overview     http://{web}/
  metrics      http://{web}/metrics
  insights     curl -s http://{web}/api/otel-metrics
  slow traces  curl -s 'http://{web}/api/traces/search?min_duration_ms=10000&limit=5'
  failures     curl -s 'http://{web}/api/traces/search?status=error&limit=5'
  one trace    pharos investigate <trace_id> --url http://{web}

Send your own telemetry to http://{otlp_http} (OTLP/HTTP) or {otlp_grpc} (OTLP/gRPC)."
    );
    // A reader that has gone away does not end the demo.
    drop(output::data(&text));
}
