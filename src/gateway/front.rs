//! In front of the API's router: what begins with the gateway's path goes straight to it.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tower::Service;

use super::call;
use super::house::House;
use super::passing::Passing;
use super::upstream::Upstream;

/// Where the gateway is.
pub const PREFIX: &str = "/gateway/";

/// The service of the web port.
#[derive(Clone)]
pub struct Front<S> {
    pub(super) house: Option<Arc<House>>,
    pub(super) inner: S,
}

/// An answer of the gateway or of what is behind it.
pub enum Answer<B> {
    /// Of the gateway.
    Gateway(Passing),
    /// Of what is behind it.
    Inner(B),
}

type Answering<B> =
    Pin<Box<dyn Future<Output = Result<Response<Answer<B>>, Infallible>> + Send + 'static>>;

impl<S, B> Service<Request<Incoming>> for Front<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Answering<B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        if let Some(house) = &self.house
            && let Some((upstream, path)) = upstream(house, request.uri().path())
        {
            let (house, upstream, path) =
                (Arc::clone(house), Arc::clone(upstream), path.to_owned());
            return Box::pin(async move {
                Ok(call::answer(house, upstream, request, path).await.map(Answer::Gateway))
            });
        }
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(Answer::Inner)) })
    }
}

/// The upstream that a path names, and what of the path is its own.
fn upstream<'h, 'p>(house: &'h House, path: &'p str) -> Option<(&'h Arc<Upstream>, &'p str)> {
    let named = path.strip_prefix(PREFIX)?;
    let (id, rest) = named.split_at(named.find('/').unwrap_or(named.len()));
    let upstream = house.upstreams.iter().find(|upstream| upstream.options.id == id)?;
    Some((upstream, rest))
}

impl<B: Default> Default for Answer<B> {
    fn default() -> Self {
        Self::Inner(B::default())
    }
}

impl<B> Body for Answer<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Gateway(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Inner(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Gateway(body) => body.is_end_stream(),
            Self::Inner(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Gateway(body) => body.size_hint(),
            Self::Inner(body) => body.size_hint(),
        }
    }
}
