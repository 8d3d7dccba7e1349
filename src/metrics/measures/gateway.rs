//! What passes through LLM gateways.

use ::metrics::Counter;

use super::cache::{Cache, Lookup};
use crate::metrics::cardinality::UNKNOWN;
use crate::metrics::catalog;
use crate::model::GatewayExchange;

/// Handles by gateway and method, and in each by status.
#[derive(Debug, Default)]
pub(super) struct Gateways(Cache<2, Vec<(Option<u16>, Counter)>>);

impl Gateways {
    pub(super) fn record(&mut self, lookup: &mut Lookup<'_>, exchange: &GatewayExchange<'_>) {
        let key = [exchange.id, exchange.method];
        let known = self.0.get(key, lookup, successes);
        let status = exchange.status_code;
        if let Some((_, counter)) = known.iter().find(|(known, _)| *known == status) {
            counter.increment(1);
            return;
        }
        let text = status.map_or_else(|| UNKNOWN.to_owned(), |status| status.to_string());
        let values = [key[0], key[1], &text];
        let (counter, exact) = lookup.counter(&catalog::GATEWAY_REQUESTS, &values);
        counter.increment(1);
        // What overflows is looked up every time, so that this cannot grow without bound.
        if exact {
            known.push((status, counter));
        }
    }
}

/// The counter of successes stands at 0 from the first request on, whatever that one was.
fn successes(lookup: &mut Lookup<'_>, [id, method]: [&str; 2]) -> Vec<(Option<u16>, Counter)> {
    let (counter, _) = lookup.counter(&catalog::GATEWAY_REQUESTS, &[id, method, "200"]);
    vec![(Some(200), counter)]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{llm, origin, span, understood};
    use crate::metrics::{Measures, Registry};
    use crate::model::{GatewayExchange, Operation, Settled, Understanding};

    #[test]
    fn every_request_counts_also_one_whose_call_is_known() {
        let registry = Registry::default();
        let mut measures = Measures::new(&registry);
        let call = llm("gpt-4o");
        for (status_code, counts) in [(Some(200), true), (Some(200), false), (Some(499), true)] {
            let exchange = GatewayExchange {
                id: "main",
                method: "POST",
                status_code,
                rate_limit_remaining: Some(7.0),
            };
            let settled = Settled { counts, ..Settled::whole(&call) };
            let operation = Operation::Llm(call.clone());
            let known = Understanding { gateway: Some(exchange), ..understood(operation) };
            measures.span(&origin("pharos"), &span(0.5), &known, Some(&settled));
        }
        let page = registry.render();
        let line = |status: u16, count: u16| {
            let labels = format!("gateway_id=\"main\",method=\"POST\",status=\"{status}\"");
            format!("gateway_requests_total{{{labels}}} {count}\n")
        };
        assert!(page.contains(&line(200, 2)) && page.contains(&line(499, 1)), "{page}");
        assert!(page.contains("provider_rate_limit_remaining{provider=\"openai\"} 7\n"), "{page}");
    }
}
