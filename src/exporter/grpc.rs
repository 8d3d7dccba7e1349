//! A target over OTLP/gRPC.

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::codec::Encoded;
use super::http::read;
use super::options::{TargetError, TargetOptions};
use super::outcome::{self, Outcome};
use crate::limits;
use crate::model::Signal;

pub(super) struct GrpcTarget {
    client: Grpc<Channel>,
    metadata: MetadataMap,
}

impl GrpcTarget {
    /// The connection is made with the first request and again after every break. Must be
    /// called inside a runtime.
    pub(super) fn new(options: &TargetOptions) -> Result<Self, TargetError> {
        let bad = |why: &dyn ToString| TargetError::Endpoint(why.to_string());
        let endpoint = Endpoint::from_shared(options.endpoint.clone());
        let mut endpoint = endpoint
            .map_err(|error| bad(&error))?
            .timeout(options.timeout)
            .connect_timeout(options.timeout)
            .tcp_nodelay(true)
            .initial_stream_window_size(limits::HTTP2_WINDOW_BYTES)
            .initial_connection_window_size(limits::HTTP2_WINDOW_BYTES);
        if options.endpoint.starts_with("https:") {
            endpoint = endpoint.tls_config(tls(options)?).map_err(|error| bad(&error))?;
        }
        let mut client = Grpc::new(endpoint.connect_lazy())
            .max_decoding_message_size(limits::TARGET_RESPONSE_BYTES);
        if options.gzip {
            client = client
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip);
        }
        Ok(Self { client, metadata: metadata(options)? })
    }

    pub(super) async fn send(&mut self, signal: Signal, body: Bytes) -> Outcome {
        if let Err(error) = self.client.ready().await {
            return Outcome::Retry { after: None, why: root_cause(&error) };
        }
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        match self.client.unary(request, path(signal), Encoded).await {
            Ok(response) => {
                let rejected = outcome::rejected_items(response.get_ref());
                Outcome::Delivered { rejected }
            }
            // A connection that broke is reported as Unknown by the transport; what was sent
            // over it may or may not have arrived, so it is sent again.
            Err(status) if std::error::Error::source(&status).is_some() => {
                Outcome::Retry { after: None, why: root_cause(&status) }
            }
            Err(status) => of_status(&status),
        }
    }
}

fn of_status(status: &Status) -> Outcome {
    let after = outcome::retry_info(status.details());
    let class = outcome::of_grpc(status.code(), after);
    // A target behind a proxy that answers plain HTTP errors has no gRPC code to tell.
    match status.code() {
        Code::Unknown => Outcome::Retry { after, why: "gRPC Unknown".to_owned() },
        _ => class,
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn path(signal: Signal) -> PathAndQuery {
    PathAndQuery::from_static(match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    })
}

fn metadata(options: &TargetOptions) -> Result<MetadataMap, TargetError> {
    let mut metadata = MetadataMap::new();
    for (name, value) in &options.headers {
        let bad = || TargetError::Header(name.clone());
        let name = name.to_ascii_lowercase();
        let key = MetadataKey::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        metadata.insert(key, MetadataValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(metadata)
}

fn tls(options: &TargetOptions) -> Result<ClientTlsConfig, TargetError> {
    let mut tls = ClientTlsConfig::new();
    tls = match &options.tls.ca_file {
        Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
        None => tls.with_native_roots(),
    };
    if let (Some(certificate), Some(key)) = (&options.tls.cert_file, &options.tls.key_file) {
        tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(tls)
}
