//! Calls from server to server, for handlers: which server is meant, what travels, what comes back.
//!
//! The links themselves are in `pomelo-rpc`; what arrives is answered in `node::inbox`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, RpcError};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Remote, Servers, Session, codec, servers::Directory};

/// Chooses the server of a type that handles a session's messages.
pub(crate) type RouteFn = Arc<dyn Fn(&Session, &Servers) -> Option<ServerId> + Send + Sync>;

/// Calls functions of other servers, as an argument of handlers, remotes and hooks.
///
/// ```
/// # use pomelo::{Remote, Result, Rpc, Session, UserId};
/// const ADD: Remote<UserId, Vec<UserId>> = Remote::new("chat.chatRemote.add");
///
/// async fn enter(session: Session, rpc: Rpc, _: ()) -> Result<Vec<UserId>> {
///     Ok(rpc.call(ADD, &session, &session.uid()?).await?)
/// }
/// ```
#[derive(Clone)]
pub struct Rpc {
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) router: Arc<Router>,
    pub(crate) deadline: Duration,
}

/// Which server is meant: the one that the route function of the type chooses for a session, or one by its id.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Target<'a> {
    /// As a message of this session's client would be routed.
    Session(&'a Session),
    /// This one.
    Server(&'a ServerId),
}

impl<'a> From<&'a Session> for Target<'a> {
    fn from(session: &'a Session) -> Self {
        Self::Session(session)
    }
}

impl<'a> From<&'a ServerId> for Target<'a> {
    fn from(server: &'a ServerId) -> Self {
        Self::Server(server)
    }
}

/// Why a call did not bring an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody of that type is known, or the route function chose nobody.
    #[error("no server of type {server_type} for this session")]
    NoServer {
        /// The type.
        server_type: String,
    },
    /// The route function chose a server that is not in the cluster.
    #[error("no server {server} of type {server_type} in the cluster")]
    NotThere {
        /// The type.
        server_type: String,
        /// The choice.
        server: ServerId,
    },
    /// The request has no encoded form.
    #[error("request can't be encoded")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The answer is not of the expected type.
    #[error("answer can't be decoded")]
    Decode(#[from] rmp_serde::decode::Error),
    /// The called server failed, or the way to it did; the error tells which and whether calling again is safe.
    #[error(transparent)]
    Link(#[from] RpcError),
}

impl Rpc {
    /// Calls a remote and waits for its answer, at most [`App::call_timeout`](crate::App::call_timeout). `target` is a
    /// `&Session` (routed as its client's messages are) or a `&ServerId`.
    pub async fn call<'a, Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        target: impl Into<Target<'a>>,
        request: &Req,
    ) -> Result<Res, CallError>
    where
        Req: Serialize,
        Res: DeserializeOwned,
    {
        let server = self.choose(remote.server_type(), target.into());
        let body = codec::to_server(request);
        let answer = self.peers.call(&server?, remote.name(), body?, self.deadline);
        Ok(codec::from_server(&answer.await?)?)
    }

    /// Sends a request and does not wait: it is handled at most once, in the order sent, and its answer is dropped.
    pub fn send<'a, Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        target: impl Into<Target<'a>>,
        request: &Req,
    ) -> Result<(), CallError>
    where
        Req: Serialize,
    {
        let server = self.choose(remote.server_type(), target.into())?;
        Ok(self.peers.send(&server, remote.name(), codec::to_server(request)?)?)
    }

    fn choose(&self, server_type: &str, target: Target<'_>) -> Result<ServerId, CallError> {
        match target {
            Target::Session(session) => self.router.pick(server_type, session),
            Target::Server(server) => Ok(server.clone()),
        }
    }
}

/// The other servers, and this one, as something that can be sent bytes. In tests, anything.
pub(crate) trait Peers: Send + Sync + 'static {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>>;

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError>;

    /// See [`pomelo_rpc::Links::link`]. To this server itself there is one for ever.
    fn link(&self, server: &ServerId) -> Result<u64, RpcError>;

    /// See [`pomelo_rpc::Links::present`].
    fn present(&self, server: &ServerId) -> Option<u64>;

    /// See [`pomelo_rpc::Links::send_over`].
    fn send_over(&self, server: &ServerId, link: u64, method: &str, body: Bytes) -> Result<(), RpcError>;
}

/// The route functions and what they choose from.
pub(crate) struct Router {
    functions: HashMap<String, RouteFn>,
    directory: Arc<Directory>,
}

impl Router {
    pub(crate) fn new(functions: HashMap<String, RouteFn>, directory: Arc<Directory>) -> Self {
        Self { functions, directory }
    }

    /// The server of this type for this session: by the route function, else by hash of the session.
    pub(crate) fn pick(&self, server_type: &str, session: &Session) -> Result<ServerId, CallError> {
        self.pick_without(server_type, session, &[])
    }

    /// The same as if these servers had left already.
    pub(crate) fn pick_without(
        &self,
        server_type: &str,
        session: &Session,
        without: &[ServerId],
    ) -> Result<ServerId, CallError> {
        let mut servers = self.directory.now().of_type(server_type);
        if !without.is_empty() {
            servers = Servers::new(servers.iter().filter(|server| !without.contains(&server.id)).cloned());
        }
        let chosen = match self.functions.get(server_type) {
            _ if servers.is_empty() => None,
            Some(function) => function(session, &servers),
            None => servers.by_hash(&format!("{}/{}", session.frontend(), session.id())),
        };
        let server = chosen.ok_or_else(|| CallError::NoServer { server_type: server_type.to_owned() })?;
        match servers.get(server.as_str()) {
            Some(_) => Ok(server),
            None => Err(CallError::NotThere { server_type: server_type.to_owned(), server }),
        }
    }
}
