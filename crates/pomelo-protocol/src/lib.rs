//! What the bytes of Pomelo mean: the client, admin and RPC formats, and the names of servers.
//!
//! Pure: bytes in, values out. There is no socket, no clock and no runtime in this crate; who reads and writes is up to
//! `pomelo` (clients), `pomelo-rpc` (servers) and `pomelo-cluster` (masters). The formats are those of NetEase Pomelo
//! 2.2.7 with pomelo-protocol 0.1.6 and pomelo-admin 1.0.1; the tests compare with recorded conversations of it.

pub mod admin;
pub mod dictionary;
pub mod handshake;
pub mod message;
pub mod mqtt;
pub mod package;
pub mod protobuf;
pub mod proxy;
pub mod route;
pub mod server;
pub mod typed;
pub mod websocket;

pub use server::{InvalidName, ServerId, ServerInfo, ServerType};
pub use typed::{Push, Remote, Route};
