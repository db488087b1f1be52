//! One running server: what it does with messages of clients and of other servers.
//!
//! [`Node`] holds the registered functions and what they work on; [`inbox`] is where messages come in, [`start`] brings a
//! server up and down, [`orders`] answers masters. Not here: sockets (`connector`, `pomelo-rpc`).

mod drill;
mod follow;
mod functions;
mod inbox;
mod orders;
mod peers;
mod ports;
mod push;
mod start;
mod status;

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Weak},
};

use bytes::Bytes;
use pomelo_protocol::{ServerId, route};
use pomelo_rpc::{BoxFuture, ErrorKind, Failure, RpcError, Who};

pub(crate) use self::start::{Ending, NodeRunning, Setup, start};
use crate::{
    CallError, Error, RemoteCall, Request, Result, RouteError, Session, SessionClosed,
    answer::{Answered, Answers},
    codec,
    extract::Parts,
    filter::Chain,
    filters::Refused,
    handler::{BodyError, HookFn},
    session::{CommandReply, Owner, SessionTable, Snapshot},
    throttle::Throttle,
    wire,
};

pub use self::ports::{Holder, PortError};

/// How many servers of a type are asked in turn to handle a message, when those before are leaving the cluster.
const FORWARD_TRIES_MAX: usize = 3;

/// A running server, without its sockets.
pub(crate) struct Node {
    parts: Parts,
    /// The application's filters around all messages of this frontend's clients, if there are any.
    front: Option<Arc<Chain<Request>>>,
    handlers: Arc<Chain<Request>>,
    remotes: Arc<Chain<RemoteCall>>,
    answers: Answers,
    /// Routes of all server types whose messages wait for no other of their session.
    concurrent: HashSet<&'static str>,
    closed: Vec<HookFn<SessionClosed>>,
    /// Only a frontend has one.
    table: Option<Arc<SessionTable>>,
    /// The server types of the application.
    types: BTreeSet<String>,
    warnings: Throttle,
}

impl Node {
    /// A message of a client of this frontend. What the client is answered, if it waits for an answer.
    async fn client_message(
        self: Arc<Self>,
        session: Session,
        route: Arc<str>,
        body: Bytes,
        notify: bool,
    ) -> Bytes {
        let request = Request { parts: self.parts.clone(), route, session, body, notify };
        let result = match &self.front {
            Some(front) => front.run(request.clone()).await,
            None => self.dispatch(request.clone()).await,
        };
        result.unwrap_or_else(|error| {
            self.log(&error, request.route(), request.session());
            self.answers.tell(&error, &request)
        })
    }

    /// What the application's filters stand around.
    fn front_end(node: Weak<Self>) -> impl Fn(Request) -> BoxFuture<'static, Result<Bytes>> {
        move |request| {
            let node = node.upgrade();
            Box::pin(async move {
                match node {
                    Some(node) => node.dispatch(request).await,
                    None => Err(Error::msg("server has ended")),
                }
            })
        }
    }

    /// Has a message of a client handled: here, or by a server of the type that the route names.
    async fn dispatch(&self, request: Request) -> Result<Bytes> {
        match route::server_type(&request.route) {
            None => Err(RouteError::NotARoute { route: request.route.to_string() }.into()),
            Some(own) if own == self.parts.0.me.server_type.as_str() => self.handlers.run(request).await,
            Some(other) if !self.types.contains(other) => {
                Err(RouteError::NoType { server_type: other.to_owned() }.into())
            }
            Some(other) => self.forward(other, &request).await,
        }
    }

    /// Asks a server of the type, and another one if that one is leaving the cluster and this server has not heard of it.
    async fn forward(&self, server_type: &str, request: &Request) -> Result<Bytes> {
        let router = &self.parts.0.rpc.router;
        let mut leaving = Vec::new();
        loop {
            let server = router.pick_without(server_type, &request.session, &leaving)?;
            match self.forward_to(&server, request).await {
                Err(CallError::Link(error)) if is_leaving(&error) && leaving.len() + 1 < FORWARD_TRIES_MAX => {
                    tracing::debug!(%server, "is leaving, another one is asked");
                    leaving.push(server);
                }
                Err(CallError::Link(error)) => return Err(answered(error)),
                result => return Ok(result?),
            }
        }
    }

    /// A notify is waited for like a request, so that the next message of the session can't overtake it.
    async fn forward_to(&self, server: &ServerId, request: &Request) -> Result<Bytes, CallError> {
        let Request { route, session, body, notify, .. } = request;
        let snapshot = session.snapshot();
        let (uid, settings) = (snapshot.uid().cloned(), snapshot.json());
        let life = self.parts.0.me.incarnation.unwrap_or_default();
        let head =
            wire::ForwardHead { route, session: session.id(), life, uid, settings, notify: *notify };
        let rpc = &self.parts.0.rpc;
        Ok(rpc.peers.call(server, wire::FORWARD, wire::join(&head, body)?, rpc.deadline).await?)
    }

    /// A call from another server, or from this one to itself.
    async fn server_message(&self, from: ServerId, method: String, body: Bytes) -> Result<Bytes, Failure> {
        let result = match method.as_str() {
            wire::FORWARD => return self.forwarded(from, body).await,
            wire::SESSION => self.session_command(&body),
            _ => {
                let method = Arc::from(method.as_str());
                let call = RemoteCall { parts: self.parts.clone(), from: from.clone(), method, body };
                self.remotes.run(call).await
            }
        };
        result.map_err(|error| {
            self.log(&error, &method, &from);
            Failure::new(error.code(), error.to_string())
        })
    }

    /// A message that a frontend forwarded. What a client is told of an error is decided here, where the error is known.
    async fn forwarded(&self, frontend: ServerId, body: Bytes) -> Result<Bytes, Failure> {
        let request = self.unpack(&frontend, &body).map_err(|error| {
            self.log(&error, wire::FORWARD, &frontend);
            Failure::new(error.code(), error.to_string())
        })?;
        match self.handlers.run(request.clone()).await {
            Ok(body) => Ok(body),
            Err(error) => {
                self.log(&error, request.route(), request.session());
                Answered::over_a_link(self.answers.tell(&error, &request))
            }
        }
    }

    fn unpack(&self, frontend: &ServerId, body: &Bytes) -> Result<Request> {
        let (head, body) = wire::split::<wire::ForwardHead<'_>>(body)?;
        let rpc = &self.parts.0.rpc;
        let snapshot = Snapshot::received(head.uid, head.settings);
        let owner = Owner::There { life: head.life, peers: Arc::clone(&rpc.peers), deadline: rpc.deadline };
        let session = Session::new(head.session, frontend.clone(), snapshot, owner);
        Ok(Request { parts: self.parts.clone(), route: head.route.into(), session, body, notify: head.notify })
    }

    fn session_command(&self, body: &[u8]) -> Result<Bytes> {
        let command = codec::from_server(body)?;
        let table = self.table.as_ref().ok_or_else(|| Error::msg("a backend has no sessions"))?;
        let done = table.obey(command);
        Ok(codec::to_server(&CommandReply::new(done.as_ref().map(Arc::as_ref)))?)
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
    let of_sender = error.downcast_ref::<RouteError>().is_some()
        || error.downcast_ref::<BodyError>().is_some()
        || matches!(error.downcast_ref(), Some(Refused::TooMany { .. }));
    let answered = error.downcast_ref::<Answered>().is_some()
        || matches!(
            error.downcast_ref::<CallError>(),
            Some(CallError::Link(RpcError { who: Who::Remote, kind: ErrorKind::Remote(_), .. }))
        );
    of_sender || answered
}

fn is_leaving(error: &RpcError) -> bool {
    matches!(&error.kind, ErrorKind::Remote(failure) if failure.code == Failure::LEAVING)
}

/// The error of a forwarded message: what the other server says the client is to be told, if it says that.
fn answered(error: RpcError) -> Error {
    match error.kind {
        ErrorKind::Remote(failure) if failure.code == wire::ANSWERED => Answered::error(failure.message),
        _ => CallError::Link(error).into(),
    }
}
