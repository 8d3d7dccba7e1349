//! OTLP/gRPC with the client that Rust agents use (tonic), sending bytes encoded before.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

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
            self.client.unary(Request::new(body), path, Raw).await.unwrap();
        });
    }
}

#[derive(Clone)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
