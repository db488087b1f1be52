//! What a link's task does with the frames it reads: answers go to their callers at once; calls and one-way messages start
//! in the order they came in. Not here: reading.
//!
//! A call begins right here and most are finished at once: only what has to wait gets a task of its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::time::Instant;

use crate::frame::{FOR_EVER, Frame, Text};
use crate::link::Link;
use crate::tasks::Tasks;
use crate::{BoxFuture, Failure, Handled, RpcError, Service};

/// The messages of one peer.
pub(crate) struct Incoming {
    link: Arc<Link>,
    service: Arc<dyn Service>,
    /// Where calls run that have to wait.
    tasks: Tasks,
    /// The one-way message that could not be finished at once.
    handling: Option<BoxFuture<'static, ()>>,
    /// What came behind it; empty unless there is one.
    waiting: VecDeque<Message>,
}

enum Message {
    Call { until: Option<Instant>, tag: u64, method: Text, body: Bytes },
    OneWay { method: Text, body: Bytes },
}

impl Incoming {
    pub(crate) fn new(link: Arc<Link>, service: Arc<dyn Service>, tasks: Tasks) -> Self {
        Self { link, service, tasks, handling: None, waiting: VecDeque::new() }
    }

    /// Takes a frame that came `now`. `Err` names one that has no place here.
    pub(crate) fn take(&mut self, frame: Frame<Text>, now: Instant) -> Result<(), &'static str> {
        let message = match frame {
            Frame::Ping => return Ok(()),
            Frame::Reply { tag, body } => {
                self.link.answered(tag, Ok(body));
                return Ok(());
            }
            Frame::Fail { tag, busy, failure } => {
                let peer = &self.link.peer;
                let error = if busy { RpcError::remote_busy(peer) } else { RpcError::failure(peer, failure) };
                self.link.answered(tag, Err(error));
                return Ok(());
            }
            Frame::Hello { .. } => return Err("a second hello"),
            Frame::Welcome { .. } => return Err("a second welcome"),
            Frame::Refuse { .. } => return Err("a refusal after the welcome"),
            Frame::Call { wait_ms, tag, method, body } => {
                let until = (wait_ms != FOR_EVER).then(|| now + Duration::from_millis(wait_ms.into()));
                Message::Call { until, tag, method, body }
            }
            Frame::OneWay { method, body } => Message::OneWay { method, body },
        };
        if self.handling.is_some() {
            self.waiting.push_back(message);
        } else {
            self.start(message, now);
        }
        Ok(())
    }

    /// Whether another frame may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.link.limits.incoming_waiting_max
    }

    /// Whether [`Incoming::poll_progress`] has something to do.
    pub(crate) fn is_handling(&self) -> bool {
        self.handling.is_some()
    }

    /// Goes on with the one-way message in hand and starts what waited behind it. Ready when nothing is left.
    pub(crate) fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(handling) = &mut self.handling {
            let finished = catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx)));
            ready!(finished.unwrap_or_else(|_| {
                tell_panic(&self.link.peer);
                Poll::Ready(())
            }));
            self.handling = None;
            let now = Instant::now();
            while self.handling.is_none()
                && let Some(message) = self.waiting.pop_front()
            {
                self.start(message, now);
            }
        }
        Poll::Ready(())
    }

    fn start(&mut self, message: Message, now: Instant) {
        match message {
            Message::Call { until: Some(until), tag, .. } if until <= now => {
                let failure = Failure::new(Failure::TOO_LATE, "the caller did not wait any more");
                self.link.answer(tag, Err(failure));
            }
            Message::Call { until, tag, method, body } => self.start_call(until, tag, &method, body),
            Message::OneWay { method, body } => self.start_one_way(&method, body),
        }
    }

    fn start_call(&self, until: Option<Instant>, tag: u64, method: &Text, body: Bytes) {
        let Ok(running) = self.link.running.try_acquire() else {
            self.link.answer_busy(tag);
            return;
        };
        let begin = || match self.service.call(&self.link.peer, method.as_ref(), body, until) {
            Handled::Done(result) => Handled::Done(result),
            Handled::Later(mut call) => match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => Handled::Done(result),
                Poll::Pending => Handled::Later(call),
            },
        };
        match catch_unwind(AssertUnwindSafe(begin)) {
            Ok(Handled::Done(result)) => self.link.answer(tag, result),
            Ok(Handled::Later(call)) => {
                running.forget();
                let mut answer = Answer { link: self.link.clone(), tag, sent: false };
                // Polled again at once, with a waker.
                self.tasks.spawn(async move { answer.send(call.await) });
            }
            Err(_) => self.link.answer(tag, Err(unfinished("panicked"))),
        }
    }

    fn start_one_way(&mut self, method: &Text, body: Bytes) {
        let begin = || match self.service.one_way(&self.link.peer, method.as_ref(), body) {
            Handled::Done(()) => None,
            Handled::Later(mut handling) => {
                // Most are finished at once, and then an answer behind them is delivered after them. Whatever is not is
                // polled again, with a waker, before the link's task rests.
                let polled = handling.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                polled.is_pending().then_some(handling)
            }
        };
        self.handling = catch_unwind(AssertUnwindSafe(begin)).unwrap_or_else(|_| {
            tell_panic(&self.link.peer);
            None
        });
    }
}

fn tell_panic(peer: &ServerId) {
    tracing::error!(%peer, "handling of a one-way message panicked");
}

/// Owes the caller an answer, and gives one whatever becomes of the call.
struct Answer {
    link: Arc<Link>,
    tag: u64,
    sent: bool,
}

impl Answer {
    fn send(&mut self, result: Result<Bytes, Failure>) {
        self.sent = true;
        self.link.answer(self.tag, result);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.sent {
            self.send(Err(unfinished(if std::thread::panicking() { "panicked" } else { "was stopped" })));
        }
        self.link.running.add_permits(1);
    }
}

fn unfinished(what: &str) -> Failure {
    Failure::new(500, format!("the handling of the call {what}"))
}
