//! Messages of clients that another server handles: how they leave a frontend, and what becomes of them where they arrive.

use std::sync::Arc;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{ErrorKind, Failure, RpcError};
use tokio::time::Instant;

use super::{Node, leaving};
use crate::{
    CallError, Error, Request, Result, Session, UserId,
    answer::Answered,
    connector::Body,
    session::Owner,
    wire::{self, Forward, Forwarded},
};

/// How many servers of a type are asked in turn to handle a message, when those before are leaving the cluster.
const FORWARD_TRIES_MAX: usize = 3;

impl Node {
    /// Asks a server of the type, and another one if that one is leaving the cluster and this server has not heard of it.
    pub(super) async fn forward(&self, server_type: &str, request: &Request) -> Result<Bytes> {
        let router = &self.parts.0.rpc.router;
        let mut leaving = Vec::new();
        loop {
            let server = router.pick_without(server_type, &request.session, &leaving)?;
            match self.forward_to(&server, request, request.body()?).await {
                Err(error) if is_leaving(&error) && leaving.len() + 1 < FORWARD_TRIES_MAX => {
                    tracing::debug!(%server, "is leaving, another one is asked");
                    leaving.push(server);
                }
                Err(error) => return Err(answered(error)),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// A notify is waited for like a request, so that the next message of the session can't overtake it.
    async fn forward_to(
        &self,
        server: &ServerId,
        request: &Request,
        body: &Bytes,
    ) -> Result<Bytes, RpcError> {
        let answer = {
            let Request { route, session, notify, .. } = request;
            let snapshot = session.snapshot();
            let message = Forward {
                route,
                session: session.id(),
                life: self.parts.0.me.incarnation.unwrap_or_default(),
                uid: snapshot.uid().map(UserId::as_str),
                settings: &snapshot.json(),
                notify: *notify,
                body: &body[..],
            };
            let rpc = &self.parts.0.rpc;
            rpc.peers.start(server, wire::FORWARD, &message, rpc.deadline)
        };
        answer.await
    }

    /// A message that a frontend forwarded. What a client is told of an error is decided here, where the error is known.
    pub(super) async fn forwarded(
        &self,
        frontend: ServerId,
        body: Bytes,
        until: Option<Instant>,
    ) -> Result<Bytes, Failure> {
        let Some(_working) = self.progress.begin() else { return Err(leaving()) };
        let request = self.unpack(&frontend, &body, until);
        let request = request.map_err(|error| self.failed(&error, wire::FORWARD, &frontend))?;
        match self.handlers.run(request.clone()).await {
            Ok(body) => Ok(body),
            Err(error) => {
                self.log(&error, request.route(), request.session());
                Answered::over_a_link(self.answers.tell(&error, &request))
            }
        }
    }

    fn unpack(&self, frontend: &ServerId, body: &Bytes, until: Option<Instant>) -> Result<Request> {
        let message = Forwarded::read(body)?;
        let rpc = &self.parts.0.rpc;
        let snapshot = self.snapshots.of(frontend, &message);
        let owner =
            Owner::There { life: message.life, peers: Arc::clone(&rpc.peers), deadline: rpc.deadline };
        let session = Session::sharing(message.session, frontend.clone(), snapshot, owner);
        let (parts, route) = (self.parts.clone(), message.route.into());
        let (body, notify) = (Body::Json(message.body), message.notify);
        Ok(Request { parts, route, session, body, notify, until })
    }
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
