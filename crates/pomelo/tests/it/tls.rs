//! Clients of `pomelo-client` through TLS, over both transports: whom they trust and whom they don't. What the connector does about
//! bad peers is tested beside it.

use std::fs;

use pomelo::{App, Args, Hybrid, Push, Result, Route, Running, Session};
use pomelo_client::{Client, ClientOptions, Tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;

use crate::dir::Dir;

const MARK: Route<u32, u32> = Route::new("connector.entryHandler.mark");
const ON_MARK: Push<u32> = Push::new("onMark");

async fn mark(session: Session, mark: u32) -> Result<u32> {
    session.push(ON_MARK, &mark).await?;
    Ok(mark + 1)
}

/// A connector with a certificate for `localhost`, and who trusts it.
struct Secure {
    dir: tempfile::TempDir,
    running: Running,
    _config: Dir,
}

impl Secure {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        fs::write(&chain, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        let connector = json!({ "id": "connector-server-1", "host": "127.0.0.1", "port": 0, "clientPort": 0, "frontend": true });
        let config = Dir::new(json!({ "connector": [connector] }));
        let hybrid = Hybrid::new().dictionary().tls_or_plain(chain, key);
        let app = App::new(config.config())
            .server("connector", move |s| s.connector(hybrid.clone()).handler(MARK, mark));
        let running = app.start(&Args::parse(["id=connector-server-1"]).unwrap()).await.unwrap();
        Self { dir, running, _config: config }
    }

    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}", self.running.info().client_port.unwrap())
    }

    fn trusting(&self) -> ClientOptions {
        let tls = Tls::authorities(self.dir.path().join("cert.pem")).unwrap();
        ClientOptions { tls, ..ClientOptions::default() }
    }
}

async fn refused(url: &str, options: ClientOptions) -> String {
    Client::connect_with(url, options).await.unwrap_err().to_string()
}

#[tokio::test]
async fn requests_and_pushes_go_through_tls_on_both_transports() {
    let server = Secure::start().await;
    let options = server.trusting();
    // Twice, since the second connection takes up the first one's keys.
    for scheme in ["wss", "tls", "wss", "tls"] {
        let client = Client::connect_with(&server.url(scheme, "localhost"), options.clone()).await.unwrap();
        for n in 0..3 {
            assert_eq!(client.request(MARK, &n).await.unwrap(), n + 1);
            assert_eq!(client.next_push().await.unwrap().read(ON_MARK).unwrap().unwrap(), n);
        }
        let (long, route) = (vec![7; 20_000], "connector.entryHandler.mark");
        let failed = client.request_raw(route, serde_json::to_vec(&long).unwrap()).await.unwrap();
        assert_eq!(failed, r#"{"code":500}"#, "a body of several records of TLS comes whole");
        client.close().await;
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_talked_to_unless_that_is_said() {
    let server = Secure::start().await;
    for scheme in ["wss", "tls"] {
        let url = server.url(scheme, "localhost");
        let error = refused(&url, ClientOptions::default()).await;
        assert!(error.starts_with("no TLS with localhost:") && error.contains("UnknownIssuer"), "{error}");
        let tls = Tls::dangerous_trusting_anybody();
        let client = Client::connect_with(&url, ClientOptions { tls, ..Default::default() }).await.unwrap();
        assert_eq!(client.request(MARK, &1).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Secure::start().await;
    let error = refused(&server.url("wss", "127.0.0.1"), server.trusting()).await;
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn authorities_that_are_none_are_said_with_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    for (text, expected) in [
        (None, "No such file"),
        (Some("hello"), "found none"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "invalid peer certificate"),
    ] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let error = Tls::authorities(&file).unwrap_err().to_string();
        assert!(error.starts_with(&file.display().to_string()) && error.contains(expected), "{error}");
    }
}
