//! The gateway, connected: keys, hosts, budgets and prices.

use std::sync::Arc;
use std::time::Duration;

use super::AppError;
use super::checks::States;
use super::servers::hosts;
use crate::api::auth::{Keys, Role};
use crate::config::{self, Config};
use crate::gateway::{Gateway, GatewayOptions, Kind, Neighbours, UpstreamOptions, pharos_key};
use crate::limits;
use crate::listener::Patience;
use crate::metrics::{self, Registry};
use crate::model::Pricing;
use crate::pipeline::Pipeline;

/// Starts it, if there are upstreams.
pub(super) fn start(
    config: &Config,
    keys: &Arc<Keys>,
    pipeline: &Arc<Pipeline>,
    registry: &Registry,
    states: &States,
) -> Result<Gateway, AppError> {
    let (check, hosts) = (Arc::clone(keys), hosts(config, keys));
    let progress = Arc::clone(&states.progress);
    let neighbours = Neighbours {
        keys: (!keys.open()).then(|| -> crate::gateway::KeyCheck {
            Arc::new(move |headers| check.check_secret(pharos_key(headers), Role::Ingest).is_ok())
        }),
        hosts: Arc::new(move |uri, headers| hosts.allow(uri, headers)),
        caught_up: Arc::new(move || progress.caught_up()),
        spending: Some(Arc::new(states.budgets.clone())),
        pricing: Some(Arc::clone(&states.book.prices) as Arc<dyn Pricing>),
        metrics: metrics::Gateway::new(registry),
    };
    Ok(Gateway::start(&configured(config), Arc::clone(pipeline), neighbours)?)
}

/// How long connections of the web port may take: a call of a model may take longer than anything
/// else that is asked there.
pub(super) fn patience(config: &Config) -> Patience {
    let waits = config.gateway.upstreams.iter();
    let waits = waits.map(|it| it.connect_timeout + it.first_byte_timeout.max(it.idle_timeout));
    let body = Duration::from_secs(limits::BODY_TIMEOUT_SECONDS);
    let longest = waits.max().map_or(Duration::ZERO, |longest| longest + body);
    let patience = Patience::default();
    Patience { stuck: patience.stuck.max(longest), ..patience }
}

/// The configuration as the gateway takes it.
fn upstream(upstream: &config::Upstream) -> UpstreamOptions {
    UpstreamOptions {
        id: upstream.id.clone(),
        url: upstream.url.clone(),
        kind: match upstream.kind {
            config::UpstreamKind::OpenAi => Kind::OpenAi,
            config::UpstreamKind::Anthropic => Kind::Anthropic,
            config::UpstreamKind::Other => Kind::Other,
        },
        provider: upstream.provider.clone().unwrap_or_default(),
        connect_timeout: upstream.connect_timeout,
        first_byte_timeout: upstream.first_byte_timeout,
        idle_timeout: upstream.idle_timeout,
        request_bytes: upstream.max_request_bytes,
        response_bytes: upstream.max_response_bytes,
        ask_usage: upstream.ask_usage,
        ca_file: upstream.ca_file.clone(),
    }
}

/// All of it.
fn configured(config: &Config) -> GatewayOptions {
    GatewayOptions {
        upstreams: config.gateway.upstreams.iter().map(upstream).collect(),
        capture_content: config.gateway.capture_content,
        output_tokens: config.gateway.output_tokens,
    }
}
