//! A connector with a service that notes what it is told, and clients of both transports.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _, future::BoxFuture};
use pomelo_protocol::{
    dictionary::Dictionary,
    message::{Message, RouteRef},
    package::{Package, PackageDecoder, PackageKind, encode_package},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, Semaphore, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_websockets as ws;

use crate::connector::{
    Client, ClientService, CloseReason, Connector, ConnectorHandle, Frame, Hybrid, Inbound, Leave,
};

/// Longer than anything here takes; a test that gets there has failed.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// What a client says first.
const HANDSHAKE: &[u8] = br#"{"sys":{"type":"test","version":"1"},"user":{}}"#;

/// Sets the clock forward, for everything that waits for it, and lets it run on.
pub(super) async fn skip(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What the service was told, in words.
#[derive(Default)]
pub(super) struct Service {
    log: Mutex<Vec<String>>,
    clients: Mutex<Vec<Arc<Client>>>,
    changed: Notify,
    /// One permit lets one `test.h.wait` go on.
    pub(super) gate: Gate,
}

pub(super) struct Gate(pub(super) Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Service {
    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
        self.changed.notify_waiters();
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The client with that session id, once it is open.
    pub(super) fn client(&self, id: u64) -> Arc<Client> {
        self.clients.lock().unwrap().iter().find(|client| client.id() == id).expect("no such client").clone()
    }

    /// Waits until the log satisfies the condition.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(&self.log()) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(DEADLINE, wait).await.is_err() {
            panic!("{what} did not happen, log: {:?}", self.log());
        }
    }

    /// Waits for that line.
    pub(super) async fn told(&self, line: &str) {
        self.until(line, |log| log.iter().any(|told| told == line)).await;
    }
}

impl ClientService for Arc<Service> {
    fn opened(&self, client: Arc<Client>) {
        self.note(format!("{} opened {}", client.id(), client.transport().name()));
        self.clients.lock().unwrap().push(client);
    }

    fn is_concurrent(&self, route: &str) -> bool {
        route.starts_with("test.beside.")
    }

    fn message(&self, client: &Arc<Client>, message: Inbound) -> BoxFuture<'static, Option<Bytes>> {
        let (service, client) = (self.clone(), client.clone());
        let Inbound { route, body, .. } = message;
        Box::pin(async move {
            if &*route == "test.h.refused" {
                service.note(format!("{} refused", client.id()));
                return Some(Bytes::from_static(br#"{"code":429}"#));
            }
            let Ok(body) = body.json().cloned() else {
                service.note(format!("{} {route} misfit", client.id()));
                return None;
            };
            let text = String::from_utf8_lossy(&body).into_owned();
            service.note(format!("{} {route} {text}", client.id()));
            match &*route {
                "test.h.echo" | "connector.entryHandler.echo" => Some(body),
                "test.h.wait" | "test.beside.wait" => {
                    service.gate.0.acquire().await.unwrap().forget();
                    service.note(format!("{} waited {text}", client.id()));
                    Some(body)
                }
                "test.h.panic" => panic!("a handler that panics, as a test wants it"),
                "test.h.pushTwice" => {
                    for _ in 0..2 {
                        client.send(&Frame::push("onTest", None, body.clone()).unwrap()).unwrap();
                    }
                    Some(body)
                }
                "test.h.kickMe" => {
                    client.kick("bye");
                    Some(body)
                }
                _ => None,
            }
        })
    }

    fn closed(&self, client: &Arc<Client>, why: CloseReason) -> BoxFuture<'static, ()> {
        self.clients.lock().unwrap().retain(|open| open.id() != client.id());
        self.note(format!("{} closed: {why}", client.id()));
        Box::pin(std::future::ready(()))
    }
}

/// A connector that runs.
pub(super) struct Rig {
    pub(super) addr: SocketAddr,
    pub(super) service: Arc<Service>,
    pub(super) handle: ConnectorHandle,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Rig {
    pub(super) fn start(hybrid: Hybrid) -> Self {
        Self::start_with(hybrid, Dictionary::new(["test.h.echo"], ["onTest"]).unwrap())
    }

    pub(super) fn start_with(hybrid: Hybrid, dictionary: Dictionary) -> Self {
        let service = Arc::new(Service::default());
        let told = Arc::new(service.clone());
        let tls = hybrid.load_tls(Path::new("")).unwrap();
        let addr = "127.0.0.1:0".parse().unwrap();
        let connector = Connector::bind(&[addr], hybrid, tls, Arc::new(dictionary), told).unwrap();
        let (addr, handle) = (connector.local_addr().unwrap(), connector.handle());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(connector.run(async {
            let _ = stopped.await;
            Leave { finish: Instant::now() + DEADLINE / 2, close: Instant::now() + DEADLINE }
        }));
        Self { addr, service, handle, stop, running }
    }

    /// Drops the clients, ends the connector and makes sure that nothing of it is left.
    pub(super) async fn stop<T>(self, clients: T) {
        drop(clients);
        let Self { service, handle, stop, running, .. } = self;
        stop.send(()).unwrap();
        tokio::time::timeout(DEADLINE, running).await.expect("connector did not end").unwrap();
        assert_eq!((handle.clients(), handle.connections()), (0, 0), "connections are left over");
        drop(handle);
        assert!(service.clients.lock().unwrap().is_empty(), "clients were not closed: {:?}", service.log());
        assert_eq!(Arc::strong_count(&service), 1, "something of the connector is left");
    }

    /// Polls until it holds: for what no event tells.
    pub(super) async fn eventually(&self, what: &str, holds: impl Fn(&ConnectorHandle) -> bool) {
        let wait = async {
            while !holds(&self.handle) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("not {what}: {:?}", self.handle.counts()));
    }

    pub(super) async fn tcp(&self) -> Tcp {
        self.tcp_silent().await.open().await
    }

    /// Connected, and that is all.
    pub(super) async fn tcp_silent(&self) -> Tcp {
        let socket = TcpStream::connect(self.addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Tcp::over(socket)
    }

    pub(super) async fn ws(&self) -> Ws {
        self.ws_silent(ws::Config::default()).await.open().await
    }

    pub(super) async fn ws_silent(&self, config: ws::Config) -> Ws {
        let uri = format!("ws://{}/", self.addr);
        let builder = ws::ClientBuilder::new().config(config).uri(&uri).unwrap();
        let (socket, _) = builder.connect().await.unwrap();
        Ws::over(socket)
    }
}

pub(super) struct Tcp<S = TcpStream> {
    pub(super) socket: S,
    packages: PackageDecoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tcp<S> {
    pub(super) fn over(socket: S) -> Self {
        Self { socket, packages: PackageDecoder::new(1 << 24) }
    }

    /// Shakes hands.
    pub(super) async fn open(mut self) -> Self {
        self.put(PackageKind::Handshake, HANDSHAKE).await;
        let reply = self.next().await.expect("no handshake");
        assert_eq!(reply.kind, PackageKind::Handshake);
        self.put(PackageKind::HandshakeAck, b"").await;
        self
    }

    pub(super) async fn put(&mut self, kind: PackageKind, body: &[u8]) {
        self.socket.write_all(&package(kind, body)).await.unwrap();
    }

    pub(super) async fn request(&mut self, id: u32, route: &str, body: &str) {
        self.socket.write_all(&request(id, route, body)).await.unwrap();
    }

    pub(super) async fn notify(&mut self, route: &str, body: &str) {
        self.socket.write_all(&notify(route, body)).await.unwrap();
    }

    /// The next package; none when the connector has closed.
    pub(super) async fn next(&mut self) -> Option<Package> {
        tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(package) = self.packages.next().unwrap() {
                    return Some(package);
                }
                let mut buffer = [0; 16 * 1024];
                match self.socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(read) => self.packages.feed(&buffer[..read]),
                }
            }
        })
        .await
        .expect("connector says nothing")
    }

    /// The next message, heartbeats left aside, in words.
    pub(super) async fn message(&mut self) -> String {
        loop {
            match self.next().await {
                Some(package) if package.kind == PackageKind::Heartbeat => {}
                package => return in_words(package),
            }
        }
    }
}

pub(super) struct Ws<S = ws::MaybeTlsStream<TcpStream>> {
    pub(super) socket: ws::WebSocketStream<S>,
    packages: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ws<S> {
    pub(super) fn over(socket: ws::WebSocketStream<S>) -> Self {
        Self { socket, packages: Bytes::new() }
    }

    /// Shakes hands.
    pub(super) async fn open(mut self) -> Self {
        self.put(&package(PackageKind::Handshake, HANDSHAKE)).await;
        assert_eq!(self.next().await.expect("no handshake").kind, PackageKind::Handshake);
        self.put(&package(PackageKind::HandshakeAck, b"")).await;
        self
    }

    pub(super) async fn put(&mut self, packages: &[u8]) {
        self.socket.send(ws::Message::binary(Bytes::copy_from_slice(packages))).await.unwrap();
    }

    /// The next WebSocket message that is not a pong.
    pub(super) async fn frame(&mut self) -> Option<ws::Message> {
        let next = self.socket.next();
        tokio::time::timeout(DEADLINE, next).await.expect("connector says nothing").and_then(Result::ok)
    }

    pub(super) async fn next(&mut self) -> Option<Package> {
        if self.packages.is_empty() {
            let frame = self.frame().await.filter(ws::Message::is_binary)?;
            self.packages = Bytes::copy_from_slice(frame.as_payload());
        }
        Some(Package::decode(&mut self.packages, 1 << 24).unwrap().expect("a frame holds whole packages"))
    }

    pub(super) async fn message(&mut self) -> String {
        loop {
            match self.next().await {
                Some(package) if package.kind == PackageKind::Heartbeat => {}
                package => return in_words(package),
            }
        }
    }

    /// Reads to the end; gives the close code.
    pub(super) async fn close_code(&mut self) -> Option<u16> {
        while let Some(frame) = self.frame().await {
            if let Some((code, _)) = frame.as_close() {
                return Some(code.into());
            }
        }
        None
    }
}

pub(super) fn package(kind: PackageKind, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    encode_package(kind, body, &mut out).unwrap();
    out
}

pub(super) fn request(id: u32, route: &str, body: &str) -> BytesMut {
    let body = Bytes::copy_from_slice(body.as_bytes());
    data(&Message::Request { id, route: RouteRef::Name(route.to_owned()), body })
}

pub(super) fn notify(route: &str, body: &str) -> BytesMut {
    let body = Bytes::copy_from_slice(body.as_bytes());
    data(&Message::Notify { route: RouteRef::Name(route.to_owned()), body })
}

pub(super) fn data(message: &Message) -> BytesMut {
    let mut out = BytesMut::new();
    message.encode_package(&mut out).unwrap();
    out
}

fn in_words(package: Option<Package>) -> String {
    let Some(package) = package else { return "end".to_owned() };
    let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
    if package.kind != PackageKind::Data {
        return format!("{:?} {}", package.kind, text(&package.body));
    }
    match Message::decode(package.body).unwrap() {
        Message::Response { id, body, .. } => format!("response {id} {}", text(&body)),
        Message::Push { route: RouteRef::Name(route), body } => format!("push {route} {}", text(&body)),
        Message::Push { route: RouteRef::Code(code), body } => format!("push {code} {}", text(&body)),
        other => panic!("a connector does not say {other:?}"),
    }
}
