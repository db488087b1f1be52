//! What is found out before a server opens a port: each mistake is told in words, all of them at once.

use pomelo::{App, Args, Channels, Hybrid, Remote, Result, Route, Session, Sessions, StartError, State};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::dir::Dir;

const ENTER: Route<(), ()> = Route::new("connector.entryHandler.enter");
const SEND: Route<(), ()> = Route::new("chat.chatHandler.send");
const STRAY: Route<(), ()> = Route::new("chat.chatHandler.stray");
const ADD: Remote<(), ()> = Remote::new("chat.chatRemote.add");

struct Limits;

async fn nothing(_: ()) -> Result<()> {
    Ok(())
}

async fn limited(_: State<Limits>, _: Channels, _: Session, _: ()) -> Result<()> {
    Ok(())
}

async fn all_sessions(_: Sessions, _: ()) -> Result<()> {
    Ok(())
}

async fn closed(_: Session) -> Result<()> {
    Ok(())
}

async fn problems(dir: &Dir, app: impl Fn(App) -> App) -> Vec<String> {
    let args = Args::parse(["id=connector-server-1"]).unwrap();
    match app(App::new(dir.config())).start(&args).await {
        Err(StartError::Problems { problems }) => problems,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => Vec::new(),
    }
}

#[tokio::test]
async fn what_does_not_fit_together_is_told_in_words() {
    let dir = Dir::new(json!({
        "connector": [{ "id": "connector-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true }],
        "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0, "clientPort": 0 }],
        "area": [{ "id": "area-server-1", "host": "127.0.0.1", "port": 0 }],
    }));
    let found = problems(&dir, |app| {
        app.server("connector", |s| s.handler(ENTER, nothing).handler(ENTER, nothing).handler(SEND, nothing))
            .server("chat", |s| {
                let s = s.handler(SEND, limited).remote(ADD, all_sessions).on_session_closed(closed);
                s.concurrent(STRAY)
                    .on_session_bound(closed)
                    .on_start(|_: State<Limits>| async { Result::<()>::Ok(()) })
            })
            .route("path", |_, _| None)
    })
    .await;
    let expected = [
        r#"a route function is given for type "path", which the application does not have"#,
        "chat: chat.chatHandler.send needs State<Limits>, add .state(Limits { .. })",
        "chat: chat.chatRemote.add needs the sessions of a frontend, but has no connector",
        r#"chat: concurrent route "chat.chatHandler.stray" has no handler"#,
        "chat: on_session_bound needs a connector",
        "chat: on_session_closed needs a connector",
        "chat: on_start needs State<Limits>, add .state(Limits { .. })",
        r#"connector: handler "chat.chatHandler.send" belongs to servers of type "chat""#,
        r#"connector: handler "connector.entryHandler.enter" is registered twice"#,
        r#"servers.json gives chat-server-1 a clientPort, but type "chat" has no connector in the application"#,
        r#"servers.json gives connector-server-1 a clientPort, but type "connector" has no connector in the application"#,
        r#"servers.json has area-server-1 of type "area", the application only has: chat, connector"#,
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_application_that_fits_starts() {
    let dir = Dir::new(json!({
        "connector": [{ "id": "connector-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true }],
    }));
    let app = App::new(dir.config()).server("connector", |s| {
        s.connector(Hybrid::new()).state(Limits).handler(ENTER, limited).on_session_closed(closed)
    });
    let running = app.start(&Args::parse(["id=connector-server-1"]).unwrap()).await.unwrap();
    assert_ne!(running.info().client_port, Some(0));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_configuration_says_where_clients_are_listened_to_and_which_proxies_are_believed() {
    let started = async |connector: Value| {
        let dir = Dir::new(json!({ "connector": [connector] }));
        // Of no machine.
        let app =
            App::new(dir.config()).server("connector", |s| s.connector(Hybrid::new().listen("192.0.2.1")));
        app.start(&Args::parse(["id=connector-server-1"]).unwrap()).await
    };
    let mut connector =
        json!({ "id": "connector-server-1", "host": "127.0.0.1", "clientPort": 0, "frontend": true });
    let Err(error) = started(connector.clone()).await else { panic!("started") };
    let text = error.to_string();
    assert!(
        text.starts_with("connector-server-1 can't listen on 192.0.2.1:0 (port for clients): "),
        "{text}"
    );

    connector["client-listen"] = json!("localhost");
    connector["proxy-protocol"] = json!(["127.0.0.0/8", "::1"]);
    let running = started(connector).await.unwrap();
    let mut client = TcpStream::connect(("localhost", running.info().client_port.unwrap())).await.unwrap();
    client.write_all(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n\x01\0\0\x0a{\"sys\":{}}").await.unwrap();
    let mut head = [0; 4];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 1, "no handshake");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn arguments_that_name_no_server_say_what_there_is() {
    let dir = Dir::new(json!({ "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 0 }] }));
    let app = App::new(dir.config()).server("chat", |s| s);
    for (args, expected) in [
        (vec!["id=chat-server-2"], "chat-server-1"),
        (vec!["id=chat-server-1", "env=staging"], "development"),
        (vec!["id=chat-server-1", "serverType=gate"], "is of type chat in servers.json"),
        (vec!["serverType=chat"], "id=... is missing"),
        (vec!["serverType=master", "port=1"], "no such master"),
    ] {
        let Err(error) = app.start(&Args::parse(&args).unwrap()).await else { panic!("{args:?} started") };
        assert!(error.to_string().contains(expected), "{args:?}: {error}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_told_with_server_and_process() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let dir = Dir::new(json!({ "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": port }] }));
    let app = App::new(dir.config()).server("chat", |s| s);
    let Err(error) = app.start(&Args::parse(["id=chat-server-1"]).unwrap()).await else { panic!("started") };
    let text = error.to_string();
    assert!(text.contains("chat-server-1") && text.contains(&port.to_string()), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
}
