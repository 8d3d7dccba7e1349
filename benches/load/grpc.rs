//! OTLP/gRPC with the client that Rust agents use (tonic), sending bytes encoded before.

use std::net::SocketAddr;

use bytes::Bytes;
use pharos::exporter::Encoded;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};

/// One connection to an OTLP/gRPC door, driven from a blocking thread.
pub struct Sender {
    runtime: tokio::runtime::Runtime,
    client: Grpc<Channel>,
}

impl Sender {
    /// Connects, with a window that does not slow large requests down.
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let endpoint = endpoint.tcp_nodelay(true).initial_stream_window_size(4 << 20);
        let channel = runtime.block_on(endpoint.connect()).unwrap();
        Self { runtime, client: Grpc::new(channel) }
    }

    /// Exports a traces request.
    pub fn export(&mut self, body: &[u8]) {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let path = http::uri::PathAndQuery::from_static(path);
        let body = Bytes::copy_from_slice(body);
        self.runtime.block_on(async {
            self.client.ready().await.unwrap();
            self.client.unary(Request::new(body), path, Encoded).await.unwrap();
        });
    }
}
