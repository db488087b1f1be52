//! Somebody who connects to an open port and does not keep to the protocol, and the bytes of those who do, up to a point.

use std::io;

use anyhow::{Context as _, Result, bail, ensure};
use tests::cluster::PATIENCE;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// Strangers that are at work at the same time, each with what it does in words.
pub(crate) type Strangers = JoinSet<Result<()>>;

/// Waits until all of them were shown the door.
pub(crate) async fn all_closed(mut strangers: Strangers) -> Result<()> {
    ensure!(!strangers.is_empty(), "nobody came");
    while let Some(one) = strangers.join_next().await {
        one??;
    }
    Ok(())
}

/// A connection to a port on loopback.
pub(crate) struct Stranger(TcpStream);

impl Stranger {
    pub(crate) async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends what the other end may not want to hear to its end.
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Says that nothing more will come.
    pub(crate) async fn say_no_more(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Reads so many bytes.
    pub(crate) async fn hear(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        timeout(PATIENCE, self.0.read_exact(&mut bytes)).await.context("no answer")??;
        Ok(bytes)
    }

    /// Reads until the other end closes; fails if it does not.
    pub(crate) async fn shown_out(mut self, what: &str) -> Result<Vec<u8>> {
        let mut heard = Vec::new();
        match timeout(PATIENCE, self.0.read_to_end(&mut heard)).await {
            Err(_elapsed) => bail!("the connection was not closed after {what}"),
            // Closed with something unread, which the kernel tells like this.
            Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionReset => Ok(heard),
            Ok(Err(e)) => bail!("{what}: {e}"),
            Ok(Ok(_)) => Ok(heard),
        }
    }
}

/// A stranger that says this as its first words, and is closed.
pub(crate) async fn first_words(port: u16, what: String, bytes: Vec<u8>) -> Result<()> {
    let mut stranger = Stranger::connect(port).await?;
    stranger.say(&bytes).await;
    stranger.shown_out(&format!("{what} on port {port}")).await.map(drop)
}

/// Bytes that look like nothing, the same each time.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0] | 0x80
    };
    std::iter::repeat_with(next).take(count).collect()
}
