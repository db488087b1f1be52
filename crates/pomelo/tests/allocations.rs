//! What a forwarded request costs in allocations, at the connector and at the server that handles it, counted. In a program
//! of its own, because counting replaces the allocator; each server has a thread, because counting is by thread.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "it/dir.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod dir;

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use allocation_counter::measure;
use pomelo::{App, Args, Hybrid, Result, Route, Session, UserId};
use pomelo_client::Client;
use pomelo_testkit::eventually;
use serde_json::json;
use tokio::{runtime::Builder, sync::Notify};

use crate::dir::Dir;

const ENTER: Route<String, ()> = Route::new("connector.entryHandler.enter");
const ECHO: Route<String, String> = Route::new("chat.chatHandler.echo");

/// Requests that are counted.
const REQUESTS: u64 = 1_000;

/// Most allocations of one forwarded request at the connector: reading the message, its way to the other server and back,
/// the response.
const CONNECTOR_MAX: u64 = 6;
/// At the server that handles it: the request, what its handler is made of, its body and the answer's.
const BACKEND_MAX: u64 = 7;

async fn enter(session: Session, name: String) -> Result<()> {
    session.bind(UserId::from(name)).await?;
    Ok(session.set("rid", "room1").await?)
}

async fn echo(text: String) -> Result<String> {
    Ok(text)
}

fn app(dir: &Dir) -> App {
    App::new(dir.config())
        .server("connector", |s| s.connector(Hybrid::new()).handler(ENTER, enter))
        .server("chat", |s| s.handler(ECHO, echo))
}

/// A server in a thread of its own.
struct Server {
    client_port: Option<u16>,
    begin: Arc<Notify>,
    end: Arc<Notify>,
    counted: mpsc::Receiver<u64>,
}

impl Server {
    fn start(dir: &Arc<Dir>, args: String) -> Self {
        let (begin, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (count, counted) = mpsc::channel();
        let (started, starts) = mpsc::channel();
        let told = (begin.clone(), end.clone());
        let dir = dir.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let args = Args::parse(args.split(' ')).unwrap();
            let running = runtime.block_on(app(&dir).start(&args)).unwrap();
            started.send(running.info().client_port).unwrap();
            runtime.block_on(told.0.notified());
            let counts = measure(|| runtime.block_on(told.1.notified()));
            count.send(counts.count_total).unwrap();
            // Until the test is over: the process ends with it.
            runtime.block_on(running.wait()).unwrap();
        });
        let client_port = starts.recv_timeout(Duration::from_secs(20)).unwrap();
        Self { client_port, begin, end, counted }
    }

    fn counted(&self) -> u64 {
        self.end.notify_one();
        self.counted.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

#[test]
fn a_forwarded_request_stays_within_its_budget_of_allocations() {
    let dir = Arc::new(Dir::new(json!({
        "connector": [{ "id": "connector-1", "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true }],
        "chat": [{ "id": "chat-1", "host": "127.0.0.1", "port": 0 }],
    })));
    let _master = Server::start(&dir, format!("serverType=master port={}", dir.masters[0]));
    let (connector, chat) =
        (Server::start(&dir, "id=connector-1".to_owned()), Server::start(&dir, "id=chat-1".to_owned()));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let port = connector.client_port.unwrap();
        let client = Client::connect(&format!("ws://127.0.0.1:{port}")).await.unwrap();
        client.request::<_, serde_json::Value>(ENTER.name(), "alice").await.unwrap();
        eventually("the connector knows the chat server", Duration::from_secs(20), async || {
            client.request::<_, String>(ECHO.name(), "x").await.ok()
        })
        .await;
        client
    });
    let requests = || {
        runtime.block_on(async {
            for _ in 0..REQUESTS {
                assert_eq!(client.request::<_, String>(ECHO.name(), "hello").await.unwrap(), "hello");
            }
        });
    };
    requests();
    for server in [&connector, &chat] {
        server.begin.notify_one();
    }
    requests();
    for (server, budget, what) in [(connector, CONNECTOR_MAX, "connector"), (chat, BACKEND_MAX, "backend")] {
        let counted = server.counted();
        // What a server does now and then by itself is in it, too.
        let each = counted as f64 / REQUESTS as f64;
        println!("{what}: {each:.2} allocations a request");
        assert!(
            each <= budget as f64 + 0.5,
            "{what}: {each:.2} allocations a request, the budget is {budget}"
        );
    }
}
