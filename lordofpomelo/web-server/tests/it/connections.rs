//! Connections that send too much, too slowly, or nothing; and how the server ends.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::running::{Answer, Game, PATIENCE, Running};

/// Short enough to wait for.
const SOON: Duration = Duration::from_millis(200);

/// What comes until the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset is closed, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection is closed");
    String::from_utf8(bytes).unwrap()
}

/// The next answer of a connection that stays open.
async fn next(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length: usize =
                length.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            if body.len() == length {
                return Answer::parse(&text);
            }
        }
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await.expect("an answer").unwrap();
        assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_said_or_not() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let large = json!({ "username": "ann", "password": "x".repeat(5_000) });
    assert_eq!(web.post("/login", &large).await.status, 413);

    let mut stream = web.connect().await;
    let head = "POST /login HTTP/1.1\r\nHost: game\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..5 {
        stream.write_all(format!("400\r\n{}\r\n", "x".repeat(1_024)).as_bytes()).await.unwrap();
    }
    assert_eq!(next(&mut stream).await.status, 413);
    assert_eq!(rest(stream).await, "", "what is left of the body is no request");
}

#[tokio::test]
async fn the_longest_name_and_password_fit_in_the_widest_writing() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let (name, password) = ("🐉".repeat(50), "🐉".repeat(128));
    let wide: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("name", &name)
        .append_pair("password", &password)
        .finish();
    assert_eq!(web.post_form("/register", &wide).await.document()["code"], 200);
    let escaped = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    let body = format!(r#"{{"username":"{}","password":"{}"}}"#, escaped(&name), escaped(&password));
    let head = "POST /login HTTP/1.1\r\nContent-Type: application/json; charset=utf-8";
    assert_eq!(web.ask(head, &body).await.document()["code"], 200);
}

#[tokio::test]
async fn a_body_that_is_neither_a_form_nor_json_is_415() {
    let game = Game::new();
    let web = Running::start(&game).await;
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", "\u{e4}"] {
        let head = format!("POST /login HTTP/1.1\r\nContent-Type: {content_type}");
        assert_eq!(web.ask(&head, "username=ann&password=x").await.status, 415, "{content_type}");
    }
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_not_waited_for() {
    let game = Game::new();
    let web = Running::start_with(&game, |options| {
        options.limits.head_within = SOON;
        options.limits.body_within = SOON;
    });
    let web = web.await;
    assert_eq!(rest(web.connect().await).await, "", "nothing at all");

    let mut stream = web.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ga").await.unwrap();
    let told = rest(stream).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 408"), "{told}");

    let mut stream = web.connect().await;
    stream
        .write_all(b"POST /login HTTP/1.1\r\nHost: game\r\nContent-Length: 30\r\n\r\nusername=")
        .await
        .unwrap();
    assert_eq!(Answer::read(stream).await.status, 408, "half a body");

    let mut stream = web.connect().await;
    stream.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\n\r\n").await.unwrap();
    assert_eq!(next(&mut stream).await.body, "this is notes");
    assert_eq!(rest(stream).await, "", "no second request");
}

#[tokio::test]
async fn a_head_that_is_too_large_or_nonsense_is_refused() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let many: String = (0..100).map(|n| format!("X-{n}: x\r\n")).collect();
    for head in [format!("X: {}\r\n", "x".repeat(20_000)), many] {
        let mut stream = web.connect().await;
        // It may be refused before all of it is written.
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\n{head}\r\n").as_bytes()).await;
        let told = rest(stream).await;
        assert!(told.starts_with("HTTP/1.1 431"), "{told}");
    }
    let mut stream = web.connect().await;
    stream.write_all(b"\x16\x03\x01\x02\x00 no web server would understand this\r\n\r\n").await.unwrap();
    let told = rest(stream).await;
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    assert_eq!(web.get("/").await.status, 200);
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let game = Game::new();
    let web = Running::start_with(&game, |options| options.limits.connections_of_one = 2).await;
    let (mut one, mut other) = (web.connect().await, web.connect().await);
    for stream in [&mut one, &mut other] {
        stream.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\n\r\n").await.unwrap();
        assert_eq!(next(stream).await.status, 200);
    }
    assert_eq!(rest(web.connect().await).await, "");
    one.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(one).await.status, 200);
    let free = pomelo_testkit::eventually("a place is free", PATIENCE, async || {
        let mut stream = web.connect().await;
        let _ = stream.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\nConnection: close\r\n\r\n").await;
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        text.starts_with("HTTP/1.1 200").then_some(())
    });
    free.await;
}

#[tokio::test]
async fn when_all_places_are_taken_the_next_one_waits_for_one() {
    let game = Game::new();
    let web = Running::start_with(&game, |options| options.limits.connections = 1).await;
    let mut first = web.connect().await;
    first.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\n\r\n").await.unwrap();
    assert_eq!(next(&mut first).await.status, 200);
    let mut second = web.connect().await;
    second.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(timeout(SOON, second.read(&mut byte)).await.is_err(), "nobody answers yet");
    drop(first);
    assert_eq!(next(&mut second).await.status, 200);
}

#[tokio::test]
async fn a_connection_ends_after_its_time_however_busy_it_is() {
    let game = Game::new();
    let web = Running::start_with(&game, |options| options.limits.connection_ends_after = SOON).await;
    let mut stream = web.connect().await;
    let mut answers = 0;
    let ended = timeout(PATIENCE, async {
        loop {
            if stream.write_all(b"GET /notes HTTP/1.1\r\nHost: game\r\n\r\n").await.is_err() {
                break;
            }
            let mut bytes = [0; 4_096];
            match stream.read(&mut bytes).await {
                Ok(0) | Err(_) => break,
                Ok(_) => answers += 1,
            }
        }
    });
    ended.await.expect("the connection is closed");
    assert!(answers > 0);
}

#[tokio::test]
async fn a_server_that_ends_gives_the_answers_in_hand_and_takes_no_more() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let addr = web.addr;
    let idle = web.connect().await;
    let mut busy = web.connect().await;
    busy.write_all(b"POST /register HTTP/1.1\r\nHost: game\r\nContent-Length: 21\r\n\r\nname=ann")
        .await
        .unwrap();
    // The head is read before the end comes.
    assert_eq!(web.get("/notes").await.status, 200);
    let ending = web.stop();
    busy.write_all(b"&password=ann").await.unwrap();
    let answer = Answer::read(busy).await;
    assert_eq!(answer.document()["code"], 200);
    assert_eq!(rest(idle).await, "");
    timeout(PATIENCE, ending).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn who_reads_nothing_does_not_keep_a_server_from_ending() {
    let game = Game::new();
    std::fs::write(game.client().join("large"), vec![b'x'; 32 * 1024 * 1024]).unwrap();
    let web = Running::start_with(&game, |options| options.limits.stop_within = SOON).await;
    let mut stream = web.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: game\r\n\r\n").await.unwrap();
    let mut byte = [0];
    timeout(PATIENCE, stream.read_exact(&mut byte)).await.expect("an answer begins").unwrap();
    timeout(PATIENCE, web.stop()).await.expect("it ends").unwrap();
}
