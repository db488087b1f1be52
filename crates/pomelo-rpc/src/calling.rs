//! A call as its caller waits for it. Not here: the table of calls (`link`), and the clock (`drive`).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::RpcError;
use crate::link::Link;

/// A call that is queued; ready when its answer is there or its time is over. Dropping it forgets the answer: the call may
/// still be executed.
#[must_use = "dropping it forgets the answer"]
pub struct Calling {
    link: Arc<Link>,
    tag: u64,
    answered: bool,
}

impl Calling {
    pub(crate) fn new(link: Arc<Link>, tag: u64) -> Self {
        Self { link, tag, answered: false }
    }
}

impl Future for Calling {
    type Output = Result<Bytes, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.link.poll_answer(self.tag, cx.waker()));
        self.answered = true;
        Poll::Ready(answer)
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if !self.answered {
            self.link.forget(self.tag);
        }
    }
}
