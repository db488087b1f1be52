//! What calls go over. Here only as a trait: the links are in `node::peers`.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, Calling, Payload, RpcError};

/// The other servers, and this one, as something that can be sent bytes. In tests, anything.
pub(crate) trait Peers: Send + Sync + 'static {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>>;

    /// The same for a body that writes itself to where it goes.
    fn start(&self, server: &ServerId, method: &str, body: &dyn Payload, deadline: Duration) -> Answer {
        let mut bytes = Vec::with_capacity(body.len());
        body.put(&mut bytes);
        Answer::Later(self.call(server, method, bytes.into(), deadline))
    }

    /// How many calls to it wait for their answer.
    fn calls_waiting(&self, _server: &ServerId) -> usize {
        0
    }

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError>;

    /// See [`pomelo_rpc::Links::link`]. To this server itself there is one for ever.
    fn link(&self, server: &ServerId) -> Result<u64, RpcError>;

    /// See [`pomelo_rpc::Links::present`].
    fn present(&self, server: &ServerId) -> Option<u64>;

    /// See [`pomelo_rpc::Links::send_over`].
    fn send_over(&self, server: &ServerId, link: u64, method: &str, body: Bytes) -> Result<(), RpcError>;
}

/// An answer that is under way.
pub(crate) enum Answer {
    Over(Calling),
    Later(BoxFuture<'static, Result<Bytes, RpcError>>),
    Refused(Option<RpcError>),
}

impl Future for Answer {
    type Output = Result<Bytes, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Over(calling) => Pin::new(calling).poll(cx),
            Self::Later(answer) => answer.as_mut().poll(cx),
            // Polled once only, as every future.
            Self::Refused(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}
