//! A distributed game-server framework: connectors, backends, sessions, channels, RPC, and a highly available master.
//!
//! A game is one executable that holds all its server types. **Frontends** (gate, connector) hold the clients'
//! connections; **backends** (chat, area, ...) hold the game's state; a **master** knows all servers and starts, stops and
//! watches them, and standby masters take over when it dies. What clients ask is handled by the type of server that the
//! route names, wherever the client is connected.
//!
//! ```no_run
//! use pomelo::*;
//! use serde::{Deserialize, Serialize};
//!
//! # #[derive(Serialize, Deserialize)] struct Enter { username: String, rid: String }
//! # #[derive(Serialize, Deserialize)] struct Entered { users: Vec<UserId> }
//! # #[derive(Serialize, Deserialize)] struct Say { content: String }
//! # #[derive(Serialize, Deserialize)] struct Said { from: UserId, content: String }
//! # #[derive(Serialize, Deserialize)] struct Join { uid: UserId, frontend: ServerId, rid: String }
//! # struct Limits { content_bytes_max: usize }
//! # #[derive(Debug)] enum ChatError { TooLong(usize), NotInRoom }
//! # impl std::fmt::Display for ChatError {
//! #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") }
//! # }
//! # impl std::error::Error for ChatError {}
//! // Each message is named once, with its types: for registering, calling and pushing it.
//! const ENTER: Route<Enter, Entered> = Route::new("connector.entryHandler.enter"); // malformed: does not compile
//! const SEND: Route<Say, ()> = Route::new("chat.chatHandler.send");
//! const ADD: Remote<Join, Vec<UserId>> = Remote::new("chat.chatRemote.add");
//! const ON_CHAT: Push<Said> = Push::new("onChat");
//!
//! // Handlers are async functions: what they need is extracted, the message comes last.
//! async fn enter(session: Session, rpc: Rpc, req: Enter) -> Result<Entered> {
//!     session.bind(UserId::from(req.username)).await?;
//!     session.set("rid", &req.rid).await?;
//!     let join = Join { uid: session.uid()?, frontend: session.frontend(), rid: req.rid };
//!     Ok(Entered { users: rpc.call(ADD, &session, &join).await? })
//! }
//!
//! async fn send(limits: State<Limits>, channels: Channels, session: Session, req: Say) -> Result<()> {
//!     if req.content.len() > limits.content_bytes_max {
//!         Err(ChatError::TooLong(req.content.len()))?
//!     }
//!     let rid: String = session.get("rid").ok_or(ChatError::NotInRoom)?;
//!     let said = Said { from: session.uid()?, content: req.content };
//!     Ok(channels.channel(&rid).push(ON_CHAT, &said).await?)
//! }
//!
//! async fn add(channels: Channels, join: Join) -> Result<Vec<UserId>> {
//!     let room = channels.channel(&join.rid);
//!     room.add(join.uid, join.frontend)?;
//!     Ok(room.members())
//! }
//!
//! async fn timing(req: Request, next: Next) -> Response {
//!     // code before
//!     let response = next.run(req).await;
//!     // code after
//!     response
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<()> {
//!     App::new(Config::load("config")?)
//!         .server("connector", |s| s.connector(Hybrid::new().dictionary()).handler(ENTER, enter))
//!         .server("chat", |s| {
//!             s.state(Limits { content_bytes_max: 512 }).handler(SEND, send).remote(ADD, add).filter(timing)
//!         })
//!         .route("chat", |session, servers| servers.by_hash(&session.get::<String>("rid")?))
//!         .plugin(MasterHa::zookeeper("127.0.0.1:2181", "/pomelo/master"))
//!         .run()
//!         .await
//! }
//! ```
//!
//! What does not fit together (a handler on the wrong server type, two for one route, a missing [`State`]) is an error at
//! compile time or when a server starts, in words. [`testing`] shows how handlers are tested as the functions they are.
//!
//! # What happens to a message
//!
//! The connector decodes it and looks at the first part of its route. A message for its own type it handles itself;
//! another goes to a server of that type, which the [route function](App::route) chooses from the session. Messages of
//! one session are handled one after the other, across servers too, but for those to [concurrent](Server::concurrent) routes.
//! Which filters they pass on the way, [`filters`] says. A request always gets an answer: if there is no such route, no such
//! server, the handler fails or panics, or a server on the way takes longer than [`App::call_timeout`], it is `{"code":500}`;
//! [`App::on_error`] is the one place that says otherwise.
//!
//! A server that stops finishes what it was asked, see [`Drain`].
//!
//! # Processes and threads
//!
//! One server a process, on tokio's `current_thread` runtime, uses a machine best: more cores are for more servers. A server
//! opens its ports first and then looks for a master; it works without one, keeps looking for ever, and never ends because
//! masters come and go.

mod answer;
mod app;
mod args;
mod channel;
mod check;
mod codec;
mod connector;
mod drain;
mod error;
mod extract;
mod filter;
pub mod filters;
mod handler;
mod lifecycle;
mod listen;
mod logging;
mod master;
mod masterha;
mod node;
mod plugin;
mod rpc;
mod run;
mod running;
mod schedule;
mod server;
mod servers;
mod session;
pub mod testing;
mod throttle;
pub mod types;
mod user;
mod users;
mod wire;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use answer::RouteError;
pub use app::{App, StartError};
pub use args::{Args, ArgsError};
pub use channel::{Channel, ChannelError, Channels, Leavers, MembersLeft};
pub use connector::{Handshake, Hybrid, TlsError};
pub use drain::Drain;
pub use error::{Error, Result};
pub use extract::{Caller, Context, Extract, Game, Incoming, Me, Needs, RemoteCall, Request, State};
pub use filter::{Filter, Next, Response};
pub use handler::{Handler, Hook};
pub use lifecycle::{Lifecycle, Peer, ServerChange, SessionBound, SessionClosed};
pub use masterha::MasterHa;
pub use node::{Holder, PortError};
pub use plugin::Plugin;
pub use pomelo_cluster::config::Config;
pub use pomelo_protocol::{Push, Remote, Route, ServerId, ServerInfo, ServerType};
pub use rpc::{CallError, Deadline, Rpc, Target};
pub use running::Running;
pub use schedule::{Cron, CronRun, Due};
pub use server::Server;
pub use servers::Servers;
pub use session::{Key, Session, SessionError, Sessions, Setting, SingleSession};
pub use user::UserId;
pub use users::{Found, Kicked, Users};

/// Locks a leaf table. A panic while it was locked leaves a table that is still whole: every change here is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time that can be added to a moment: whoever says [`Duration::MAX`] means that there is no limit.
pub(crate) fn bounded(time: Duration) -> Duration {
    /// 30 years.
    const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    time.min(FOREVER)
}

/// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// What the guide shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
struct Guide;
