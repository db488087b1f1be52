//! Where a link's bytes come from: TCP, and in tests anything else. Not here: what the bytes mean.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::BoxFuture;

/// A connected byte stream.
pub(crate) type Stream = Box<dyn Io>;

/// Opens a stream to `host:port`.
pub(crate) type Connect = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Stream>> + Send + Sync>;

/// Both directions of a byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

/// The transport of every link outside tests.
pub(crate) fn tcp() -> Connect {
    Arc::new(|addr| {
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            // Frames are batched here already; Nagle would only add a delay.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Stream)
        })
    })
}
