//! Connections through a proxy that says whom it speaks for.

use pomelo_protocol::package::PackageKind;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    rig::{Rig, Tcp, package, request, skip},
    tls::{Files, websocket_over},
};
use crate::{
    Error,
    connector::{Handshake, Hybrid},
};

/// Version 2 for an IPv4 client, with something behind the addresses.
fn binary(ip: [u8; 4], port: u16) -> Vec<u8> {
    let fixed = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10";
    [&fixed[..], &ip, &[127, 0, 0, 1], &port.to_be_bytes(), &[0, 80], b"\x04\0\x01x"].concat()
}

fn line(ip: &str) -> Vec<u8> {
    format!("PROXY TCP4 {ip} 127.0.0.1 1234 80\r\n").into_bytes()
}

/// Tells each client where it comes from.
fn hybrid() -> Hybrid {
    Hybrid::new().proxy_protocol(["127.0.0.0/8"]).on_handshake(|hello: Handshake| async move {
        Result::<_, Error>::Ok(Some(json!(format!("{} {}", hello.transport, hello.addr))))
    })
}

/// A connection that begins with these bytes.
async fn begin(rig: &Rig, bytes: &[u8]) -> Tcp {
    let mut client = rig.tcp_silent().await;
    // Refused if it is closed already.
    let _ = client.socket.write_all(bytes).await;
    client
}

/// Whether it is let in, and from where.
async fn told(client: &mut Tcp) -> Option<String> {
    let hello = br#"{"sys":{"type":"t","version":"1"}}"#;
    let _ = client.socket.write_all(&package(PackageKind::Handshake, hello)).await;
    let reply: serde_json::Value = serde_json::from_slice(&client.next().await?.body).unwrap();
    Some(reply["user"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn both_versions_say_where_a_client_comes_from_however_they_are_chopped() {
    let rig = Rig::start(hybrid());
    for header in [line("10.1.2.3"), binary([10, 1, 2, 3], 1234)] {
        let mut client = begin(&rig, &header).await;
        assert_eq!(told(&mut client).await.as_deref(), Some("tcp 10.1.2.3:1234"));
        let mut client = begin(&rig, &header[..1]).await;
        for byte in &header[1..] {
            client.socket.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(told(&mut client).await.as_deref(), Some("tcp 10.1.2.3:1234"));
        // All at once.
        let hello = package(PackageKind::Handshake, br#"{"sys":{}}"#);
        let mut client = begin(&rig, &[&header[..], &hello].concat()).await;
        assert!(client.message().await.contains("tcp 10.1.2.3:1234"));
    }
    // A proxy that speaks for itself.
    let mut client = begin(&rig, b"PROXY UNKNOWN\r\n").await;
    let own = client.socket.local_addr().unwrap();
    assert_eq!(told(&mut client).await, Some(format!("tcp {own}")));
    rig.stop(client).await;
}

#[tokio::test]
async fn tls_and_websocket_begin_behind_what_the_proxy_says() {
    let files = Files::new();
    let rig = Rig::start(files.hybrid().proxy_protocol(["127.0.0.1"]));
    let client = begin(&rig, &binary([10, 1, 2, 3], 1234)).await;
    let mut websocket = websocket_over(client.socket, &files).await;
    websocket.put(&request(1, "test.h.echo", "hello")).await;
    assert_eq!(websocket.message().await, "response 1 hello");
    assert_eq!(rig.service.client(1).remote_addr().to_string(), "10.1.2.3:1234");
    rig.stop(websocket).await;
}

#[tokio::test]
async fn limits_and_blocks_are_of_the_clients_and_not_of_the_proxy() {
    let rig = Rig::start(hybrid().max_connections_per_address(1).blacklist(["10.0.0.9"]));
    rig.handle.block(["127.0.0.1".parse().unwrap()]);
    let mut first = begin(&rig, &line("10.0.0.1")).await;
    assert!(told(&mut first).await.is_some());
    assert_eq!(told(&mut begin(&rig, &line("10.0.0.1")).await).await, None);
    let mut second = begin(&rig, &binary([10, 0, 0, 2], 1)).await;
    assert!(told(&mut second).await.is_some());
    assert_eq!(told(&mut begin(&rig, &line("10.0.0.9")).await).await, None);
    let counts = rig.handle.counts();
    assert_eq!((counts.refused_address, counts.refused_blocked, counts.faults), (1, 1, 0));
    drop(first);
    rig.eventually("one has gone", |handle| handle.connections() == 1).await;
    assert!(told(&mut begin(&rig, &line("10.0.0.1")).await).await.is_some());
    rig.stop(second).await;
}

#[tokio::test]
async fn a_proxy_that_says_nothing_or_nonsense_is_closed() {
    let rig = Rig::start(hybrid());
    let nonsense: [&[u8]; 4] = [
        b"\x01\0\0\x02{}",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 ten 1.1.1.1 1 1\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
    ];
    for bytes in nonsense {
        let mut client = begin(&rig, bytes).await;
        assert_eq!(client.next().await, None, "{}", bytes.escape_ascii());
    }
    assert_eq!(rig.handle.counts().faults, 4);
    let mut silent = begin(&rig, b"PROXY TCP4 10.0.0.1 ").await;
    rig.eventually("it is there", |handle| handle.connections() > 0).await;
    skip(Hybrid::new().handshake_timeout * 2).await;
    assert_eq!(silent.next().await, None);
    assert_eq!(rig.handle.counts().timeouts, 1);
    rig.stop(()).await;
}

#[tokio::test]
async fn others_can_not_say_that_they_are_somebody_else() {
    let rig = Rig::start(Hybrid::new().proxy_protocol(["10.0.0.0/8"]).max_connections_per_address(1));
    let first = rig.tcp().await;
    let mut liar = begin(&rig, &line("10.0.0.1")).await;
    assert_eq!(liar.next().await, None);
    assert_eq!(rig.handle.counts().refused_address, 1);
    drop(first);
    rig.eventually("all are gone", |handle| handle.connections() == 0).await;
    // It is read as what it would be without a proxy: HTTP, of no version that is known.
    let mut liar = begin(&rig, &[&line("10.0.0.1")[..], b"\r\n"].concat()).await;
    let mut answer = Vec::new();
    liar.socket.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 505 "), "{}", answer.escape_ascii());
    rig.stop(liar).await;
}
