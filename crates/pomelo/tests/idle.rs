//! What a client that is connected and silent keeps allocated in its connector, in the clear and with TLS. In a program of
//! its own, because counting replaces the allocator; the connector has a thread, because counting is by thread.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "it/dir.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod dir;

use std::{
    fs,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use allocation_counter::measure;
use pomelo::{App, Args, Hybrid};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Builder,
    sync::Notify,
};
use tokio_rustls::TlsConnector;

use crate::dir::Dir;

/// Clients that are counted.
const CLIENTS: usize = 200;

/// Most bytes of one in the clear, of the tables it is in, and of its session.
const PLAIN_MAX: u64 = 3 * 1024;
/// The same with TLS: its keys, and what rustls keeps beside them.
const TLS_MAX: u64 = 7 * 1024;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Shakes hands and waits for the first heartbeat, so that the connector is done with it.
async fn open(port: u16, tls: Option<&TlsConnector>) -> Box<dyn Stream> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut stream: Box<dyn Stream> = match tls {
        Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap()),
        None => Box::new(socket),
    };
    stream.write_all(b"\x01\0\0\x0a{\"sys\":{}}").await.unwrap();
    for kind in [1, 3] {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[0], kind);
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if kind == 1 {
            stream.write_all(b"\x02\0\0\0").await.unwrap();
        }
    }
    stream
}

/// Bytes that each of the clients keeps allocated.
fn kept(hybrid: Hybrid, tls: Option<TlsConnector>) -> u64 {
    let servers = json!({
        "connector": [{ "id": "connector-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true }],
    });
    let (begin, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (started, starts) = mpsc::channel();
    let (count, counted) = mpsc::channel();
    let told = (begin.clone(), end.clone());
    thread::spawn(move || {
        let dir = Dir::new(servers);
        let app = App::new(dir.config()).server("connector", move |s| s.connector(hybrid.clone()));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let running = runtime.block_on(app.start(&Args::parse(["id=connector-server-1"]).unwrap())).unwrap();
        started.send(running.info().client_port.unwrap()).unwrap();
        runtime.block_on(told.0.notified());
        let counts = measure(|| runtime.block_on(told.1.notified()));
        count.send(counts.bytes_current).unwrap();
        runtime.block_on(running.stop()).unwrap();
    });
    let port = starts.recv_timeout(Duration::from_secs(20)).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // What is there once for all.
        let mut clients = vec![open(port, tls.as_ref()).await];
        begin.notify_one();
        for _ in 0..CLIENTS {
            clients.push(open(port, tls.as_ref()).await);
        }
        end.notify_one();
        let bytes = counted.recv_timeout(Duration::from_secs(20)).unwrap();
        u64::try_from(bytes).unwrap() / CLIENTS as u64
    })
}

#[test]
fn a_silent_client_keeps_little() {
    let plain = kept(Hybrid::new(), None);
    println!("in the clear: {plain} bytes");

    let files = tempfile::tempdir().unwrap();
    let (cert_file, key_file) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&cert_file, cert.pem()).unwrap();
    fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    let mut encrypted = Vec::new();
    for version in [&TLS12, &TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&cert_file).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let hybrid = Hybrid::new().tls(&cert_file, &key_file);
        let bytes = kept(hybrid, Some(TlsConnector::from(Arc::new(config))));
        println!("{version:?}: {bytes} bytes");
        encrypted.push(bytes);
    }
    assert!(plain <= PLAIN_MAX, "{plain} bytes in the clear");
    assert!(encrypted.iter().all(|bytes| *bytes <= TLS_MAX), "{encrypted:?} bytes with TLS");
}
