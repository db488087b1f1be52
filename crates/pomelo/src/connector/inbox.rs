//! The messages of one client: handled one at a time, in the order they came.
//!
//! The future of the message being handled is polled by the connection's own task, so a message costs no task of its
//! own and responses leave in the order of the requests. How many may wait is limited; the connection reads no more when
//! there is [no room](Inbox::has_room).

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pomelo_protocol::message::{Message, RouteRef};
use tokio::time::timeout;

use super::{
    FINISH_TIMEOUT, Shared,
    client::{Client, Inbound},
    frame::Frame,
};

/// What a request is answered when its handler has no answer.
const FAILED: &[u8] = b"{\"code\":500}";

pub(super) struct Inbox {
    client: Arc<Client>,
    shared: Arc<Shared>,
    waiting: VecDeque<Inbound>,
    waiting_bytes: usize,
    current: Option<Current>,
}

/// The message being handled.
struct Current {
    /// Of a request.
    id: Option<u32>,
    future: BoxFuture<'static, Option<Bytes>>,
}

impl Inbox {
    pub(super) fn new(client: Arc<Client>, shared: Arc<Shared>) -> Self {
        Self { client, shared, waiting: VecDeque::new(), waiting_bytes: 0, current: None }
    }

    /// Whether another message may come.
    pub(super) fn has_room(&self) -> bool {
        let hybrid = &self.shared.hybrid;
        self.waiting.len() < hybrid.pending_messages_max && self.waiting_bytes < hybrid.buffer_bytes_max
    }

    /// Puts a request or notify behind those that wait.
    pub(super) fn push(&mut self, message: Message) {
        let (id, route, body) = match message {
            Message::Request { id, route, body } => (Some(id), route, body),
            Message::Notify { route, body } => (None, route, body),
            // Faults of the client, seen before they come here.
            Message::Response { .. } | Message::Push { .. } => return,
        };
        let route = match route {
            RouteRef::Name(name) => name,
            RouteRef::Code(code) => match self.shared.dictionary.route(code) {
                Some(route) if self.shared.hybrid.dictionary => route.to_owned(),
                _ => format!("#{code}"),
            },
        };
        // What waits for a handler may wait long: a body must not keep all that was read along with it.
        let body = if self.current.is_some() { Bytes::copy_from_slice(&body) } else { body };
        self.waiting_bytes += body.len();
        self.waiting.push_back(Inbound { id, route, body });
    }

    /// Handles messages as far as it goes without waiting. Responses are queued, not written. Ready when no message is
    /// left.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.client.out.is_ended() {
            ready!(self.poll_current(cx));
            if !self.start_next() {
                break;
            }
        }
        Poll::Ready(())
    }

    /// After the connection has ended: lets the message being handled finish and, if `all`, those that wait. They have
    /// [`FINISH_TIMEOUT`] together; what is not done then is dropped.
    pub(super) async fn finish(mut self, all: bool) {
        let done = timeout(FINISH_TIMEOUT, async {
            poll_fn(|cx| self.poll_current(cx)).await;
            while all && self.start_next() {
                poll_fn(|cx| self.poll_current(cx)).await;
            }
        });
        if done.await.is_err() {
            tracing::warn!(
                client = self.client.id(),
                "message of a client that is gone took too long, dropped"
            );
        }
    }

    /// Begins with the message that has waited longest. Says whether there was one.
    fn start_next(&mut self) -> bool {
        let Some(message) = self.waiting.pop_front() else { return false };
        self.waiting_bytes -= message.body.len();
        if self.waiting.is_empty() {
            // An idle connection keeps no buffer.
            self.waiting = VecDeque::new();
        }
        let id = message.id;
        let begin = || self.shared.service.message(&self.client, message);
        let future =
            catch_unwind(AssertUnwindSafe(begin)).unwrap_or_else(|_| Box::pin(std::future::ready(None)));
        self.current = Some(Current { id, future });
        true
    }

    /// Goes on with the message being handled, if there is one, and answers it when it is done.
    fn poll_current(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(current) = &mut self.current else { return Poll::Ready(()) };
        // A panic of a handler is the end of its message and of nothing else; the panic hook has told about it.
        let polled = catch_unwind(AssertUnwindSafe(|| current.future.as_mut().poll(cx)));
        let body = ready!(polled.unwrap_or(Poll::Ready(None)));
        let id = current.id;
        self.current = None;
        if let Some(id) = id {
            self.respond(id, body);
        }
        Poll::Ready(())
    }

    fn respond(&self, id: u32, body: Option<Bytes>) {
        let failed = || Bytes::from_static(FAILED);
        let frame = Frame::response(id, body.unwrap_or_else(failed)).or_else(|error| {
            tracing::warn!(client = self.client.id(), id, %error, "response cannot be sent");
            Frame::response(id, failed())
        });
        if let Ok(frame) = frame {
            // Refused only when the client is gone.
            let _ = self.client.out.push_unflushed(frame.bytes(self.client.transport()));
        }
    }
}
