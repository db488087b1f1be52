//! Getting a session with the ensemble: what candidates and guards have in common.

use std::time::Duration;

use tokio::{net::TcpStream, time};
use zookeeper_client::{Client, Connector, Error, SessionInfo};

use super::access;

/// Pause between attempts to reach the ensemble: at random between these, so that candidates don't come in step.
const RECONNECT_MIN_MS: u64 = 50;
const RECONNECT_MAX_MS: u64 = 500;

/// One attempt to connect ends after this, whatever the library thinks.
const CONNECT_TIMEOUT_MS: u64 = 10_000;

/// An ensemble, and how to speak to it.
#[derive(Clone)]
pub(super) struct Ensemble {
    /// `host:port`, several with commas between.
    pub(super) servers: String,
    /// `user:password`, where nodes have ACLs.
    pub(super) auth: Option<String>,
    pub(super) session_timeout: Duration,
}

impl Ensemble {
    /// A new session.
    pub(super) async fn connect(&self) -> Result<Client, Error> {
        self.attempt(self.connector()).await
    }

    /// The same session again; [`Error::SessionExpired`] if the servers have ended it.
    pub(super) async fn attach(&self, session: SessionInfo) -> Result<Client, Error> {
        self.attempt(self.connector().with_session(session)).await
    }

    fn connector(&self) -> Connector {
        let connector = Client::connector().with_session_timeout(self.session_timeout).with_fail_eagerly();
        access::show(connector, self.auth.as_deref())
    }

    async fn attempt(&self, connector: Connector) -> Result<Client, Error> {
        let connecting = connector.connect(&self.servers);
        time::timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), connecting)
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    /// Why it can't be reached: the library only says "no available hosts"; the kernel knows more.
    pub(super) async fn explain(&self, error: Error) -> String {
        let first = self.servers.split(',').next().unwrap_or_default();
        match time::timeout(self.session_timeout, TcpStream::connect(first)).await {
            Ok(Ok(_)) => format!("{first} accepts connections but grants no session ({error})"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer from {first}"),
        }
    }
}

pub(super) async fn pause() {
    let pause_ms = fastrand::u64(RECONNECT_MIN_MS..=RECONNECT_MAX_MS);
    time::sleep(Duration::from_millis(pause_ms)).await;
}
