//! A Pomelo client over WebSocket or TCP: robots, load generators, tests.
//!
//! Speaks to any hybrid connector, ours or the original's, with the dictionary and the protobuf definitions that its
//! handshake brings: to the caller, bodies are JSON. TLS and reconnecting are not here: who wants to stay connected calls
//! [`Client::connect_ws_with`] again, with the same options, which [remember](Known) both.
//!
//! ```no_run
//! # async fn play() -> Result<(), pomelo_client::ClientError> {
//! let client = pomelo_client::Client::connect_ws("ws://127.0.0.1:3050").await?;
//! let entered: serde_json::Value =
//!     client.request("connector.entryHandler.enter", &serde_json::json!({ "username": "ann", "rid": "lobby" })).await?;
//! println!("in the room: {}", entered["users"]);
//! while let Some(push) = client.next_push().await {
//!     println!("{} {}", push.route, String::from_utf8_lossy(&push.body));
//! }
//! # Ok(())
//! # }
//! ```

mod agreed;
mod client;
mod connection;
mod error;
mod options;
mod pending;
mod pushes;
mod transport;

pub use agreed::Known;
pub use client::Client;
pub use error::{ClientError, CloseReason};
pub use options::ClientOptions;
pub use pushes::PushMessage;
