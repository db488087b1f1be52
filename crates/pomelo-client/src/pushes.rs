//! Pushes that wait to be taken.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use pomelo_protocol::Push;
use tokio::sync::Notify;

/// What a server said unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushMessage {
    /// Name of the event, also where the message held its code.
    pub route: String,
    /// What is said: JSON, also where the message was protobuf.
    pub body: Bytes,
}

impl PushMessage {
    /// The body, if this is that push: `None` if it is another one.
    ///
    /// ```
    /// # use pomelo_client::{Push, PushMessage};
    /// const ON_CHAT: Push<String> = Push::new("onChat");
    ///
    /// let push = PushMessage { route: "onChat".into(), body: r#""hello""#.into() };
    /// if let Some(said) = push.read(ON_CHAT) {
    ///     assert_eq!(said.unwrap(), "hello");
    /// }
    /// ```
    pub fn read<T: serde::de::DeserializeOwned>(&self, push: Push<T>) -> Option<serde_json::Result<T>> {
        (self.route == push.name()).then(|| self.json())
    }

    /// The body as a value.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body)
    }
}

/// A bounded buffer that drops the oldest: a client that only asks, and never takes what is pushed, must go on getting
/// its answers, which arrive behind the pushes.
#[derive(Debug)]
pub(crate) struct PushBuffer {
    pushes_max: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<PushMessage>,
    dropped: u64,
    passed_over: u64,
    closed: bool,
}

impl PushBuffer {
    pub(crate) fn new(pushes_max: usize) -> Self {
        Self { pushes_max, state: Mutex::default(), changed: Notify::new() }
    }

    pub(crate) fn put(&self, push: PushMessage) {
        let mut state = self.lock();
        if state.waiting.len() >= self.pushes_max {
            state.waiting.pop_front();
            state.dropped += 1;
        }
        if self.pushes_max > 0 {
            state.waiting.push_back(push);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// One came that nobody wants.
    pub(crate) fn pass_over(&self) {
        self.lock().passed_over += 1;
    }

    pub(crate) fn passed_over(&self) -> u64 {
        self.lock().passed_over
    }

    /// The oldest; waits for one. `None` after the connection is closed and all are taken.
    pub(crate) async fn next(&self) -> Option<PushMessage> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                let push = state.waiting.pop_front();
                if push.is_some() || state.closed {
                    // Whoever else waits must look as well: one permit may have stood for several pushes.
                    self.changed.notify_one();
                    return push;
                }
            }
            changed.await;
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(route: &str) -> PushMessage {
        PushMessage { route: route.to_owned(), body: Bytes::new() }
    }

    #[tokio::test]
    async fn a_full_buffer_drops_the_oldest_and_counts_it() {
        let buffer = PushBuffer::new(2);
        for route in ["a", "b", "c"] {
            buffer.put(push(route));
        }
        buffer.close();
        assert_eq!(buffer.dropped(), 1);
        assert_eq!(buffer.next().await, Some(push("b")));
        assert_eq!(buffer.next().await, Some(push("c")));
        assert_eq!(buffer.next().await, None);
    }

    #[tokio::test]
    async fn all_who_wait_learn_of_the_end() {
        let buffer = PushBuffer::new(2);
        let (a, b, ()) = tokio::join!(buffer.next(), buffer.next(), async {
            tokio::task::yield_now().await;
            buffer.close();
        });
        assert_eq!((a, b), (None, None));
    }
}
