//! TLS: both transports through it, who is refused, and a certificate that changes. The clients' TLS is tokio-rustls.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_websockets as ws;

use super::rig::{DEADLINE, Rig, Tcp, Ws, skip};
use crate::{
    TlsError,
    connector::{
        Frame, Hybrid,
        tls::{Tls, TlsFiles},
    },
};

/// A folder with a certificate and its key.
pub(super) struct Files(tempfile::TempDir);

impl Files {
    pub(super) fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.renew();
        files
    }

    fn cert(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    /// Another certificate in the same files.
    fn renew(&self) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.cert(), cert.pem()).unwrap();
        fs::write(self.key(), signing_key.serialize_pem()).unwrap();
    }

    pub(super) fn hybrid(&self) -> Hybrid {
        Hybrid::new().tls(self.cert(), self.key())
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(TlsFiles { cert: self.cert(), key: self.key(), plain_too: false })
    }

    /// A client's TLS that trusts the certificate of now.
    fn trusting(&self, version: &'static SupportedProtocolVersion) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.cert()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

async fn connect(rig: &Rig, tls: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(rig.addr).await?;
    tls.connect(ServerName::try_from("localhost").unwrap(), socket).await
}

async fn tcp(rig: &Rig, tls: &TlsConnector) -> Tcp<TlsStream<TcpStream>> {
    Tcp::over(connect(rig, tls).await.unwrap()).open().await
}

async fn websocket(rig: &Rig, tls: &TlsConnector) -> Ws<TlsStream<TcpStream>> {
    websocket_through(connect(rig, tls).await.unwrap()).await
}

/// Over a connection that is there, and trusting these files.
pub(super) async fn websocket_over(socket: TcpStream, files: &Files) -> Ws<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    websocket_through(files.trusting(&TLS13).connect(name, socket).await.unwrap()).await
}

async fn websocket_through(socket: TlsStream<TcpStream>) -> Ws<TlsStream<TcpStream>> {
    let builder = ws::ClientBuilder::new().uri("ws://localhost/").unwrap();
    let (socket, _) = builder.connect_on(socket).await.unwrap();
    Ws::over(socket).open().await
}

#[tokio::test]
async fn both_transports_work_through_tls_of_both_versions() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    for version in [&TLS12, &TLS13] {
        let tls = files.trusting(version);
        let mut tcp = tcp(&rig, &tls).await;
        let mut websocket = websocket(&rig, &tls).await;
        tcp.request(1, "test.h.echo", "hello").await;
        websocket.put(&super::rig::request(2, "test.h.echo", "hello too")).await;
        assert_eq!(tcp.message().await, "response 1 hello");
        assert_eq!(websocket.message().await, "response 2 hello too");
        drop((tcp, websocket));
    }
    rig.eventually("all are gone", |handle| handle.connections() == 0).await;
    rig.stop(()).await;
}

#[tokio::test]
async fn large_messages_come_whole_and_in_order_both_ways_also_to_a_client_that_reads_late() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid().buffer_bytes_max(64 << 20).message_bytes_max(1 << 20));
    let mut client = tcp(&rig, &files.trusting(&TLS13)).await;
    let body = |n: usize| format!("{n}:").repeat(40_000);
    for n in 0..10 {
        client.request(n, "test.h.echo", &body(n as usize)).await;
    }
    rig.service
        .until("all handled", |log| log.iter().filter(|line| line.contains("echo")).count() == 10)
        .await;
    let open = rig.service.client(1);
    for n in 0..200 {
        open.send(&Frame::push("onTest", None, Bytes::from(body(n))).unwrap()).unwrap();
    }
    for n in 0..10 {
        assert_eq!(client.message().await, format!("response {n} {}", body(n)));
    }
    for n in 0..200 {
        assert_eq!(client.message().await, format!("push onTest {}", body(n)));
    }
    drop(open);
    rig.stop(client).await;
}

#[tokio::test]
async fn a_kick_comes_behind_what_waits_and_the_end_is_said_in_the_way_of_tls() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    let mut client = tcp(&rig, &files.trusting(&TLS13)).await;
    client.request(1, "test.h.kickMe", "").await;
    assert_eq!(client.message().await, r#"Kick {"reason":"bye"}"#);
    // An end without close_notify would be an error here.
    assert_eq!(client.socket.read(&mut [0]).await.unwrap(), 0);
    rig.service.told("1 closed: kicked: bye").await;
    rig.stop(client).await;
}

#[tokio::test]
async fn a_client_that_says_goodbye_has_left_and_what_it_said_before_counts() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    let mut client = tcp(&rig, &files.trusting(&TLS13)).await;
    client.notify("test.h.echo", "last words").await;
    // close_notify, and the socket stays as it is.
    let (socket, tls) = client.socket.get_mut();
    tls.send_close_notify();
    let mut goodbye = Vec::new();
    tls.write_tls(&mut goodbye).unwrap();
    socket.write_all(&goodbye).await.unwrap();
    rig.service.told("1 closed: client closed the connection").await;
    assert_eq!(rig.service.log()[1], "1 test.h.echo last words");
    rig.stop(client).await;
}

#[tokio::test]
async fn who_connects_in_the_clear_is_refused_unless_both_are_allowed() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    let mut plain = rig.tcp_silent().await;
    plain.socket.write_all(b"\x01\0\0\x02{}").await.unwrap();
    assert_eq!(plain.next().await, None);
    let mut browser = TcpStream::connect(rig.addr).await.unwrap();
    browser.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("wss://"), "{answer}");
    rig.eventually("both are counted", |handle| handle.counts().refused_tls == 2).await;
    rig.stop((plain, browser)).await;

    let rig = Rig::start(Hybrid::new().tls_or_plain(files.cert(), files.key()));
    let tls = files.trusting(&TLS13);
    let (mut secure, mut plain, mut websocket) = (tcp(&rig, &tls).await, rig.tcp().await, rig.ws().await);
    secure.request(1, "test.h.echo", "a").await;
    plain.request(2, "test.h.echo", "b").await;
    websocket.put(&super::rig::request(3, "test.h.echo", "c")).await;
    assert_eq!(secure.message().await, "response 1 a");
    assert_eq!(plain.message().await, "response 2 b");
    assert_eq!(websocket.message().await, "response 3 c");
    rig.stop((secure, plain, websocket)).await;
}

#[tokio::test]
async fn tls_without_a_certificate_and_what_is_no_tls_are_refused() {
    let rig = Rig::start(Hybrid::new());
    let mut client = TcpStream::connect(rig.addr).await.unwrap();
    client.write_all(b"\x16\x03\x01\0\x05hello").await.unwrap();
    assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
    rig.eventually("counted", |handle| handle.counts().refused_tls == 1).await;
    rig.stop(client).await;

    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    let mut client = TcpStream::connect(rig.addr).await.unwrap();
    client.write_all(b"\x16\x03\x01\0\x05\x01\0\0\x01x").await.unwrap();
    let mut alert = Vec::new();
    client.read_to_end(&mut alert).await.unwrap();
    assert_eq!(alert.first(), Some(&0x15), "an alert says that it is no handshake");
    // A certificate that the client does not trust: its alert is no fault of the server's.
    let stranger = Files::new().trusting(&TLS13);
    assert!(connect(&rig, &stranger).await.is_err());
    rig.eventually("counted", |handle| handle.counts().refused_tls == 2).await;
    rig.stop(client).await;
}

#[tokio::test]
async fn half_a_message_of_tls_keeps_nothing_from_being_written_and_what_is_broken_is_closed() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    let mut bystander = tcp(&rig, &files.trusting(&TLS13)).await;
    // The head of a handshake message that never ends, in a record of its own, in the clear.
    let mut half = TcpStream::connect(rig.addr).await.unwrap();
    half.write_all(b"\x16\x03\x01\0\x04\x01\0\x02\0").await.unwrap();
    let mut broken = tcp(&rig, &files.trusting(&TLS13)).await;
    broken
        .socket
        .get_mut()
        .0
        .write_all(b"\x17\x03\x03\0\x20not encrypted by anybody at all..")
        .await
        .unwrap();
    while broken.next().await.is_some() {}
    rig.eventually("counted", |handle| handle.counts().refused_tls == 1).await;
    bystander.request(1, "test.h.echo", "still here").await;
    assert_eq!(bystander.message().await, "response 1 still here");
    rig.stop((bystander, half, broken)).await;
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_end_is_closed_in_time() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid().handshake_timeout(Duration::from_secs(5)));
    let mut silent = TcpStream::connect(rig.addr).await.unwrap();
    let mut slow = TcpStream::connect(rig.addr).await.unwrap();
    // A record of 512 bytes that comes byte by byte.
    slow.write_all(b"\x16\x03\x01\x02\0\x01").await.unwrap();
    rig.eventually("both are there", |handle| handle.connections() == 2).await;
    let mut shaken = connect(&rig, &files.trusting(&TLS13)).await.unwrap();
    slow.write_all(b"\0").await.unwrap();
    while rig.handle.counts().timeouts < 3 {
        skip(Duration::from_secs(5)).await;
    }
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(slow.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(shaken.read(&mut [0]).await.unwrap(), 0, "TLS is not the client's handshake");
    rig.stop((silent, slow, shaken)).await;
}

/// Connects until it works, or no longer does.
async fn until(rig: &Rig, tls: &TlsConnector, works: bool) {
    let changed = async {
        while connect(rig, tls).await.is_ok() != works {
            skip(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), changed).await.expect("no change");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_changes_nothing() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid().no_heartbeat());
    let first = files.trusting(&TLS13);
    let mut old = tcp(&rig, &first).await;
    files.renew();
    let second = files.trusting(&TLS13);
    until(&rig, &second, true).await;
    assert!(connect(&rig, &first).await.is_err(), "the former certificate is shown no more");
    old.request(1, "test.h.echo", "still here").await;
    assert_eq!(old.message().await, "response 1 still here");

    let key = fs::read(files.key()).unwrap();
    for bad in ["", "no PEM at all", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"] {
        fs::write(files.key(), bad).unwrap();
        for _ in 0..3 {
            skip(Duration::from_secs(5)).await;
            assert!(connect(&rig, &second).await.is_ok(), "the former certificate stays");
        }
    }
    fs::write(files.key(), key).unwrap();
    files.renew();
    until(&rig, &files.trusting(&TLS13), true).await;
    old.request(2, "test.h.echo", "and here").await;
    assert_eq!(old.message().await, "response 2 and here");
    rig.stop(old).await;
}

#[test]
fn what_is_no_certificate_is_said_in_words() {
    let files = Files::new();
    let said = |files: &Files| files.load().err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(said(&files), "");
    let (cert, key) = (fs::read(files.cert()).unwrap(), fs::read(files.key()).unwrap());
    let other = Files::new();
    fs::copy(other.key(), files.key()).unwrap();
    let words = said(&files);
    assert!(
        words.starts_with("the key in ") && words.contains(" is not the one of the certificate in "),
        "{words}"
    );
    fs::write(files.key(), &cert).unwrap();
    let words = said(&files);
    assert!(
        words.contains("key.pem: expected a private key in PEM, not encrypted")
            && words.ends_with("found none"),
        "{words}"
    );
    fs::write(files.cert(), key).unwrap();
    let words = said(&files);
    assert!(words.contains("cert.pem: expected certificates in PEM"), "{words}");
    fs::remove_file(files.cert()).unwrap();
    let words = said(&files);
    assert!(words.contains("cert.pem: cannot be read: No such file"), "{words}");
}

#[tokio::test]
async fn a_certificate_that_changed_before_anybody_looked_is_used() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    // The connector has read the files, and its task has not begun to watch them.
    files.renew();
    until(&rig, &files.trusting(&TLS13), true).await;
    rig.stop(()).await;
}

#[tokio::test]
async fn who_goes_in_the_middle_of_a_tls_handshake_leaves_nothing_behind() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid());
    for _ in 0..20 {
        let mut client = TcpStream::connect(rig.addr).await.unwrap();
        client.write_all(b"\x16\x03\x01\x02\0\x01\0").await.unwrap();
    }
    let all = |handle: &crate::connector::ConnectorHandle| {
        handle.counts().accepted == 20 && handle.connections() == 0
    };
    tokio::time::timeout(DEADLINE, rig.eventually("all are gone", all)).await.unwrap();
    rig.stop(()).await;
}
