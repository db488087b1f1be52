//! A server's end of one connection, made of the codecs alone.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use pomelo_client::{Client, ClientError, ClientOptions};
use pomelo_protocol::{
    handshake::{HandshakeOffer, HandshakeRequest},
    message::Message,
    package::{Package, PackageDecoder, PackageKind, encode_package},
    websocket::{Event, FrameDecoder, Opcode, encode_close, encode_frame, upgrade::HttpRequest},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Ws,
    Tcp,
}

pub(crate) struct Server {
    pub(crate) address: String,
    listener: TcpListener,
    transport: Transport,
}

pub(crate) struct Peer {
    stream: TcpStream,
    packages: VecDeque<Package>,
    decoder: Decoder,
    goodbye: bool,
}

enum Decoder {
    Ws(FrameDecoder),
    Tcp(PackageDecoder),
}

impl Server {
    pub(crate) async fn bind(transport: Transport) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { address: listener.local_addr().unwrap().to_string(), listener, transport }
    }

    pub(crate) async fn connect(&self, options: ClientOptions) -> Result<Client, ClientError> {
        let scheme = match self.transport {
            Transport::Ws => "ws",
            Transport::Tcp => "tcp",
        };
        Client::connect_with(&format!("{scheme}://{}", self.address), options).await
    }

    pub(crate) async fn accept_stream(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    pub(crate) async fn accept(&self) -> Peer {
        let mut stream = self.accept_stream().await;
        let decoder = match self.transport {
            Transport::Ws => {
                upgrade(&mut stream).await;
                Decoder::Ws(FrameDecoder::of_client(BYTES_MAX))
            }
            Transport::Tcp => Decoder::Tcp(PackageDecoder::new(BYTES_MAX)),
        };
        Peer { stream, packages: VecDeque::new(), decoder, goodbye: false }
    }
}

impl Peer {
    /// Takes the request, gives the reply, waits for the ack.
    pub(crate) async fn handshake(
        &mut self,
        offer: &HandshakeOffer,
        user: Option<Value>,
    ) -> HandshakeRequest {
        let package = self.next().await;
        assert_eq!(package.kind, PackageKind::Handshake);
        let request = HandshakeRequest::from_body(&package.body).unwrap();
        self.send(PackageKind::Handshake, &offer.reply(&request, user).to_body().unwrap()).await;
        assert_eq!(self.next().await.kind, PackageKind::HandshakeAck);
        request
    }

    pub(crate) async fn next(&mut self) -> Package {
        self.try_next().await.expect("the client closed the connection")
    }

    pub(crate) async fn message(&mut self) -> Message {
        Message::decode(self.next().await.body).unwrap()
    }

    /// Takes a request and answers it.
    pub(crate) async fn answer(&mut self, body: &'static [u8]) {
        let Message::Request { id, .. } = self.message().await else { panic!("expected a request") };
        self.send_message(Message::Response { id, body: Bytes::from_static(body), error: false }).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        let mut body = BytesMut::new();
        message.encode(&mut body).unwrap();
        self.send(PackageKind::Data, &body).await;
    }

    pub(crate) async fn send(&mut self, kind: PackageKind, body: &[u8]) {
        let (mut package, mut out) = (BytesMut::new(), BytesMut::new());
        encode_package(kind, body, &mut package).unwrap();
        match self.decoder {
            Decoder::Ws(_) => encode_frame(Opcode::Binary, &package, &mut out),
            Decoder::Tcp(_) => out = package,
        }
        self.stream.write_all(&out).await.unwrap();
    }

    /// Waits for the client's goodbye; nothing may come before it.
    pub(crate) async fn ended(&mut self) {
        let package = self.try_next().await;
        assert_eq!(package, None);
    }

    async fn try_next(&mut self) -> Option<Package> {
        let mut chunk = vec![0; 4096];
        loop {
            if let Some(package) = self.packages.pop_front() {
                return Some(package);
            }
            if self.goodbye {
                return None;
            }
            let read_bytes = self.stream.read(&mut chunk).await.unwrap();
            if read_bytes == 0 {
                assert!(matches!(self.decoder, Decoder::Tcp(_)), "a websocket ends with a close frame");
                self.goodbye = true;
            }
            match &mut self.decoder {
                Decoder::Tcp(decoder) => {
                    decoder.feed(&chunk[..read_bytes]);
                    while let Some(package) = decoder.next().unwrap() {
                        self.packages.push_back(package);
                    }
                }
                Decoder::Ws(decoder) => {
                    decoder.feed(&chunk[..read_bytes]);
                    while let Some(event) = decoder.next().unwrap() {
                        match event {
                            Event::Binary(message) => {
                                let packages =
                                    Package::all(message, BYTES_MAX).map(|package| package.unwrap());
                                self.packages.extend(packages);
                            }
                            Event::Close { code, .. } => {
                                let mut out = BytesMut::new();
                                encode_close(code, &mut out);
                                self.stream.write_all(&out).await.unwrap();
                                self.goodbye = true;
                            }
                            other => panic!("{other:?} was not expected"),
                        }
                    }
                }
            }
        }
    }
}

async fn upgrade(stream: &mut TcpStream) {
    let mut head = BytesMut::new();
    let request = loop {
        stream.read_buf(&mut head).await.unwrap();
        if let Some((request, _)) = HttpRequest::parse(&head) {
            break request;
        }
    };
    let HttpRequest::Upgrade(upgrade) = request else { panic!("{request:?} is no upgrade") };
    let mut out = BytesMut::new();
    upgrade.accept(&mut out);
    stream.write_all(&out).await.unwrap();
}
