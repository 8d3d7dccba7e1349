//! What is measured of the gateway and of the providers behind it.

use super::{Family, Kind, Source, Unit, closed, families, open};

families! {
    GATEWAY_REQUESTS = Kind::Counter, "gateway_requests_total", Items,
        [open("gateway_id"), open("method"), open("status")], Log,
        "Requests through LLM gateways, by status code; 499 where the caller left.";
    GATEWAY_ACTIVE = Kind::Gauge, "gateway_active_connections", Items,
        [open("gateway_id")], Process,
        "Requests that are passing through the gateway.";
    GATEWAY_FAILURES = Kind::Counter, "pharos_gateway_failures_total", Items,
        [open("gateway_id"), open("reason")], Process,
        "Calls through the gateway that did not end as they should have, by reason.";
    GATEWAY_UNMETERED = Kind::Counter, "pharos_gateway_unmetered_total", Items,
        [closed("reason", &["coding", "malformed", "too_large"])], Process,
        "Answers of which the gateway could not read everything; the callers got them whole.";
    GATEWAY_UNRECORDED = Kind::Counter, "pharos_gateway_unrecorded_total", Items,
        [closed("reason", &["queue_full", "refused", "stopping"])], Process,
        "Calls through the gateway that could not be recorded; the callers got their answers.";
}
