//! What a link's task does with the frames it reads, one after the other and without ever waiting: what waits for an answer
//! must not be held up by what others ask for. Not here: reading.
//!
//! A call begins right here and most are finished at once: only what has to wait gets a task of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::frame::{FOR_EVER, Frame, Text};
use crate::link::Link;
use crate::tasks::Tasks;
use crate::{Failure, Handled, RpcError, Service};

/// The messages of one peer.
pub(crate) struct Incoming {
    link: Arc<Link>,
    service: Arc<dyn Service>,
    /// Where calls run that have to wait.
    tasks: Tasks,
}

impl Incoming {
    pub(crate) fn new(link: Arc<Link>, service: Arc<dyn Service>, tasks: Tasks) -> Self {
        Self { link, service, tasks }
    }

    /// Takes a frame that came `now`. `Err` names one that has no place here.
    pub(crate) fn take(&self, frame: Frame<Text>, now: Instant) -> Result<(), &'static str> {
        match frame {
            Frame::Ping => {}
            Frame::Reply { tag, body } => self.link.answered(tag, Ok(body)),
            Frame::Fail { tag, busy, failure } => {
                let peer = &self.link.peer;
                let error = if busy { RpcError::remote_busy(peer) } else { RpcError::failure(peer, failure) };
                self.link.answered(tag, Err(error));
            }
            Frame::Hello { .. } => return Err("a second hello"),
            Frame::Welcome { .. } => return Err("a second welcome"),
            Frame::Refuse { .. } => return Err("a refusal after the welcome"),
            Frame::Call { wait_ms: 0, tag, .. } => {
                let failure = Failure::new(Failure::TOO_LATE, "the caller did not wait any more");
                self.link.answer(tag, Err(failure));
            }
            Frame::Call { wait_ms, tag, method, body } => {
                let until = (wait_ms != FOR_EVER).then(|| now + Duration::from_millis(wait_ms.into()));
                self.start_call(until, tag, &method, body);
            }
            Frame::OneWay { method, body } => self.one_way(&method, body),
        }
        Ok(())
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

    fn one_way(&self, method: &Text, body: Bytes) {
        let peer = &self.link.peer;
        let handle = || self.service.one_way(peer, method.as_ref(), body);
        if catch_unwind(AssertUnwindSafe(handle)).is_err() {
            tracing::error!(%peer, "handling of a one-way message panicked");
        }
    }
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
