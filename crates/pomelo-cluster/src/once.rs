//! Orders that carry the number of an operation ([`crate::ops`]) are done once: a table of what was done and what is being done.
//! Pure; [`crate::follow`] keeps one for every process that masters give orders to.
//!
//! A master that takes over repeats the orders of its predecessor, since it can't know which of them arrived. The first one is
//! done; any other gets the answer of that one, at once or when it is there. Limits: [`OPS_MAX`] operations, each for
//! [`OPS_AGE`]; the oldest makes room.
//!
//! `W` is whoever waits for an answer.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    time::{Duration, Instant},
};

use pomelo_protocol::admin::{Failure, ReqId, Response};
use serde_json::Value;

use crate::ops::OpId;

/// How many orders are remembered.
pub const OPS_MAX: usize = 1_024;
/// How long.
pub const OPS_AGE: Duration = Duration::from_mins(10);
/// How many wait for one answer; a further one is refused.
pub const WAITERS_MAX: usize = 16;
/// Longest answer that is kept, in bytes of JSON.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Which order. One operation may need several of one process, for instance first of one module and then of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    op: OpId,
    module_id: String,
    what: String,
}

impl Key {
    /// Of the order with this body to this module.
    pub fn new(op: OpId, module_id: &str, body: &Value) -> Self {
        let what = ["signal", "action", "comd"].iter().find_map(|field| body.get(field)?.as_str());
        Self { op, module_id: module_id.to_owned(), what: what.unwrap_or_default().to_owned() }
    }
}

/// An answer that is not addressed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    error: Option<Value>,
    body: Option<Value>,
}

impl Answer {
    /// What a response to any request says.
    pub fn of(response: impl FnOnce(ReqId) -> Response) -> Self {
        let Response { error, body, .. } = response(ReqId::Number(0));
        Self { error, body }
    }

    /// An error in words.
    pub fn failed(why: &str) -> Self {
        Self::of(|id| Response::failed(id, &Failure::new(why)))
    }

    /// To whom it is due.
    pub fn to(self, resp_id: ReqId) -> Response {
        Response { resp_id, error: self.error, body: self.body }
    }

    fn is_too_long(&self) -> bool {
        // A shape that can't be written has no length, and is none of ours.
        let len = |value: &Option<Value>| serde_json::to_vec(value).map_or(0, |json| json.len());
        len(&self.error) + len(&self.body) > ANSWER_BYTES_MAX
    }
}

/// What to do with an order.
#[derive(Debug, PartialEq)]
pub enum Taken<W> {
    /// It is new: do it, and tell [`Once::finish`] what came of it.
    First,
    /// It is being done; who asked is answered with the first one.
    Waits,
    /// Answer it so.
    Answered(Option<W>, Answer),
}

impl<W> Default for Once<W> {
    fn default() -> Self {
        Self::new()
    }
}

/// The table.
#[derive(Debug)]
pub struct Once<W> {
    orders: HashMap<Key, State<W>>,
    /// In the order they came.
    ages: VecDeque<(Instant, Key)>,
}

#[derive(Debug)]
enum State<W> {
    Running(Vec<W>),
    Done(Answer),
}

impl<W> Once<W> {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self { orders: HashMap::new(), ages: VecDeque::new() }
    }

    /// Takes an order that came at `now`; `asker` is missing if no answer is wanted. Beside what to do with it: those that
    /// waited for an order which is too old to be waited for.
    pub fn take(&mut self, key: Key, asker: Option<W>, now: Instant) -> (Taken<W>, Vec<W>) {
        let given_up = self.make_room(now);
        let taken = match self.orders.get_mut(&key) {
            None => {
                self.ages.push_back((now, key.clone()));
                self.orders.insert(key, State::Running(asker.into_iter().collect()));
                Taken::First
            }
            Some(State::Running(waiters)) if waiters.len() < WAITERS_MAX => {
                waiters.extend(asker);
                Taken::Waits
            }
            Some(State::Running(_)) => {
                Taken::Answered(asker, Answer::failed("too many wait for the answer of this operation"))
            }
            Some(State::Done(answer)) => Taken::Answered(asker, answer.clone()),
        };
        (taken, given_up)
    }

    /// The answer of an order, kept for those who ask again. Gives back who waits for it.
    pub fn finish(&mut self, key: &Key, answer: &Answer) -> Vec<W> {
        let Some(state) = self.orders.get_mut(key) else { return Vec::new() };
        let kept = if answer.is_too_long() {
            Answer::failed("done before; the answer was too long to be kept")
        } else {
            answer.clone()
        };
        match mem::replace(state, State::Done(kept)) {
            State::Running(waiters) => waiters,
            State::Done(_) => Vec::new(),
        }
    }

    /// The order was not begun: whoever sends it again is the first. Gives back who waits for it.
    pub fn forget(&mut self, key: &Key) -> Vec<W> {
        self.ages.retain(|(_, other)| other != key);
        self.remove(key)
    }

    fn make_room(&mut self, now: Instant) -> Vec<W> {
        let mut given_up = Vec::new();
        while let Some((came, _)) = self.ages.front()
            && (self.ages.len() >= OPS_MAX || now.saturating_duration_since(*came) >= OPS_AGE)
        {
            if let Some((_, key)) = self.ages.pop_front() {
                given_up.extend(self.remove(&key));
            }
        }
        given_up
    }

    fn remove(&mut self, key: &Key) -> Vec<W> {
        match self.orders.remove(key) {
            Some(State::Running(waiters)) => waiters,
            Some(State::Done(_)) | None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
