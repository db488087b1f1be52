//! A game's folder, a web server in it, and a browser that writes and reads plain text.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lordofpomelo_web::{Cost, Options, Site, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// Far above what anything here takes: it ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Hashes for tests, which want many.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

/// A game with a built client, each file of which says what it is.
pub(crate) struct Game {
    dir: TempDir,
}

impl Game {
    pub(crate) fn new() -> Self {
        let game = Self { dir: tempfile::tempdir().unwrap() };
        game.config("master", &json!({ "id": "master-server-1", "host": "127.0.0.1", "port": 1 }));
        let gate =
            json!({ "id": "gate-server-1", "host": "127.0.0.1", "clientPort": 3014, "frontend": true });
        game.config("servers", &json!({ "gate": [gate] }));
        game.config("session", &json!({ "secretFile": "run/session.secret" }));
        game.config("database", &json!({ "sqlite": "run/game.db" }));
        fs::create_dir_all(game.client().join("assets")).unwrap();
        for file in
            ["index.html", "assets/app-1a2b.js", "assets/app-3c4d.css", "assets/font-5e6f.woff2", "notes"]
        {
            fs::write(game.client().join(file), format!("this is {file}")).unwrap();
        }
        game
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn client(&self) -> PathBuf {
        self.dir.path().join("client")
    }

    /// Writes a file of the configuration, the same for `development` and `production`.
    pub(crate) fn config(&self, name: &str, section: &Value) {
        let config = self.dir.path().join("config");
        fs::create_dir_all(&config).unwrap();
        let both = json!({ "development": section, "production": section });
        fs::write(config.join(format!("{name}.json")), both.to_string()).unwrap();
    }
}

/// A web server in this process.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Running {
    pub(crate) async fn start(game: &Game) -> Self {
        Self::start_with(game, |_| {}).await
    }

    pub(crate) async fn start_with(game: &Game, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(game.dir(), "development", game.client());
        options.tries_per_minute = 0;
        options.cost = CHEAP;
        change(&mut options);
        let site = Arc::new(Site::open(options).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        Self { addr, task: tokio::spawn(serve(listener, site, stopped)), stop }
    }

    /// As SIGTERM; does not wait.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, head: &str, body: &str) -> Answer {
        let mut stream = self.connect().await;
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{head}\r\nHost: game\r\nConnection: close\r\n{length}\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        Answer::read(stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), "").await
    }

    pub(crate) async fn post(&self, path: &str, document: &Value) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
        self.ask(&head, &document.to_string()).await
    }

    pub(crate) async fn post_form(&self, path: &str, form: &str) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded");
        self.ask(&head, form).await
    }

    /// Signs up; what is in the answer.
    pub(crate) async fn register(&self, name: &str, password: &str) -> Value {
        self.post("/register", &json!({ "name": name, "password": password })).await.document()
    }

    /// Signs in; what is in the answer.
    pub(crate) async fn login(&self, name: &str, password: &str) -> Value {
        self.post("/login", &json!({ "username": name, "password": password })).await.document()
    }
}

/// What came back before the connection was closed.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection is closed").unwrap();
        Self::parse(&String::from_utf8(bytes).unwrap())
    }

    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The JSON of an answer that was heard.
    pub(crate) fn document(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/json")), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}
