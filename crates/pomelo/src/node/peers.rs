//! The other servers over their links, and this one without.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{BoxFuture, ErrorKind, Failure, Handled, Links, Payload, RpcError, Service as _, Who};
use tokio::time::{Instant, timeout};

use super::inbox::Inbox;
use crate::rpc::{Answer, Peers};

/// Stands for the number of a link where there is none.
const TO_ITSELF: u64 = 0;

/// [`Links`], and a short cut for messages of a server to itself.
pub(super) struct LinkedPeers {
    me: ServerId,
    links: Links,
    inbox: Arc<Inbox>,
    /// Calls of this server to itself that wait for their answer.
    to_itself: Arc<AtomicUsize>,
}

impl LinkedPeers {
    pub(super) fn new(me: ServerId, links: Links, inbox: Arc<Inbox>) -> Self {
        Self { me, links, inbox, to_itself: Arc::default() }
    }

    fn call_itself(&self, method: &str, body: Bytes, deadline: Duration) -> Answer {
        let me = self.me.clone();
        let answer = match self.inbox.call(&me, method, body, Some(Instant::now() + deadline)) {
            Handled::Done(answer) => {
                return Answer::Later(Box::pin(async { answer.map_err(|f| failed(me, f)) }));
            }
            Handled::Later(answer) => answer,
        };
        let waiting = Waiting::new(&self.to_itself);
        Answer::Later(Box::pin(async move {
            let _waiting = waiting;
            match timeout(deadline, answer).await {
                Ok(answer) => answer.map_err(|failure| failed(me, failure)),
                Err(_) => {
                    let waited_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    let kind = ErrorKind::Deadline { waited_ms };
                    Err(RpcError { server: me, who: Who::Remote, retry: false, kind })
                }
            }
        }))
    }
}

impl Peers for LinkedPeers {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
        match self.start(server, method, &body, deadline) {
            Answer::Later(answer) => answer,
            answer => Box::pin(answer),
        }
    }

    fn start(&self, server: &ServerId, method: &str, body: &dyn Payload, deadline: Duration) -> Answer {
        if *server == self.me {
            let mut bytes = Vec::with_capacity(body.len());
            body.put(&mut bytes);
            return self.call_itself(method, bytes.into(), deadline);
        }
        match self.links.start(server, method, body, deadline) {
            Ok(calling) => Answer::Over(calling),
            Err(error) => Answer::Refused(Some(error)),
        }
    }

    fn calls_waiting(&self, server: &ServerId) -> usize {
        if *server == self.me { self.to_itself.load(Relaxed) } else { self.links.calls_waiting(server) }
    }

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        if *server == self.me {
            self.inbox.one_way_here(server, method, body)
        } else {
            self.links.send(server, method, body)
        }
    }

    fn link(&self, server: &ServerId) -> Result<u64, RpcError> {
        if *server == self.me { Ok(TO_ITSELF) } else { self.links.link(server) }
    }

    fn present(&self, server: &ServerId) -> Option<u64> {
        if *server == self.me { Some(TO_ITSELF) } else { self.links.present(server) }
    }

    fn send_over(&self, server: &ServerId, link: u64, method: &str, body: Bytes) -> Result<(), RpcError> {
        if *server == self.me {
            self.inbox.one_way_here(server, method, body)
        } else {
            self.links.send_over(server, link, method, body)
        }
    }
}

/// Counted while it is there.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn failed(me: ServerId, failure: Failure) -> RpcError {
    RpcError::failure(&me, failure)
}
