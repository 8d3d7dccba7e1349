//! One request that passes through an LLM gateway of the app's own.

use super::{method_label, work_span};
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Begun, Ended, Guard, Kind};

/// A request through a gateway, under way.
pub type GatewayRequest = Guard<Request>;

/// What is known of it.
#[derive(Debug)]
pub struct Request {
    gateway: Box<str>,
    method: &'static str,
    status: Option<u16>,
}

/// Begins a request through the gateway of this id.
pub fn gateway_request(gateway_id: &str, method: &str) -> GatewayRequest {
    let context = Context::current();
    let method = method_label(method);
    let span = work_span!("server", "gateway_request", format!("gateway {gateway_id}"), context, {
        "pharos.event.type" = "gateway_request",
        "pharos.gateway.id" = gateway_id,
        "pharos.gateway.method" = method,
        "pharos.gateway.status" = tracing::field::Empty,
    });
    Guard::begin(Request { gateway: gateway_id.into(), method, status: None }, span, context)
}

impl GatewayRequest {
    /// The caller was answered with a status code; from 400 on that is a failure.
    pub fn answered(&mut self, status: u16) {
        self.kind.status = Some(status);
        self.span.record("pharos.gateway.status", i64::from(status));
        if status >= 400 {
            self.failed(&status.to_string());
        } else {
            self.success();
        }
    }
}

impl Kind for Request {
    fn begin(&self, begun: &Begun<'_>) {
        begun.shift(&catalog::GATEWAY_ACTIVE, &[&self.gateway], 1.0);
    }

    fn end(&mut self, ended: &Ended<'_>) {
        ended.shift(&catalog::GATEWAY_ACTIVE, &[&self.gateway], -1.0);
        let status = self.status.map_or_else(|| "499".to_owned(), |status| status.to_string());
        let labels = [&*self.gateway, self.method, &status];
        ended.count(&catalog::GATEWAY_REQUESTS, &labels, 1);
    }
}
