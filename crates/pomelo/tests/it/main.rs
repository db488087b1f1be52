//! A game as its author and its clients see it: whole clusters in one process, over real sockets.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod calls;
mod channels;
mod dir;
mod game;
mod handlers;
mod life;
mod links;
mod log;
mod masters;
mod messages;
mod protobuf;
mod start_up;
mod tls;
mod users;
