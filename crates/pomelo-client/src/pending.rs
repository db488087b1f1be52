//! Requests that wait for their answers.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{ClientError, CloseReason};

/// Who waits for which id.
#[derive(Debug)]
pub(crate) struct Pending {
    requests_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u32,
    waiting: HashMap<u32, oneshot::Sender<Answer>>,
    closed: Option<CloseReason>,
}

/// What came back: bytes, since what they mean depends on the route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    /// The server says that it is a failure, whatever the body says.
    pub(crate) error: bool,
}

/// A place in the table, given back when dropped: also when the asker stops waiting.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pending: &'a Pending,
    pub(crate) id: u32,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    pub(crate) fn new(requests_max: usize) -> Self {
        Self { requests_max, state: Mutex::default() }
    }

    pub(crate) fn begin(&self) -> Result<Place<'_>, ClientError> {
        let mut state = self.lock();
        if let Some(reason) = &state.closed {
            return Err(ClientError::Closed(reason.clone()));
        }
        if state.waiting.len() >= self.requests_max {
            return Err(ClientError::Busy { pending: self.requests_max });
        }
        // Ids stay below 2^31, where the original's clients and servers count without loss, and 0 is not one of them.
        loop {
            state.last_id = state.last_id % 0x7fff_ffff + 1;
            if !state.waiting.contains_key(&state.last_id) {
                break;
            }
        }
        let id = state.last_id;
        let (sender, answer) = oneshot::channel();
        state.waiting.insert(id, sender);
        Ok(Place { pending: self, id, answer })
    }

    /// Gives the answer to whoever asked; an answer nobody waits for any more is dropped.
    pub(crate) fn answer(&self, id: u32, answer: Answer) {
        let asker = self.lock().waiting.remove(&id);
        if let Some(asker) = asker {
            let _ = asker.send(answer);
        }
    }

    /// Fails all who wait, and all to come.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.closed.get_or_insert(reason);
        state.waiting.clear();
    }

    /// Why the connection is closed, if it is.
    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.lock().closed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    pub(crate) async fn answer(mut self) -> Result<Answer, ClientError> {
        let closed = || self.pending.closed().unwrap_or(CloseReason::Local);
        (&mut self.answer).await.map_err(|_| ClientError::Closed(closed()))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pending.lock().waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_asker_that_stops_waiting_gives_its_place_back() {
        let pending = Pending::new(1);
        let place = pending.begin().unwrap();
        assert!(matches!(pending.begin(), Err(ClientError::Busy { pending: 1 })));
        drop(place);
        let place = pending.begin().unwrap();
        assert_eq!(place.id, 2, "an id is not used again at once, its late answer must not reach another");
        pending.answer(2, Answer { body: Bytes::from_static(b"x"), error: false });
        assert_eq!(place.answer().await.unwrap().body, "x");
    }

    #[tokio::test]
    async fn closing_fails_all_who_wait_and_all_to_come() {
        let pending = Pending::new(2);
        let place = pending.begin().unwrap();
        pending.close(CloseReason::Kicked("bye".into()));
        pending.close(CloseReason::Local);
        let error = place.answer().await.unwrap_err();
        assert_eq!(error.to_string(), "connection closed: kicked: bye");
        assert!(matches!(pending.begin(), Err(ClientError::Closed(CloseReason::Kicked(_)))));
    }
}
