//! One call of another service, whatever the protocol. For HTTP there is a layer.

use super::work_span;
use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};

/// A call of another service, under way.
pub type ServiceCall = Guard<Call>;

/// What is known of it.
#[derive(Debug)]
pub struct Call {
    service: Box<str>,
    method: Box<str>,
}

/// Begins a call of another service. [`outgoing_headers`](crate::telemetry::outgoing_headers),
/// asked for inside of it, tell the service whose work it is.
pub fn service_call(service: &str, method: &str) -> ServiceCall {
    let context = Context::current();
    let span = work_span!("client", "service_call", format!("{service} {method}"), context, {
        "pharos.event.type" = "service_call",
        "pharos.service.name" = service,
        "pharos.service.method" = method,
    });
    Guard::begin(Call { service: service.into(), method: method.into() }, span, context)
}

impl Kind for Call {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.service, &*self.method];
        ended.count(&catalog::SERVICE_CALLS, &[labels[0], labels[1], ended.status()], 1);
        ended.observe(&catalog::SERVICE_CALL_DURATION, &labels, ended.seconds);
    }
}
