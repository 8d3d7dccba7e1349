//! Where a span or log record comes from: the resource and the instrumentation scope.

use super::value::{Attribute, find};

/// The resource and scope that a record was sent under.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origin<'a> {
    /// Attributes of the resource (`service.name`, `deployment.environment.name`, …).
    pub resource: Vec<Attribute<'a>>,
    /// The instrumentation library.
    pub scope: Scope<'a>,
}

/// The instrumentation library that made a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope<'a> {
    /// Its name, for instance `openinference.instrumentation.litellm`; empty where not sent.
    pub name: &'a str,
    /// Its version; empty where not sent.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Origin<'a> {
    /// `service.name` of the resource, or `unknown_service` as the SDKs say.
    pub fn service(&self) -> &'a str {
        find(&self.resource, "service.name")
            .and_then(|value| value.as_text())
            .filter(|name| !name.is_empty())
            .unwrap_or("unknown_service")
    }
}
