//! Tower layers: one for servers, one for clients. They know `http`, and no framework.

mod body;
mod client;
mod incoming;
mod server;
#[cfg(test)]
mod tests;

pub use body::MeasuredBody;
pub use client::{Call, HttpClient, HttpClientFuture, HttpClientLayer};
pub use server::{HttpServer, HttpServerFuture, HttpServerLayer};
