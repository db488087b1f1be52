//! A Pomelo client over WebSocket or TCP, with or without [TLS](Tls): robots, load generators, tests.
//!
//! Speaks to any hybrid connector, ours or the original's, with the dictionary and the protobuf definitions that its
//! handshake brings: to the caller, bodies are JSON. Messages are named by the [constants](Route) that the server's handlers
//! are registered with, or by texts. Reconnecting is not here: who wants to stay connected calls [`Client::connect_with`] again,
//! with the same options, which [remember](Known) what the server told.
//!
//! ```no_run
//! # async fn play() -> Result<(), pomelo_client::ClientError> {
//! let client = pomelo_client::Client::connect("ws://127.0.0.1:3050").await?;
//! let entered: serde_json::Value =
//!     client.request("connector.entryHandler.enter", &serde_json::json!({ "username": "ann", "rid": "lobby" })).await?;
//! println!("in the room: {}", entered["users"]);
//! while let Some(push) = client.next_push().await {
//!     println!("{} {}", push.route, String::from_utf8_lossy(&push.body));
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod agreed;
mod client;
mod connection;
mod error;
mod name;
mod options;
mod pending;
mod pushes;
mod tls;
mod transport;

pub use agreed::Known;
pub use client::Client;
pub use error::{ClientError, CloseReason};
pub use name::{Answers, Takes};
pub use options::ClientOptions;
pub use pomelo_protocol::{Push, Route};
pub use pushes::PushMessage;
pub use tls::{Tls, TlsError};
