//! The first frames of each side, over the stream: who I am, who I take you for, and that I am of this cluster. Not here: which
//! of two connections of a pair stays (`peers`), and what a proof is (`secret`).

use std::io;

use bytes::BytesMut;
use pomelo_protocol::ServerId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::frame::{Frame, FrameError, HELLO_BYTES_MAX, Reason, Text, VERSION};
use crate::secret::{Bytes32, Exchange, Side, nonce};
use crate::transport::Stream;
use crate::{DialError, Hello, Secret};

const NO_SECRET_HERE: &str = "it asks for the cluster's secret and this server has none (config/rpc.json)";
const NO_SECRET_THERE: &str = "this server has the cluster's secret (config/rpc.json) and it has none";
const OTHER_SECRET: &str = "its secret is not this server's: config/rpc.json has to be the same everywhere";
const NO_RANDOM: &str = "the system has no random bytes to ask for a proof with";

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
    #[error("{peer} is not let in by {me}: {why}")]
    Secret { peer: ServerId, me: ServerId, why: &'static str },
}

/// The dialling side: says hello to `to` and waits for the welcome.
pub(crate) async fn greet(
    mut stream: Stream,
    me: &Hello,
    to: &ServerId,
    addr: &str,
    secret: Option<&Secret>,
) -> Result<Greeted, Refusal> {
    let mut read = BytesMut::new();
    let answer = say_hello(&mut stream, &mut read, me, to, secret).await;
    let addr = addr.to_owned();
    let refused = match answer {
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
        Err(HelloError::Secret { why, .. }) => DialError::Secret { addr, why },
    };
    Err(Refusal::Failed(refused))
}

/// Says hello and proves what has to be proved. Returns the answer.
async fn say_hello(
    stream: &mut Stream,
    read: &mut BytesMut,
    me: &Hello,
    to: &ServerId,
    secret: Option<&Secret>,
) -> Result<Frame<Text>, HelloError> {
    let distrust = |why| HelloError::Secret { peer: to.clone(), me: me.id.clone(), why };
    let secret = match secret {
        Some(secret) => Some((secret, nonce().ok_or_else(|| distrust(NO_RANDOM))?)),
        None => None,
    };
    let nonce = secret.map(|(_, nonce)| nonce);
    let hello = Frame::Hello { id: me.id.clone(), incarnation: me.incarnation, to: to.clone(), nonce };
    write_frame(stream, &hello).await?;
    match (read_frame(stream, read).await?, secret) {
        (Frame::Challenge { nonce: theirs, proof }, Some((secret, ours))) => {
            let exchange = Exchange { dialling: me, accepting: to, nonces: [ours, theirs] };
            if !secret.proves(Side::Accepting, &exchange, &proof) {
                return Err(distrust(OTHER_SECRET));
            }
            write_frame(stream, &Frame::Proof(secret.proof(Side::Dialling, &exchange))).await?;
            read_frame(stream, read).await
        }
        (Frame::Challenge { .. }, None) => Err(distrust(NO_SECRET_HERE)),
        (Frame::Welcome { .. }, Some(_)) => Err(distrust(NO_SECRET_THERE)),
        (answer, _) => Ok(answer),
    }
}

/// The accepting side: reads the hello. The welcome is written with the link's first bytes; a peer that took this server
/// for another one, speaks another version, or does not know the secret, is told so here.
pub(crate) async fn be_greeted(
    mut stream: Stream,
    me: &Hello,
    secret: Option<&Secret>,
) -> Result<Greeted, HelloError> {
    let mut read = BytesMut::new();
    let error = match read_frame(&mut stream, &mut read).await {
        Ok(Frame::Hello { id, incarnation, to, nonce }) if to == me.id => {
            let peer = Hello { id, incarnation };
            match ask_for_proof(&mut stream, &mut read, me, &peer, secret.zip(nonce)).await {
                Ok(()) if secret.is_some() == nonce.is_some() => return Ok(Greeted { stream, read, peer }),
                Ok(()) => {
                    let why = if secret.is_some() { NO_SECRET_THERE } else { NO_SECRET_HERE };
                    HelloError::Secret { peer: peer.id, me: me.id.clone(), why }
                }
                Err(error) => error,
            }
        }
        Ok(Frame::Hello { to, .. }) => HelloError::NotMe { to, me: me.id.clone() },
        Ok(_) => HelloError::NoHello,
        Err(error) => error,
    };
    let reason = match &error {
        HelloError::NotMe { .. } => Reason::WrongId,
        HelloError::Secret { .. } => Reason::Other,
        HelloError::Frame(FrameError::Version { .. }) => Reason::Version,
        // Whatever this is, it would not understand a refusal.
        HelloError::Frame(_) | HelloError::NoHello | HelloError::Ended | HelloError::Io(_) => {
            return Err(error);
        }
    };
    refuse(stream, reason, error.to_string()).await?;
    Err(error)
}

/// Proves to a peer that knows a secret that this server knows it too, and has it prove the same.
async fn ask_for_proof(
    stream: &mut Stream,
    read: &mut BytesMut,
    me: &Hello,
    peer: &Hello,
    secret: Option<(&Secret, Bytes32)>,
) -> Result<(), HelloError> {
    let Some((secret, theirs)) = secret else { return Ok(()) };
    let distrust = |why| HelloError::Secret { peer: peer.id.clone(), me: me.id.clone(), why };
    let ours = nonce().ok_or_else(|| distrust(NO_RANDOM))?;
    let exchange = Exchange { dialling: peer, accepting: &me.id, nonces: [theirs, ours] };
    let proof = secret.proof(Side::Accepting, &exchange);
    write_frame(stream, &Frame::Challenge { nonce: ours, proof }).await?;
    match read_frame(stream, read).await {
        Ok(Frame::Proof(proof)) if secret.proves(Side::Dialling, &exchange, &proof) => Ok(()),
        // It found that out first.
        Ok(Frame::Proof(_)) | Err(HelloError::Ended) => Err(distrust(OTHER_SECRET)),
        Ok(_) => Err(HelloError::NoHello),
        Err(error) => Err(error),
    }
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

async fn read_frame(stream: &mut Stream, read: &mut BytesMut) -> Result<Frame<Text>, HelloError> {
    loop {
        if let Some(frame) = Frame::decode(read, HELLO_BYTES_MAX)? {
            return Ok(frame);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(HelloError::Ended);
        }
    }
}
