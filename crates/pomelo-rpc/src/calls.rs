//! The calls of one link that have no answer yet, and those whose callers have not fetched it. Not here: the order of their
//! deadlines (`deadlines`), and the lock they are behind (`link`).

use std::collections::hash_map::Entry;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use crate::deadlines::Deadlines;
use crate::link::millis;
use crate::{ErrorKind, RpcError};

/// By their tags, which count up from 1.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: FxHashMap<u64, Pending>,
    /// Calls that nobody waits for.
    notices: FxHashSet<u64>,
    deadlines: Deadlines,
    last_tag: u64,
}

/// A call whose answer its caller has not fetched yet.
struct Pending {
    answer: Option<Result<Bytes, RpcError>>,
    caller: Option<Waker>,
    wait: Duration,
}

/// Whose answer it was.
pub(crate) enum Answered {
    /// That of a call; its caller is to be woken.
    Caller(Option<Waker>),
    /// Of one that nobody waits for; its error, if it is one.
    Notice(Option<RpcError>),
}

impl Calls {
    /// How many callers have no answer.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many calls that nobody waits for have no answer.
    pub(crate) fn notices(&self) -> usize {
        self.notices.len()
    }

    /// The tag of the next call.
    pub(crate) fn next_tag(&self) -> u64 {
        self.last_tag + 1
    }

    /// A call whose caller waits so long. Whether its time is over before that of all others.
    pub(crate) fn add(&mut self, wait: Duration, until: Instant) -> bool {
        self.last_tag += 1;
        self.waiting.insert(self.last_tag, Pending { answer: None, caller: None, wait });
        let sooner = self.deadlines.add(until, self.last_tag);
        self.deadlines.tidy(self.waiting.len(), |tag| self.waiting.contains_key(&tag));
        sooner
    }

    /// A call that nobody waits for.
    pub(crate) fn add_notice(&mut self) {
        self.last_tag += 1;
        self.notices.insert(self.last_tag);
    }

    /// An answer came. One that nobody waits for any more is dropped.
    pub(crate) fn answer(&mut self, tag: u64, result: Result<Bytes, RpcError>) -> Answered {
        match self.waiting.get_mut(&tag) {
            Some(call) if call.answer.is_none() => {
                call.answer = Some(result);
                Answered::Caller(call.caller.take())
            }
            None if self.notices.remove(&tag) => Answered::Notice(result.err()),
            Some(_) | None => Answered::Caller(None),
        }
    }

    /// The answer to a call, if it is there; otherwise `caller` is woken when it is. None if it was fetched before.
    pub(crate) fn poll(&mut self, tag: u64, caller: &Waker) -> Option<Poll<Result<Bytes, RpcError>>> {
        let Entry::Occupied(mut call) = self.waiting.entry(tag) else { return None };
        if let Some(answer) = call.get_mut().answer.take() {
            call.remove();
            return Some(Poll::Ready(answer));
        }
        let waiting = &mut call.get_mut().caller;
        if waiting.as_ref().is_none_or(|waiting| !waiting.will_wake(caller)) {
            *waiting = Some(caller.clone());
        }
        Some(Poll::Pending)
    }

    /// Nobody waits for this call any more.
    pub(crate) fn forget(&mut self, tag: u64) {
        self.waiting.remove(&tag);
    }

    /// No call's time is over before this.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends the calls whose time is over. Returns who is to be woken.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        error: impl Fn(u64, ErrorKind) -> RpcError,
    ) -> Vec<Option<Waker>> {
        let mut callers = Vec::new();
        while let Some(tag) = self.deadlines.over(now) {
            if let Some(call) = self.waiting.get_mut(&tag).filter(|call| call.answer.is_none()) {
                let kind = ErrorKind::Deadline { waited_ms: millis(call.wait) };
                call.answer = Some(Err(error(tag, kind)));
                callers.push(call.caller.take());
            }
        }
        callers
    }

    /// Ends all of them. Returns who is to be woken.
    pub(crate) fn end(&mut self, error: impl Fn(u64) -> RpcError) -> Vec<Option<Waker>> {
        self.notices = FxHashSet::default();
        self.deadlines = Deadlines::default();
        let unanswered = self.waiting.iter_mut().filter(|(_, call)| call.answer.is_none());
        let end = |(tag, call): (&u64, &mut Pending)| {
            call.answer = Some(Err(error(*tag)));
            call.caller.take()
        };
        unanswered.map(end).collect()
    }
}
