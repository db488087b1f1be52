//! Packages over a socket: the same for WebSocket and TCP, with and without TLS, from here on.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use pomelo_protocol::package::{HEAD_BYTES, Package, PackageDecoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_websockets::{ClientBuilder, Limits, MaybeTlsStream, Message, WebSocketStream};

use crate::{ClientError, CloseReason, address::Address, options::ClientOptions};

const READ_BYTES: usize = 16 * 1024;

type Socket = MaybeTlsStream<TcpStream>;

pub(crate) enum PackageReader {
    Ws { stream: SplitStream<WebSocketStream<Socket>>, packages: VecDeque<Package>, package_bytes_max: usize },
    Tcp { stream: ReadHalf<Socket>, decoder: PackageDecoder, chunk: Vec<u8> },
}

pub(crate) enum PackageWriter {
    Ws(SplitSink<WebSocketStream<Socket>, Message>),
    Tcp(WriteHalf<Socket>),
}

/// Connects, through TLS and the upgrade to WebSocket where the address says so.
pub(crate) async fn dial(
    address: &Address,
    options: &ClientOptions,
) -> Result<(PackageReader, PackageWriter), ClientError> {
    let authority = address.authority();
    let failed = |source| ClientError::Connect { address: authority.to_owned(), source };
    let package_bytes_max = options.package_bytes_max;
    let stream = TcpStream::connect(authority).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let stream = match address.server_name()? {
        None => MaybeTlsStream::Plain(stream),
        Some(name) => {
            let tls = TlsConnector::from(options.tls.config()?);
            let untrusted = |source| ClientError::Tls { address: authority.to_owned(), source };
            MaybeTlsStream::Rustls(tls.connect(name, stream).await.map_err(untrusted)?)
        }
    };
    let Some(url) = address.upgrade() else {
        let (reader, writer) = tokio::io::split(stream);
        let decoder = PackageDecoder::new(package_bytes_max);
        let reader = PackageReader::Tcp { stream: reader, decoder, chunk: vec![0; READ_BYTES] };
        return Ok((reader, PackageWriter::Tcp(writer)));
    };
    let refused = |reason: String| ClientError::Upgrade { address: authority.to_owned(), reason };
    let limits = Limits::default().max_payload_len(Some(package_bytes_max + HEAD_BYTES));
    let builder = ClientBuilder::new().uri(url).map_err(|error| refused(error.to_string()))?;
    let upgraded = builder.limits(limits).connect_on(stream).await;
    let (stream, _) = upgraded.map_err(|error| refused(error.to_string()))?;
    let (writer, reader) = stream.split();
    let reader = PackageReader::Ws { stream: reader, packages: VecDeque::new(), package_bytes_max };
    Ok((reader, PackageWriter::Ws(writer)))
}

impl PackageReader {
    /// The next package, or why there is none any more. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Package, CloseReason> {
        let broken = |error: &dyn std::fmt::Display| CloseReason::Protocol(error.to_string());
        match self {
            Self::Ws { stream, packages, package_bytes_max } => loop {
                if let Some(package) = packages.pop_front() {
                    return Ok(package);
                }
                let message = match stream.next().await {
                    Some(Ok(message)) if message.is_close() => return Err(CloseReason::Server),
                    Some(Ok(message)) if message.is_binary() || message.is_text() => message,
                    Some(Ok(_)) => continue,
                    Some(Err(tokio_websockets::Error::Io(error))) => {
                        return Err(CloseReason::Lost(error.to_string()));
                    }
                    Some(Err(error)) => return Err(broken(&error)),
                    None => return Err(CloseReason::Server),
                };
                let payload = Bytes::from(message.into_payload());
                for package in Package::all(payload, *package_bytes_max) {
                    packages.push_back(package.map_err(|error| broken(&error))?);
                }
            },
            Self::Tcp { stream, decoder, chunk } => loop {
                if let Some(package) = decoder.next().map_err(|error| broken(&error))? {
                    return Ok(package);
                }
                match stream.read(chunk).await {
                    Ok(0) => return Err(CloseReason::Server),
                    Ok(read_bytes) => decoder.feed(&chunk[..read_bytes]),
                    Err(error) => return Err(CloseReason::Lost(error.to_string())),
                }
            },
        }
    }

    /// One more package of those that were read along with the last one, if there is one.
    pub(crate) fn read_along(&mut self) -> Option<Result<Package, CloseReason>> {
        match self {
            Self::Ws { packages, .. } => packages.pop_front().map(Ok),
            Self::Tcp { decoder, .. } => {
                decoder.next().map_err(|error| CloseReason::Protocol(error.to_string())).transpose()
            }
        }
    }
}

impl PackageWriter {
    /// Writes packages that are ready; in one piece where the transport has no frames.
    pub(crate) async fn send(&mut self, packages: &mut Vec<Bytes>) -> Result<(), CloseReason> {
        let lost = |error: &dyn std::fmt::Display| CloseReason::Lost(error.to_string());
        match self {
            Self::Ws(sink) => {
                for package in packages.drain(..) {
                    sink.feed(Message::binary(package)).await.map_err(|error| lost(&error))?;
                }
                sink.flush().await.map_err(|error| lost(&error))
            }
            Self::Tcp(stream) => {
                let mut joined = BytesMut::new();
                for package in packages.drain(..) {
                    joined.extend_from_slice(&package);
                }
                stream.write_all(&joined).await.map_err(|error| lost(&error))?;
                // TLS may have kept the end of it.
                stream.flush().await.map_err(|error| lost(&error))
            }
        }
    }

    /// Says that nothing follows. What the server thinks of it no longer matters.
    pub(crate) async fn close(&mut self) {
        match self {
            Self::Ws(sink) => {
                let _ = sink.close().await;
            }
            Self::Tcp(stream) => {
                let _ = stream.shutdown().await;
            }
        }
    }
}
