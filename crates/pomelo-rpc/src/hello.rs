//! The first frame of each side, over the stream: who I am, who I take you for. Not here: which of two connections of a
//! pair stays (`peers`).

use std::io;

use bytes::BytesMut;
use pomelo_protocol::ServerId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::frame::{Frame, FrameError, HELLO_BYTES_MAX, Reason, VERSION};
use crate::transport::Stream;
use crate::{DialError, Hello};

/// A connection whose other end has said who it is.
pub(crate) struct Greeted {
    pub(crate) stream: Stream,
    /// What was read behind the hello already.
    pub(crate) read: BytesMut,
    pub(crate) peer: Hello,
}

/// A dial that did not end in a welcome.
pub(crate) enum Refusal {
    /// The peer keeps the connection it opened itself.
    Duplicate,
    Failed(DialError),
}

/// Bytes or an end where a hello should have been.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the connection ended")]
    Ended,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the first frame is no hello")]
    NoHello,
    #[error("hello for {to}, this is {me}")]
    NotMe { to: ServerId, me: ServerId },
}

/// The dialling side: says hello to `to` and waits for the welcome.
pub(crate) async fn greet(
    mut stream: Stream,
    me: &Hello,
    to: &ServerId,
    addr: &str,
) -> Result<Greeted, Refusal> {
    let hello = Frame::<&str>::Hello { id: me.id.clone(), incarnation: me.incarnation, to: to.clone() };
    let mut read = BytesMut::new();
    let answer = async {
        write_frame(&mut stream, &hello).await?;
        read_frame(&mut stream, &mut read).await
    };
    let addr = addr.to_owned();
    let refused = match answer.await {
        Ok(Frame::Welcome { id, incarnation }) if id == *to => {
            return Ok(Greeted { stream, read, peer: Hello { id, incarnation } });
        }
        Ok(Frame::Welcome { id, .. }) => DialError::WrongId { addr, expected: to.clone(), found: id },
        Ok(Frame::Refuse { reason: Reason::Duplicate, .. }) => return Err(Refusal::Duplicate),
        Ok(Frame::Refuse { reason: Reason::Version, version, .. })
        | Err(HelloError::Frame(FrameError::Version { theirs: version })) => {
            DialError::WrongVersion { addr, ours: VERSION, theirs: version }
        }
        Ok(Frame::Refuse { message, .. }) => DialError::Refused { addr, message },
        Ok(_) => DialError::Garbage { addr, error: HelloError::NoHello.to_string() },
        Err(error @ (HelloError::Frame(_) | HelloError::NoHello | HelloError::NotMe { .. })) => {
            DialError::Garbage { addr, error: error.to_string() }
        }
        Err(error @ (HelloError::Io(_) | HelloError::Ended)) => {
            DialError::HelloLost { addr, error: error.to_string() }
        }
    };
    Err(Refusal::Failed(refused))
}

/// The accepting side: reads the hello. The welcome is written with the link's first bytes; a peer that took this server
/// for another one, or speaks another version, is told so here.
pub(crate) async fn be_greeted(mut stream: Stream, me: &Hello) -> Result<Greeted, HelloError> {
    let mut read = BytesMut::new();
    let error = match read_frame(&mut stream, &mut read).await {
        Ok(Frame::Hello { id, incarnation, to }) if to == me.id => {
            return Ok(Greeted { stream, read, peer: Hello { id, incarnation } });
        }
        Ok(Frame::Hello { to, .. }) => HelloError::NotMe { to, me: me.id.clone() },
        Ok(_) => HelloError::NoHello,
        Err(error) => error,
    };
    let reason = match &error {
        HelloError::NotMe { .. } => Reason::WrongId,
        HelloError::Frame(FrameError::Version { .. }) => Reason::Version,
        // Whatever this is, it would not understand a refusal.
        HelloError::Frame(_) | HelloError::NoHello | HelloError::Ended | HelloError::Io(_) => {
            return Err(error);
        }
    };
    refuse(stream, reason, error.to_string()).await?;
    Err(error)
}

/// Says no and ends the connection.
pub(crate) async fn refuse(mut stream: Stream, reason: Reason, message: String) -> io::Result<()> {
    write_frame(&mut stream, &Frame::Refuse { version: VERSION, reason, message }).await?;
    stream.shutdown().await
}

async fn write_frame(stream: &mut Stream, frame: &Frame<&str>) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    stream.write_all(&bytes).await
}

async fn read_frame(
    stream: &mut Stream,
    read: &mut BytesMut,
) -> Result<Frame<crate::frame::Text>, HelloError> {
    loop {
        if let Some(frame) = Frame::decode(read, HELLO_BYTES_MAX)? {
            return Ok(frame);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(HelloError::Ended);
        }
    }
}
