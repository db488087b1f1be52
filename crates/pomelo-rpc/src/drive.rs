//! The task of one link that is up: reads, writes, pings, and notices that the other side is gone. Not here: what frames
//! mean (`incoming`), and what becomes of the link's callers afterwards (`link`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::frame::{Frame, FrameError};
use crate::incoming::Incoming;
use crate::link::{BUFFER_BYTES_KEPT, Link, Taken};
use crate::transport::Stream;

/// What one read may bring at most, unless a longer frame is under way.
const READ_BYTES: usize = 64 << 10;

/// A connection after its hello.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// Read behind the hello already.
    pub(crate) read: BytesMut,
    /// To be written before anything else: the welcome, on the accepting side.
    pub(crate) first: Vec<u8>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the peer closed the connection")]
    PeerClosed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the peer sent garbage: {0}")]
    Frame(#[from] FrameError),
    #[error("the peer sent {0}")]
    Misplaced(&'static str),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    /// The link was taken down by this side; whoever did it gave the reason.
    #[error("closed by this server")]
    Down,
}

/// Runs until the connection is over.
pub(crate) async fn drive(connection: Connection, link: &Arc<Link>, mut incoming: Incoming) -> End {
    match run(connection, link, &mut incoming).await {
        Ok(end) | Err(end) => end,
    }
}

async fn run(connection: Connection, link: &Arc<Link>, incoming: &mut Incoming) -> Result<End, End> {
    let limits = link.limits.clone();
    let Connection { stream, mut read, first: mut out } = connection;
    // One task for both directions: they end together, and no lock is ever waited for.
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut written = 0;
    let (mut heard, mut wrote) = (Instant::now(), Instant::now());
    let timer = sleep(limits.ping_idle.min(limits.dead_after));
    tokio::pin!(timer);
    loop {
        while incoming.has_room()
            && let Some(frame) = Frame::decode(&mut read, limits.frame_bytes_max)?
        {
            incoming.take(frame).map_err(End::Misplaced)?;
        }
        if out.is_empty() {
            match link.take(&mut out) {
                Taken::Open => {}
                Taken::Drained => return finish(&mut reader, &mut writer, read).await,
                Taken::Over => return Ok(End::Down),
            }
        }
        make_room(&mut read);
        tokio::select! {
            biased;
            bytes = writer.write(&out[written..]), if !out.is_empty() => {
                let bytes = bytes?;
                if bytes == 0 {
                    return Err(io::Error::from(io::ErrorKind::WriteZero).into());
                }
                link.written(bytes);
                wrote = Instant::now();
                written += bytes;
                if written == out.len() {
                    written = 0;
                    out.clear();
                    out.shrink_to(BUFFER_BYTES_KEPT);
                }
            }
            () = link.ended.notified() => return Ok(End::Down),
            bytes = reader.read_buf(&mut read), if incoming.has_room() => {
                let bytes = bytes?;
                if bytes == 0 {
                    return Ok(End::PeerClosed);
                }
                heard = Instant::now();
                if bytes >= READ_BYTES {
                    // There is more, but others of this runtime have waited for a whole buffer of frames by now.
                    tokio::task::yield_now().await;
                }
            }
            () = link.wake.notified(), if out.is_empty() => {}
            () = incoming.progress(), if incoming.is_handling() => {}
            () = &mut timer => {
                let now = Instant::now();
                if !incoming.has_room() {
                    // Not reading is our choice; the peer isn't silent.
                    heard = now;
                }
                if now - heard >= limits.dead_after {
                    return Err(End::Silent(limits.dead_after));
                }
                if now - wrote >= limits.ping_idle {
                    link.ping();
                    wrote = now;
                }
                timer.as_mut().reset((heard + limits.dead_after).min(wrote + limits.ping_idle));
            }
        }
    }
}

/// Says that no more comes, and waits for the peer's end. To drop the stream with bytes unread would reset it, and the
/// peer might lose what it has not read yet. Whoever closes the link limits the time.
async fn finish(
    reader: &mut (impl AsyncReadExt + Unpin),
    writer: &mut (impl AsyncWriteExt + Unpin),
    mut read: BytesMut,
) -> Result<End, End> {
    writer.shutdown().await?;
    loop {
        read.clear();
        make_room(&mut read);
        if reader.read_buf(&mut read).await? == 0 {
            return Ok(End::Down);
        }
    }
}

/// Makes room for the rest of the frame under way, or else for a usual read.
fn make_room(read: &mut BytesMut) {
    let missing = Frame::bytes_wanted(read).saturating_sub(read.len());
    let spare = read.capacity() - read.len();
    if spare < missing.max(READ_BYTES / 4) {
        read.reserve(missing.max(READ_BYTES));
    }
}
