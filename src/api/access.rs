//! Who may ask what, and which parameters a resource knows.

use super::Shared;
use super::auth::{Denied, Role};
use super::error::ApiError;
use super::parameters::Parameters;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: probes and the landing page, which tell nothing of the telemetry.
    Open,
    /// Holders of a key with this role, where keys are configured.
    Needs(Role),
}

/// The name of the key that a request was let in with; `None` where everything is open.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Option<String>);

/// The layer of one route: first the host and the key, then the names of its parameters.
pub(super) async fn enforce(
    State((api, access, known)): State<(Shared, Access, Option<&'static [&'static str]>)>,
    mut request: Request,
    next: Next,
) -> Response {
    if access != Access::Open && !api.handles.hosts.allow(request.uri(), request.headers()) {
        return ApiError::Host.into_response();
    }
    if let Access::Needs(role) = access {
        let caller = match api.handles.keys.check(request.headers(), role) {
            Ok(key) => Caller(key.map(|key| key.name.clone())),
            Err(denied) => return ApiError::from(denied).into_response(),
        };
        request.extensions_mut().insert(caller);
    }
    let checked = known.map(|known| Parameters::of(request.uri().query(), known));
    if let Some(Err(error)) = checked {
        return error.into_response();
    }
    next.run(request).await
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Missing | Denied::Unknown => Self::Unauthenticated,
            Denied::Role(needed) => Self::Forbidden { needed: needed.name() },
        }
    }
}
