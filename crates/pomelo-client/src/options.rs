//! What can be set for a client, and its limits.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Known, Tls};

/// The code of an answer that is no failure, as with Pomelo from the beginning.
const OK: i64 = 200;

/// Settings of a [`crate::Client`]. The defaults suit a game client; a load generator may want larger numbers.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// What is sent as `user` in the handshake, for the application's own check.
    pub user: Value,
    /// What is sent as type and version of the client library.
    pub client: (String, String),
    /// What earlier connections were told, and need not be told again. A clone of these settings shares it.
    pub known: Known,
    /// Whom to trust at `wss://` and `tls://`: the platform's authorities if nothing else is said.
    pub tls: Tls,
    /// Which `code`s of answers are failures: all but 200 if nothing else is said.
    pub is_failure: fn(i64) -> bool,
    /// Which pushes are wanted, by name: all if nothing else is said. Others are dropped unread, which costs a client that is pushed to a lot
    /// much less; [`crate::Client::pushes_passed_over`] counts them.
    pub wants: fn(&str) -> bool,
    /// How long dialling and the handshake together may take.
    pub connect_timeout: Duration,
    /// How long a request may wait for its answer.
    pub request_timeout: Duration,
    /// Most requests that wait for an answer; one more fails with [`crate::ClientError::Busy`].
    pub pending_requests_max: usize,
    /// Most messages that wait to be written; senders then wait.
    pub outgoing_messages_max: usize,
    /// Most pushes that wait to be taken; one more drops the oldest, see [`crate::Client::pushes_dropped`].
    pub pushes_max: usize,
    /// Longest package taken from the server; a longer one ends the connection.
    pub package_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user: json!({}),
            client: ("rust".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            known: Known::default(),
            tls: Tls::default(),
            is_failure: |code| code != OK,
            wants: |_| true,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(10),
            pending_requests_max: 4096,
            outgoing_messages_max: 1024,
            pushes_max: 1024,
            package_bytes_max: 1024 * 1024,
        }
    }
}
