//! What a server writes into its log when messages fail.

use std::{
    io,
    sync::{Arc, Mutex},
};

use pomelo::{App, Error, Result, Route};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::game::*;

const OPEN: Route<u32, ()> = Route::new("connector.doorHandler.open");
const OPEN_THERE: Route<u32, ()> = Route::new("chat.doorHandler.open");

#[derive(Debug, thiserror::Error)]
enum DoorError {
    #[error("wrong key")]
    WrongKey,
    #[error("the lock is broken")]
    Broken,
}

#[derive(Debug, thiserror::Error)]
#[error("database: no connection")]
struct NoDatabase;

async fn open(key: u32) -> Result<()> {
    match key {
        0 => Err(Error::msg("no key").of_client()),
        1 => Err(DoorError::WrongKey.into()),
        2 => Err(DoorError::Broken.into()),
        _ => Err(NoDatabase.into()),
    }
}

fn doors(app: App) -> App {
    app.each_server(|server_type, s| match server_type {
        "connector" => s.handler(OPEN, open),
        "chat" => s.handler(OPEN_THERE, open),
        _ => s,
    })
}

/// The lines of this test's servers, which run in its thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn keep(&self) -> tracing::subscriber::DefaultGuard {
        let level = tracing::Level::WARN;
        let lines =
            tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(self.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    fn with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn requests_that_are_refused_are_no_warnings_and_hide_none() {
    let lines = Lines::default();
    let _kept = lines.keep();
    let wrong_key = |error: &DoorError| matches!(error, DoorError::WrongKey);
    let cluster = Cluster::start_with(move |app| doors(app).client_error(wrong_key)).await;
    let client = cluster.entered(1, "alice", "room1").await;
    for route in [OPEN.name(), OPEN_THERE.name()] {
        // While the cluster comes up some fail with reason.
        lines.0.lock().unwrap().clear();
        for _ in 0..30 {
            for body in [json!(0), json!(1), json!("no number")] {
                assert_eq!(
                    &client.request_raw(route, body.to_string()).await.unwrap()[..],
                    FAILED.as_bytes()
                );
            }
            client.request_raw("chat.doorHandler.nope", "{}").await.unwrap();
            client.request_raw("chat.nope", "{}").await.unwrap();
            client.request_raw("nope", "{}").await.unwrap();
        }
        assert_eq!(lines.with("message failed"), [""; 0], "{route}");
        client.request_raw(route, "3").await.unwrap();
        let failed = lines.with("message failed");
        assert!(
            failed.len() == 1 && failed[0].contains("no connection") && failed[0].contains(route),
            "{failed:?}"
        );
        assert!(failed[0].contains("left_out=0"), "{failed:?}");
    }
}

#[tokio::test]
async fn many_failures_of_one_kind_hide_none_of_another() {
    let lines = Lines::default();
    let _kept = lines.keep();
    let cluster = Cluster::start_with(doors).await;
    let client = cluster.entered(1, "alice", "room1").await;
    // Nobody says whose doing this is.
    for _ in 0..60 {
        client.request_raw(OPEN.name(), "1").await.unwrap();
    }
    client.request_raw(OPEN.name(), "3").await.unwrap();
    let flood = lines.with("wrong key").len();
    // Two windows, if the machine is that slow.
    assert!((20..=40).contains(&flood), "{flood} lines");
    assert_eq!(lines.with("no connection").len(), 1);
}
