//! A distributed game-server framework: connectors, backends, sessions, channels, RPC, and a highly available master.

mod channel;
mod codec;
mod connector;
mod error;
mod extract;
mod filter;
mod handler;
mod route;
mod rpc;
mod server;
mod servers;
mod session;
pub mod testing;
mod user;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use channel::{Channel, ChannelError, Channels};
pub use connector::Hybrid;
pub use error::{Error, Result};
pub use extract::{Caller, Context, Extract, Me, Needs, RemoteCall, Request, SessionClosed, State};
pub use filter::{Filter, Next, Response};
pub use handler::{Handler, Hook};
pub use pomelo_cluster::config::Config;
pub use pomelo_protocol::{ServerId, ServerInfo, ServerType};
pub use route::{Push, Remote, Route};
pub use rpc::{CallError, Rpc, Target};
pub use server::Server;
pub use servers::Servers;
pub use session::{Session, SessionError, Sessions};
pub use user::UserId;

/// Locks a leaf table. A panic while it was locked leaves a table that is still whole: every change here is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
