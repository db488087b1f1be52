//! What a link's task does with the frames it reads: answers go to their callers at once; calls and one-way messages start
//! in the order they came in. Not here: reading.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;

use crate::frame::{Frame, Text};
use crate::link::Link;
use crate::tasks::Tasks;
use crate::{BoxFuture, Failure, RpcError, Service};

/// The messages of one peer.
pub(crate) struct Incoming {
    link: Arc<Link>,
    service: Arc<dyn Service>,
    /// Where calls run.
    tasks: Tasks,
    /// The one-way message that could not be finished at once.
    handling: Option<BoxFuture<'static, ()>>,
    /// What came behind it; empty unless there is one.
    waiting: VecDeque<Message>,
}

enum Message {
    Call { tag: u64, method: Text, body: Bytes },
    OneWay { method: Text, body: Bytes },
}

impl Incoming {
    pub(crate) fn new(link: Arc<Link>, service: Arc<dyn Service>, tasks: Tasks) -> Self {
        Self { link, service, tasks, handling: None, waiting: VecDeque::new() }
    }

    /// Takes a frame. `Err` names one that has no place here.
    pub(crate) fn take(&mut self, frame: Frame<Text>) -> Result<(), &'static str> {
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
            Frame::Call { tag, method, body } => Message::Call { tag, method, body },
            Frame::OneWay { method, body } => Message::OneWay { method, body },
        };
        if self.handling.is_some() {
            self.waiting.push_back(message);
        } else {
            self.start(message);
        }
        Ok(())
    }

    /// Whether another frame may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.link.limits.incoming_waiting_max
    }

    /// Whether [`Incoming::progress`] has something to do.
    pub(crate) fn is_handling(&self) -> bool {
        self.handling.is_some()
    }

    /// Finishes the one-way message in hand and starts what waited behind it. Can be dropped and called again.
    pub(crate) async fn progress(&mut self) {
        if let Some(handling) = &mut self.handling {
            handling.await;
            self.handling = None;
        }
        while self.handling.is_none()
            && let Some(message) = self.waiting.pop_front()
        {
            self.start(message);
        }
    }

    fn start(&mut self, message: Message) {
        match message {
            Message::Call { tag, method, body } => self.start_call(tag, method, body),
            Message::OneWay { method, body } => self.start_one_way(method, body),
        }
    }

    fn start_call(&self, tag: u64, method: Text, body: Bytes) {
        let Ok(permit) = self.link.running.clone().try_acquire_owned() else {
            self.link.answer_busy(tag);
            return;
        };
        let (link, service) = (self.link.clone(), self.service.clone());
        self.tasks.spawn(async move {
            let mut answer = Answer { link, tag, sent: false, _permit: permit };
            let result = service.call(&answer.link.peer, method.as_ref(), body).await;
            answer.send(result);
        });
    }

    fn start_one_way(&mut self, method: Text, body: Bytes) {
        let (link, service) = (self.link.clone(), self.service.clone());
        let mut handling: BoxFuture<'static, ()> = Box::pin(async move {
            let one_way = async { service.one_way(&link.peer, method.as_ref(), body).await };
            if AssertUnwindSafe(one_way).catch_unwind().await.is_err() {
                tracing::error!(peer = %link.peer, method = method.as_ref(), "handling of a one-way message panicked");
            }
        });
        // Most are finished at once, and then an answer behind them is delivered after them. Whatever is not is polled
        // again, with a waker, before the link's task rests.
        if handling.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending {
            self.handling = Some(handling);
        }
    }
}

/// Owes the caller an answer, and gives one whatever becomes of the call.
struct Answer {
    link: Arc<Link>,
    tag: u64,
    sent: bool,
    _permit: OwnedSemaphorePermit,
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
            let what = if std::thread::panicking() { "panicked" } else { "was stopped" };
            self.send(Err(Failure::new(500, format!("the handling of the call {what}"))));
        }
    }
}
