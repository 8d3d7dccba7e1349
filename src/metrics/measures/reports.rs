//! What log records report.

use std::collections::HashMap;

use super::cache::Lookup;
use super::{Measures, error, error_class};
use crate::limits;
use crate::metrics::catalog;
use crate::model::{Operation, Origin, Report, Reported, Understanding};

/// The last word of every service on its database connections.
#[derive(Debug, Default)]
pub(super) struct Connections(HashMap<Box<str>, f64>);

impl Measures {
    /// A log record of a batch that reports something.
    pub fn report(&mut self, origin: &Origin<'_>, report: &Report<'_>) {
        match &report.said {
            Reported::Error(class) => self.error(origin, error_class(*class)),
            Reported::Security(event) => {
                let class = format!("security.{}", error_class(*event));
                self.error(origin, &class);
            }
            Reported::RateLimit(limit) if limit.resource == "requests" => {
                self.rate_limit(&limit.provider, limit.remaining);
            }
            Reported::DbConnections(connections) => self.connections(origin, *connections),
            Reported::RateLimit(_)
            | Reported::Started(_)
            | Reported::TokenBudget(_)
            | Reported::Spend(_) => {}
        }
    }

    /// What a span reports beside what it is.
    pub(super) fn aside(&mut self, origin: &Origin<'_>, understanding: &Understanding<'_>) {
        let remaining = understanding.gateway.and_then(|gateway| gateway.rate_limit_remaining);
        match (&understanding.operation, remaining) {
            (Operation::Llm(call), Some(remaining)) => self.rate_limit(&call.provider, remaining),
            (Operation::Provider(request), Some(remaining)) => {
                self.rate_limit(&request.provider, remaining);
            }
            _ => {}
        }
        if let Operation::Db(query) = &understanding.operation
            && let Some(connections) = query.connections
        {
            self.connections(origin, connections);
        }
    }

    fn error(&mut self, origin: &Origin<'_>, class: &str) {
        let registry = self.registry.clone();
        let mut lookup = Lookup::new(&registry, origin);
        self.errors.get([class], &mut lookup, error).increment(1);
    }

    fn rate_limit(&self, provider: &str, remaining: f64) {
        self.registry.gauge(&catalog::PROVIDER_RATE_LIMIT_REMAINING, &[provider]).set(remaining);
    }

    fn connections(&mut self, origin: &Origin<'_>, connections: f64) {
        let Connections(services) = &mut self.connections;
        let service = origin.service();
        let room = services.len() < limits::CONNECTION_SERVICES;
        match services.get_mut(service) {
            Some(known) => *known = connections,
            None if room => drop(services.insert(service.into(), connections)),
            None => return,
        }
        let sum: f64 = services.values().sum();
        self.registry.gauge(&catalog::DB_CONNECTIONS_ACTIVE, &[]).set(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Registry;
    use crate::metrics::measures::tests::{origin, span, understood};
    use crate::model::{DbQuery, GatewayExchange, ProviderRequest, RateLimit};

    fn report(said: Reported<'_>) -> Report<'_> {
        let (tenant, team, user, agent) = (None, None, None, None);
        Report { said, id: None, tenant, team, user, agent, conversation: None }
    }

    #[test]
    fn reports_are_recorded() {
        let registry = Registry::default();
        let mut measures = Measures::new(&registry);
        let mut say = |service, said| measures.report(&origin(service), &report(said));
        say("shop", Reported::Error(Some("Timeout")));
        say("shop", Reported::Error(Some("a whole sentence")));
        say("shop", Reported::Security(Some("failed_login")));
        say("shop", Reported::DbConnections(7.0));
        say("shop", Reported::DbConnections(5.0));
        say("crm", Reported::DbConnections(2.0));
        let limit = |resource, remaining| {
            let provider = "openai".into();
            Reported::RateLimit(RateLimit { provider, resource, remaining, limit: None })
        };
        say("shop", limit("requests", 40.0));
        say("shop", limit("tokens", 90_000.0));
        let errors = |kind| registry.total(&catalog::ERRORS, &[("kind", kind)]);
        assert_eq!((errors("Timeout"), errors("other")), (1.0, 1.0));
        assert_eq!(errors("security.failed_login"), 1.0);
        assert_eq!(registry.total(&catalog::DB_CONNECTIONS_ACTIVE, &[]), 7.0);
        assert_eq!(registry.total(&catalog::PROVIDER_RATE_LIMIT_REMAINING, &[]), 40.0);
    }

    #[test]
    fn spans_report_beside_what_they_are() {
        let registry = Registry::default();
        let mut measures = Measures::new(&registry);
        let query = DbQuery { connections: Some(3.0), ..DbQuery::default() };
        measures.span(&origin("shop"), &span(1.0), &understood(Operation::Db(query)), None);
        let request = ProviderRequest { provider: "openai".into(), endpoint: "models" };
        let gateway = GatewayExchange { rate_limit_remaining: Some(9.0), ..Default::default() };
        let known =
            Understanding { gateway: Some(gateway), ..understood(Operation::Provider(request)) };
        measures.span(&origin("shop"), &span(1.0), &known, None);
        assert_eq!(registry.total(&catalog::DB_CONNECTIONS_ACTIVE, &[]), 3.0);
        let openai = [("provider", "openai")];
        assert_eq!(registry.total(&catalog::PROVIDER_RATE_LIMIT_REMAINING, &openai), 9.0);
        let models = [("endpoint", "models"), ("status", "success")];
        assert_eq!(registry.total(&catalog::PROVIDER_REQUESTS, &models), 1.0);
    }
}
