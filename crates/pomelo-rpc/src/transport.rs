//! Where a link's bytes come from: TCP, a server itself, and in tests anything else. Not here: what the bytes mean.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, join, simplex};
use tokio::net::TcpStream;

use crate::BoxFuture;

/// A connected byte stream.
pub(crate) type Stream = Box<dyn Io>;

/// Opens a stream to `host:port`.
pub(crate) type Connect = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Stream>> + Send + Sync>;

/// Both directions of a byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

/// How many bytes of a server to itself are under way at most; the rest waits in its link's buffer.
const TO_ITSELF_BYTES: usize = 64 << 10;

/// A stream that says what it was told.
pub(crate) fn to_itself() -> Stream {
    let (read, write) = simplex(TO_ITSELF_BYTES);
    Box::new(join(read, write))
}

/// The transport of every link between servers outside tests.
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
