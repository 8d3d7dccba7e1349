//! An axum server whose requests are measured, and a client that tells another service whose work
//! it does. It serves `/chat/{id}`, calls itself at `/tools/{name}`, and shows `/metrics`.
//!
//! ```text
//! cargo run --example server
//! curl -H 'baggage: tenant.id=acme' http://127.0.0.1:3000/chat/42
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use axum::extract::{MatchedPath, Path, State};
use axum::routing::get;
use axum::{Router, body::Body};
use http::{Request, Response};
use pharos::telemetry::{self, Context, HttpClientLayer, HttpServerLayer, Telemetry, carry};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = Arc::new(Telemetry::builder("chat").environment("example").init()?);
    let measured = HttpServerLayer::new()
        .route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    let app = Router::new()
        .route("/chat/{id}", get(chat))
        .route("/tools/{name}", get(tool))
        .layer(measured)
        .route("/metrics", get(async |State(all): State<Arc<Telemetry>>| all.render()))
        .with_state(telemetry);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "Listening.");
    // A server of your own has timeouts and a way to stop; this one is as short as it can be.
    loop {
        let (stream, _) = listener.accept().await?;
        let service = hyper_util::service::TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let served = hyper::server::conn::http1::Builder::new();
            let _ = served.serve_connection(stream, service).await;
        });
    }
}

async fn chat(Path(id): Path<String>) -> Result<String, String> {
    let context = Context::current();
    tracing::info!(tenant = context.tenant(), "Somebody chats.");
    // What is spawned goes on working for the same tenant, in the same trace.
    let remembering = tokio::spawn(carry(async {
        telemetry::db_query("postgresql", "INSERT", "chats").success();
    }));
    let client = ServiceBuilder::new()
        .layer(HttpClientLayer::new().service("tools"))
        .service(service_fn(send));
    let request = Request::get("http://tools.local/tools/search").body(Body::empty());
    let answer = client.oneshot(request.map_err(|error| error.to_string())?).await;
    remembering.await.map_err(|error| error.to_string())?;
    let Ok(answer) = answer;
    Ok(format!("chat {id}: the tool answered {}\n", answer.status()))
}

async fn tool(Path(name): Path<String>) -> String {
    telemetry::tool_call(&name).success();
    name
}

/// Stands in for a client of your choice: it sends to this very router's kind of service.
async fn send(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let told = request.headers().get("baggage").cloned();
    tracing::info!(?told, "The other service is told whose work it is.");
    Ok(Response::new(Body::empty()))
}
