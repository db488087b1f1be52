//! One running server: what it does with messages of clients and of other servers.
//!
//! [`Node`] holds the registered functions and what they work on; [`inbox`] is where messages come in, [`start`] brings a
//! server up and down, [`orders`] answers masters. Not here: sockets (`connector`, `pomelo-rpc`).

mod drill;
mod follow;
mod inbox;
mod orders;
mod peers;
mod ports;
mod start;
mod status;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use pomelo_protocol::{ServerId, route};
use pomelo_rpc::{ErrorKind, Failure, RpcError, Who};

pub(crate) use self::start::{Ending, NodeRunning, Setup, start};
use crate::{
    CallError, Error, RemoteCall, Request, Session, SessionClosed, codec,
    extract::Parts,
    filter::{HandlerTable, is_unknown_route},
    handler::{BodyError, ClosedFn, RemoteFn},
    session::{CommandReply, Owner, SessionTable, Snapshot},
    throttle::Throttle,
    wire,
};

pub use self::ports::{Holder, PortError};

/// A running server, without its sockets.
pub(crate) struct Node {
    parts: Parts,
    handlers: Arc<HandlerTable>,
    remotes: HashMap<&'static str, RemoteFn>,
    closed: Vec<ClosedFn>,
    /// Only a frontend has one.
    table: Option<Arc<SessionTable>>,
    /// The server types of the application.
    types: BTreeSet<String>,
    warnings: Throttle,
}

/// A message that nobody could handle, as opposed to one that was handled and failed. Clients can cause these at will,
/// so they are logged at DEBUG.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("not a route: {route:?}")]
    NotARoute { route: String },
    #[error("the application has no servers of type {server_type:?}")]
    NoType { server_type: String },
    #[error("method {method:?} is unknown")]
    NoRemote { method: String },
}

impl Node {
    /// A message of a client of this frontend: handled here, or by a server of the type that the route names.
    async fn client_message(
        &self,
        session: Session,
        route: String,
        body: Bytes,
        notify: bool,
    ) -> Result<Bytes, Error> {
        match route::server_type(&route) {
            None => Err(Refused::NotARoute { route }.into()),
            Some(own) if own == self.parts.0.me.server_type.as_str() => {
                self.handle(session, route, body, notify).await
            }
            Some(other) if !self.types.contains(other) => {
                Err(Refused::NoType { server_type: other.to_owned() }.into())
            }
            Some(other) => {
                let server = self.parts.0.rpc.router.pick(other, &session)?;
                Ok(self.forward(&server, &session, route, &body, notify).await?)
            }
        }
    }

    async fn handle(
        &self,
        session: Session,
        route: String,
        body: Bytes,
        notify: bool,
    ) -> Result<Bytes, Error> {
        let request = Request { parts: self.parts.clone(), route: route.into(), session, body, notify };
        self.handlers.run(request).await
    }

    /// A notify is waited for like a request, so that the next message of the session can't overtake it.
    async fn forward(
        &self,
        server: &ServerId,
        session: &Session,
        route: String,
        body: &[u8],
        notify: bool,
    ) -> Result<Bytes, CallError> {
        let snapshot = session.snapshot();
        let (uid, settings) = (snapshot.uid().cloned(), snapshot.json());
        let life = self.parts.0.me.incarnation.unwrap_or_default();
        let head = wire::ForwardHead { route, session: session.id(), life, uid, settings, notify };
        let rpc = &self.parts.0.rpc;
        Ok(rpc.peers.call(server, wire::FORWARD, wire::join(&head, body)?, rpc.deadline).await?)
    }

    /// A call from another server, or from this one to itself.
    async fn server_message(&self, from: ServerId, method: String, body: Bytes) -> Result<Bytes, Failure> {
        let result = match method.as_str() {
            wire::FORWARD => self.forwarded(from.clone(), body).await,
            wire::SESSION => self.session_command(&body),
            _ => self.remote(from.clone(), &method, body).await,
        };
        result.map_err(|error| {
            self.log(&error, &method, &from);
            Failure::new(500, error.to_string())
        })
    }

    async fn forwarded(&self, frontend: ServerId, body: Bytes) -> Result<Bytes, Error> {
        let (head, body) = wire::split::<wire::ForwardHead>(&body)?;
        let rpc = &self.parts.0.rpc;
        let snapshot = Snapshot::received(head.uid, head.settings);
        let owner = Owner::There { life: head.life, peers: Arc::clone(&rpc.peers), deadline: rpc.deadline };
        let session = Session::new(head.session, frontend, snapshot, owner);
        self.handle(session, head.route, body, head.notify).await
    }

    async fn remote(&self, from: ServerId, method: &str, body: Bytes) -> Result<Bytes, Error> {
        let Some(remote) = self.remotes.get(method) else {
            return Err(Refused::NoRemote { method: method.to_owned() }.into());
        };
        remote(RemoteCall { parts: self.parts.clone(), from }, body).await
    }

    fn session_command(&self, body: &[u8]) -> Result<Bytes, Error> {
        let command = codec::from_server(body)?;
        let table = self.table.as_ref().ok_or_else(|| Error::msg("a backend has no sessions"))?;
        let done = table.obey(command);
        Ok(codec::to_server(&CommandReply::new(done.as_ref().map(Arc::as_ref)))?)
    }

    /// A push of a server to users of this frontend. Users that are not here are reported back, so that the channel
    /// forgets them.
    fn push(&self, from: &ServerId, body: &Bytes) -> Result<(), Error> {
        let (head, body) = wire::split::<wire::PushHead<'_>>(body)?;
        let table = self.table.as_ref().ok_or_else(|| Error::msg("a backend has no clients to push to"))?;
        let absent = table.push(head.users, head.route, body)?;
        if !absent.is_empty() {
            let body = codec::to_server(&wire::Absent { channel: head.channel, users: absent })?;
            self.parts.0.rpc.peers.send(from, wire::ABSENT, body)?;
        }
        Ok(())
    }

    fn absent(&self, frontend: &ServerId, body: &[u8]) -> Result<(), Error> {
        let wire::Absent { channel, users } = codec::from_server(body)?;
        tracing::debug!(%frontend, channel, ?users, "users are not there any more");
        self.parts.0.channels.absent(channel, frontend, &users);
        Ok(())
    }

    async fn session_closed(&self, session: Session) {
        for hook in &self.closed {
            let closed = SessionClosed { parts: self.parts.clone(), session: session.clone() };
            if let Err(error) = hook(closed).await {
                self.log(&error, "on_session_closed", &session);
            }
        }
    }

    /// Errors are logged where they are turned into an answer, once. When every message fails, a few of them speak for all.
    fn log(&self, error: &Error, what: &str, who: &dyn std::fmt::Debug) {
        if is_told_elsewhere(error) {
            tracing::debug!(what, from = ?who, %error, "message refused");
        } else if let Some(left_out) = self.warnings.admit() {
            tracing::warn!(what, from = ?who, %error, left_out, "message failed");
        } else {
            tracing::debug!(what, from = ?who, %error, "message failed");
        }
    }
}

/// Whether this is an error that any client can cause at will, or one that the server that answered with it has logged.
fn is_told_elsewhere(error: &Error) -> bool {
    let of_sender = error.downcast_ref::<Refused>().is_some()
        || error.downcast_ref::<BodyError>().is_some()
        || is_unknown_route(error);
    let answered = matches!(
        error.downcast_ref::<CallError>(),
        Some(CallError::Link(RpcError { who: Who::Remote, kind: ErrorKind::Remote(_), .. }))
    );
    of_sender || answered
}
