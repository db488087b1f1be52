//! Messages of clients that another server handles: how they leave a frontend, and what becomes of them where they arrive.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{ErrorKind, Failure, RpcError, Who};
use tokio::time::Instant;

use super::{Node, leaving};
use crate::{
    CallError, Error, Request, Result, Session, UserId,
    answer::Answered,
    connector::Body,
    session::Owner,
    wire::{self, Forward, Forwarded},
};

/// How many servers of a type are asked in turn to handle a message, when those before surely have not begun it.
const FORWARD_TRIES_MAX: usize = 10;

impl Node {
    /// Asks a server of the type, and each time another one if that one surely has not begun with the message: it can't be
    /// reached, is busy, or is leaving the cluster and this server has not heard of it. All of that within the time of one
    /// call.
    pub(super) async fn forward(&self, server_type: &str, request: &Request) -> Result<Bytes> {
        let (rpc, body) = (&self.parts.0.rpc, request.body()?);
        let (until, mut left) = (Instant::now() + rpc.deadline, rpc.deadline);
        let pick = |asked: &[ServerId]| rpc.router.pick_without(server_type, &request.session, asked);
        let mut asked = Vec::new();
        let mut server = pick(&asked)?;
        loop {
            let error = match self.forward_to(&server, request, body, left).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            asked.push(server);
            left = until.saturating_duration_since(Instant::now());
            let again = error.retry && error.who != Who::Local && asked.len() < FORWARD_TRIES_MAX;
            match pick(&asked) {
                Ok(next) if again && !left.is_zero() => {
                    tracing::debug!(%error, %next, "another server is asked");
                    server = next;
                }
                Ok(_) | Err(_) => return Err(answered(error)),
            }
        }
    }

    /// A notify is waited for like a request, so that the next message of the session can't overtake it.
    async fn forward_to(
        &self,
        server: &ServerId,
        request: &Request,
        body: &Bytes,
        left: Duration,
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
            self.parts.0.rpc.peers.start(server, wire::FORWARD, &message, left)
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
        match self.handlers.run(&request).await {
            Ok(body) => Ok(body),
            Err(error) => {
                self.failures.of_message(&error, request.route(), request.session());
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

/// The error of a forwarded message: what the other server says the client is to be told, if it says that.
fn answered(error: RpcError) -> Error {
    match error.kind {
        ErrorKind::Remote(failure) if failure.code == wire::ANSWERED => Answered::error(failure.message),
        _ => CallError::Link(error).into(),
    }
}
