//! The messages of one client: handled one at a time, in the order they came; those to concurrent routes beside them, as
//! soon as they come.
//!
//! The futures of the messages being handled are polled by the connection's own task, so a message costs no task of its
//! own and responses leave in the order of the requests. How many may wait, and how many may run beside the others, is
//! limited; the connection reads no more when there is [no room](Inbox::has_room).

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use pomelo_protocol::{
    message::{Message, RouteRef},
    protobuf::Schema,
};
use tokio::time::timeout;

use super::{
    FINISH_TIMEOUT, Shared,
    client::{Client, Inbound},
    frame::Frame,
    wording::{self, Written},
};

/// What a request is answered when its handler has no answer.
const FAILED: &[u8] = b"{\"code\":500}";

/// An idle connection keeps room for this many messages, as many as there are of most clients at a time.
const IDLE_SLOTS_MAX: usize = 1;

pub(super) struct Inbox {
    client: Arc<Client>,
    shared: Arc<Shared>,
    waiting: VecDeque<Inbound>,
    waiting_bytes: usize,
    current: Option<Current>,
    /// Messages to concurrent routes; most clients never have one.
    beside: Option<Box<Beside>>,
}

/// Messages that wait for no other, unless there are too many of them.
#[derive(Default)]
struct Beside {
    running: Vec<Current>,
    waiting: VecDeque<Inbound>,
}

/// A message being handled.
struct Current {
    /// Of a request.
    id: Option<u32>,
    /// How it is answered, if not in JSON.
    answer: Option<Schema>,
    future: BoxFuture<'static, Option<Bytes>>,
}

impl Inbox {
    pub(super) fn new(client: Arc<Client>, shared: Arc<Shared>) -> Self {
        Self { client, shared, waiting: VecDeque::new(), waiting_bytes: 0, current: None, beside: None }
    }

    /// Whether another message may come.
    pub(super) fn has_room(&self) -> bool {
        let hybrid = &self.shared.hybrid;
        let waiting = self.waiting.len() + self.beside.as_ref().map_or(0, |beside| beside.waiting.len());
        waiting < hybrid.pending_messages_max && self.waiting_bytes < hybrid.buffer_bytes_max
    }

    /// Puts a request or notify behind those that wait.
    pub(super) fn push(&mut self, message: Message) {
        let (id, route, body) = match message {
            Message::Request { id, route, body } => (Some(id), route, body),
            Message::Notify { route, body } => (None, route, body),
            // Faults of the client, seen before they come here.
            Message::Response { .. } | Message::Push { .. } => return,
        };
        let route: Arc<str> = match route {
            RouteRef::Name(name) => name.into(),
            RouteRef::Code(code) => {
                let known = self.shared.hybrid.dictionary.then(|| self.shared.dictionary.shared_route(code));
                known.flatten().unwrap_or_else(|| format!("#{code}").into())
            }
        };
        let concurrent = self.shared.service.is_concurrent(&route);
        // What waits for a handler may wait long: a body must not keep all that was read along with it.
        let waits = if concurrent { self.beside.is_some() } else { self.current.is_some() };
        let body = if waits { Bytes::copy_from_slice(&body) } else { body };
        self.waiting_bytes += body.len();
        let body = self.shared.wording.heard(&route, body, self.shared.hybrid.message_bytes_max);
        let message = Inbound { id, route, body };
        if concurrent {
            self.beside.get_or_insert_default().waiting.push_back(message);
        } else {
            if self.waiting.is_empty() {
                self.waiting.reserve_exact(IDLE_SLOTS_MAX);
            }
            self.waiting.push_back(message);
        }
    }

    /// Handles messages as far as it goes without waiting. Responses are queued, not written. Ready when no message is
    /// left.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.client.out.is_ended() {
            return Poll::Ready(());
        }
        let beside = self.poll_beside(cx, true);
        ready!(self.poll_serial(cx, true));
        beside
    }

    /// After the connection has ended: lets the messages being handled finish and, if `all`, those that wait. They have
    /// [`FINISH_TIMEOUT`] together; what is not done then is dropped.
    pub(super) async fn finish(mut self, all: bool) {
        let done = timeout(
            FINISH_TIMEOUT,
            poll_fn(|cx| {
                let beside = self.poll_beside(cx, all);
                ready!(self.poll_serial(cx, all));
                beside
            }),
        );
        if done.await.is_err() {
            tracing::warn!(
                client = self.client.id(),
                "message of a client that is gone took too long, dropped"
            );
        }
    }

    /// Goes on with the message being handled and, if `more`, with those that wait for it.
    fn poll_serial(&mut self, cx: &mut Context<'_>, more: bool) -> Poll<()> {
        loop {
            if let Some(current) = &mut self.current {
                let body = ready!(current.poll(cx));
                let (id, answer) = (current.id, current.answer.take());
                self.current = None;
                self.respond(id, answer, body);
            }
            let Some(message) = self.waiting.pop_front().filter(|_| more) else { return Poll::Ready(()) };
            if self.waiting.is_empty() && self.waiting.capacity() > IDLE_SLOTS_MAX {
                self.waiting = VecDeque::new();
            }
            self.current = Some(self.begin(message));
        }
    }

    /// The same for those that are handled beside.
    fn poll_beside(&mut self, cx: &mut Context<'_>, more: bool) -> Poll<()> {
        let Some(mut beside) = self.beside.take() else { return Poll::Ready(()) };
        let max = self.shared.hybrid.concurrent_messages_max;
        let mut at = 0;
        loop {
            if let Some(running) = beside.running.get_mut(at) {
                match running.poll(cx) {
                    Poll::Pending => at += 1,
                    Poll::Ready(body) => {
                        let Current { id, answer, .. } = beside.running.swap_remove(at);
                        self.respond(id, answer, body);
                    }
                }
            } else if more
                && beside.running.len() < max
                && let Some(message) = beside.waiting.pop_front()
            {
                beside.running.push(self.begin(message));
            } else {
                break;
            }
        }
        if beside.running.is_empty() {
            return Poll::Ready(());
        }
        self.beside = Some(beside);
        Poll::Pending
    }

    /// Begins with a message that waited.
    fn begin(&mut self, message: Inbound) -> Current {
        self.waiting_bytes -= message.body.received_bytes();
        let id = message.id;
        let answer = id.and_then(|_| self.shared.wording.answers(&message.route));
        let begin = || self.shared.service.message(&self.client, message);
        let future =
            catch_unwind(AssertUnwindSafe(begin)).unwrap_or_else(|_| Box::pin(std::future::ready(None)));
        Current { id, answer, future }
    }

    /// Answers, if it was a request.
    fn respond(&self, id: Option<u32>, answer: Option<Schema>, body: Option<Bytes>) {
        let Some(id) = id else { return };
        let answer = answer.as_ref();
        let frame = body.and_then(|body| self.response(id, answer, body));
        let frame = frame.or_else(|| self.response(id, answer, Bytes::from_static(FAILED)));
        if let Some(frame) = frame {
            // Refused only when the client is gone.
            let _ = self.client.out.push_unflushed(frame.into_bytes(self.client.transport()));
        }
    }

    /// None for a body that can't be sent, which the log says.
    fn response(&self, id: u32, answer: Option<&Schema>, body: Bytes) -> Option<Frame> {
        let written = match answer {
            None => Written { body, error: false },
            Some(schema) => match wording::answer(schema, &body) {
                Ok(written) => written,
                Err(error) => {
                    if let Some(left_out) = self.shared.misfits.admit() {
                        let client = self.client.id();
                        tracing::warn!(client, id, %error, left_out, "response does not fit its definition");
                    }
                    wording::failure(schema, FAILED)
                }
            },
        };
        Frame::response(id, written.body, written.error)
            .inspect_err(
                |error| tracing::warn!(client = self.client.id(), id, %error, "response cannot be sent"),
            )
            .ok()
    }
}

impl Current {
    /// The body of the response, once it is there.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // A panic of a handler is the end of its message and of nothing else; the panic hook has told about it.
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        polled.unwrap_or(Poll::Ready(None))
    }
}
