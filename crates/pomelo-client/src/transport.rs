//! Packages over a socket: the same for WebSocket and TCP from here on.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use pomelo_protocol::package::{HEAD_BYTES, Package, PackageDecoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

use crate::{ClientError, CloseReason};

const READ_BYTES: usize = 16 * 1024;

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// Host and port, and the whole address.
    Ws { authority: String, url: String },
    /// Host and port.
    Tcp { authority: String },
}

pub(crate) enum PackageReader {
    Ws {
        stream: SplitStream<WebSocketStream<TcpStream>>,
        packages: VecDeque<Package>,
        package_bytes_max: usize,
    },
    Tcp {
        stream: OwnedReadHalf,
        decoder: PackageDecoder,
        chunk: Vec<u8>,
    },
}

pub(crate) enum PackageWriter {
    Ws(SplitSink<WebSocketStream<TcpStream>, Message>),
    Tcp(OwnedWriteHalf),
}

impl Address {
    pub(crate) fn ws(url: &str) -> Result<Self, ClientError> {
        let wrong = |expected| ClientError::Address { address: url.to_owned(), expected };
        if url.starts_with("wss://") {
            return Err(wrong("TLS is not spoken here, expected ws://host:port"));
        }
        let rest = url.strip_prefix("ws://").ok_or(wrong("expected ws://host:port"))?;
        let host = rest.split(['/', '?']).next().filter(|host| !host.is_empty());
        let host = host.ok_or(wrong("expected a host after ws://"))?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self::Ws { authority, url: url.to_owned() })
    }

    pub(crate) fn authority(&self) -> &str {
        match self {
            Self::Ws { authority, .. } | Self::Tcp { authority } => authority,
        }
    }

    pub(crate) async fn dial(
        &self,
        package_bytes_max: usize,
    ) -> Result<(PackageReader, PackageWriter), ClientError> {
        let address = self.authority();
        let failed = |source| ClientError::Connect { address: address.to_owned(), source };
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        match self {
            Self::Ws { url, .. } => {
                let refused = |reason: String| ClientError::Upgrade { address: address.to_owned(), reason };
                let limits = Limits::default().max_payload_len(Some(package_bytes_max + HEAD_BYTES));
                let builder = ClientBuilder::new().uri(url).map_err(|error| refused(error.to_string()))?;
                let upgraded = builder.limits(limits).connect_on(stream).await;
                let (stream, _) = upgraded.map_err(|error| refused(error.to_string()))?;
                let (writer, reader) = stream.split();
                let reader =
                    PackageReader::Ws { stream: reader, packages: VecDeque::new(), package_bytes_max };
                Ok((reader, PackageWriter::Ws(writer)))
            }
            Self::Tcp { .. } => {
                let (reader, writer) = stream.into_split();
                let decoder = PackageDecoder::new(package_bytes_max);
                let reader = PackageReader::Tcp { stream: reader, decoder, chunk: vec![0; READ_BYTES] };
                Ok((reader, PackageWriter::Tcp(writer)))
            }
        }
    }
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
                stream.write_all(&joined).await.map_err(|error| lost(&error))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_whatever_follows() {
        let authority = |url| Address::ws(url).map(|address| address.authority().to_owned());
        assert_eq!(authority("ws://127.0.0.1:3050").unwrap(), "127.0.0.1:3050");
        assert_eq!(authority("ws://[::1]:3050/a?b=c:1").unwrap(), "[::1]:3050");
        assert_eq!(authority("ws://example").unwrap(), "example:80");
        assert!(authority("wss://example").is_err());
        assert!(authority("127.0.0.1:3050").is_err());
        assert!(authority("ws:///path").is_err());
    }
}
