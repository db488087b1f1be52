//! One running server: what it does with messages of clients and of other servers.
//!
//! [`Node`] holds the registered functions and what they work on; [`inbox`] is where messages come in, [`start`] brings a
//! server up and down, [`orders`] answers masters. Not here: sockets (`connector`, `pomelo-rpc`).

mod crons;
mod departures;
mod drill;
mod events;
mod failures;
mod follow;
mod forward;
mod functions;
mod hooks;
mod inbox;
mod orders;
mod peers;
mod ports;
mod progress;
mod push;
mod snapshots;
mod start;
mod status;
mod stopping;

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, Failure};
use rustc_hash::FxHashSet;
use tokio::time::Instant;

use self::{failures::Failures, progress::Progress, snapshots::Snapshots};
pub(crate) use self::{
    failures::OfClient,
    start::{Ending, NodeRunning, Setup, start},
};
use crate::{
    Error, RemoteCall, Request, Result, RouteError, Session,
    answer::Answers,
    codec,
    connector::Body,
    extract::Parts,
    filter::Chain,
    lifecycle::Hooks,
    session::{CommandReply, SessionTable, Verdict},
    users, wire,
};

pub use self::ports::{Holder, PortError};

/// A running server, without its sockets.
pub(crate) struct Node {
    parts: Parts,
    /// The application's filters around all messages of this frontend's clients, if there are any.
    front: Option<Arc<Chain<Request>>>,
    handlers: Arc<Chain<Request>>,
    remotes: Arc<Chain<RemoteCall>>,
    answers: Answers,
    /// Routes of all server types whose messages wait for no other of their session.
    concurrent: FxHashSet<&'static str>,
    hooks: Hooks,
    /// What other servers have asked.
    progress: Progress,
    /// Only a frontend has one.
    table: Option<Arc<SessionTable>>,
    /// The server types of the application.
    types: BTreeSet<String>,
    /// Of sessions whose messages were forwarded to this server.
    snapshots: Snapshots,
    failures: Failures,
}

impl Node {
    /// A message of a client of this frontend. What the client is answered, if it waits for an answer.
    async fn client_message(
        self: Arc<Self>,
        session: Session,
        route: Arc<str>,
        body: Body,
        notify: bool,
    ) -> Bytes {
        let request = Request { parts: self.parts.clone(), route, session, body, notify, until: None };
        let result = match &self.front {
            Some(front) => front.run(&request).await,
            None => self.dispatch(&request).await,
        };
        result.unwrap_or_else(|error| {
            self.failures.of_message(&error, request.route(), request.session());
            self.answers.tell(&error, &request)
        })
    }

    /// What the application's filters stand around.
    fn front_end(node: Weak<Self>) -> impl Fn(&Request) -> BoxFuture<'static, Result<Bytes>> {
        move |request| {
            let (node, request) = (node.upgrade(), request.clone());
            Box::pin(async move {
                match node {
                    Some(node) => node.dispatch(&request).await,
                    None => Err(Error::msg("server has ended")),
                }
            })
        }
    }

    /// Has a message of a client handled: here, or by a server of the type that the route names.
    async fn dispatch(&self, request: &Request) -> Result<Bytes> {
        // What is behind the type is looked at where the handlers are.
        match request.route.split_once('.') {
            None => Err(RouteError::NotARoute { route: request.route.to_string() }.into()),
            Some((own, _)) if own == self.parts.0.me.server_type.as_str() => self.handlers.run(request).await,
            Some((other, _)) if !self.types.contains(other) => {
                Err(RouteError::NoType { server_type: other.to_owned() }.into())
            }
            Some((other, _)) => self.forward(other, request).await,
        }
    }

    /// A call from another server, or from this one to itself.
    async fn server_message(
        &self,
        from: ServerId,
        method: String,
        body: Bytes,
        until: Option<Instant>,
    ) -> Result<Bytes, Failure> {
        if method == wire::SESSION {
            // Not waited for: it is about a client, and those are gone when the server is asked for nothing else.
            let done = self.session_command(&body).await;
            return done.map_err(|error| self.failed(&error, &method, &from));
        }
        if let Some(done) = self.about_users(&method, &body) {
            return done.map_err(|error| self.failed(&error, &method, &from));
        }
        if method == wire::FORWARD {
            return self.forwarded(from, body, until).await;
        }
        let Some(_working) = self.progress.begin() else { return Err(leaving()) };
        let name = Arc::from(method.as_str());
        let call = RemoteCall { parts: self.parts.clone(), from: from.clone(), method: name, body, until };
        self.remotes.run(&call).await.map_err(|error| self.failed(&error, &method, &from))
    }

    /// What a server is told whose message failed.
    fn failed(&self, error: &Error, method: &str, from: &ServerId) -> Failure {
        self.failures.of_message(error, method, from);
        Failure::new(error.code(), error.to_string())
    }

    async fn session_command(&self, body: &[u8]) -> Result<Bytes> {
        let command = codec::from_server(body)?;
        let done = self.table()?.obey(command).await;
        Ok(codec::to_server(&CommandReply::new(done.as_ref().map(Arc::as_ref)))?)
    }

    /// What another server asks of the users that are connected here, if the method is about that.
    fn about_users(&self, method: &str, body: &[u8]) -> Option<Result<Bytes>> {
        let life = self.parts.0.me.incarnation.unwrap_or_default();
        let answer = |table: &SessionTable| match method {
            users::FIND => Ok(codec::to_server(&users::known(table, life, &codec::from_server(body)?))?),
            users::KICK => {
                let users::Kick { uid, reason } = codec::from_server(body)?;
                Ok(codec::to_server(&table.kick(&uid, &reason))?)
            }
            // Without the rule, nothing here is in the way of a server that has it.
            users::CLAIM => {
                let claim = codec::from_server(body)?;
                let granted = Verdict::Granted { former_us: None };
                Ok(codec::to_server(&table.single().map_or(granted, |single| single.judge(&claim)))?)
            }
            _ => {
                let holds: Vec<_> = codec::from_server(body)?;
                let kept = table.single().map(|single| single.heard(table, &holds)).unwrap_or_default();
                Ok(codec::to_server(&kept)?)
            }
        };
        if !matches!(method, users::FIND | users::KICK | users::CLAIM | users::HOLD) {
            return None;
        }
        Some(match self.table() {
            Ok(table) => answer(table),
            Err(error) => Err(error),
        })
    }

    fn table(&self) -> Result<&SessionTable> {
        self.table.as_deref().ok_or_else(|| Error::msg("a backend has no sessions"))
    }
}

fn leaving() -> Failure {
    Failure::new(Failure::LEAVING, "server is leaving the cluster")
}
