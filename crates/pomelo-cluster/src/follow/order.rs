//! What a master asks of this process.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use pomelo_protocol::admin::{AdminMessage, Envelope, Failure, ReqId, Response};
use serde_json::Value;

use crate::{
    admin::LinkSender,
    coordinator::MasterAddr,
    once::{self, Answer, Key, Once},
};

/// Something a master asks or tells: stop, list, watchServer, spawn, `startOver`. Only of a master whose epoch was not lower
/// than any seen when it came. One that carries the number of an operation (`"op"` in its body) comes once, however often
/// masters send it.
#[derive(Debug)]
pub struct Order {
    /// Which master.
    pub from: MasterAddr,
    /// Its term; 0 for a master of the original.
    pub epoch: u64,
    /// Who is asked: `__console__`, `watchServer`.
    pub module_id: String,
    /// What is asked.
    pub body: Value,
    /// Where the answer goes; `None` if none is wanted.
    pub reply: Option<Reply>,
}

/// Answers an [`Order`]. Dropped without a word it answers with an error, since a master counts on an answer.
#[derive(Debug)]
pub struct Reply {
    to: To,
}

enum To {
    Nobody,
    Asker(Asker),
    /// Whoever has asked for this operation by now, and those who will.
    Askers(Key, Arc<Orders>),
}

impl Reply {
    pub(super) fn new(asker: Asker) -> Self {
        Self { to: To::Asker(asker) }
    }

    /// The result, in `error` as monitors of the original answer `list` and `watchServer`: `{"respId","error":result}`.
    pub fn in_error(self, result: Value) {
        self.send(|id| Response::in_error(id, result));
    }

    /// The result, in `body`: `{"respId","error":null,"body":result}`.
    pub fn ok(self, result: Value) {
        self.send(|id| Response::ok(id, result));
    }

    /// An error in words: `{"respId","error":{"message":..}}`.
    pub fn fail(self, why: impl Into<String>) {
        self.send(|id| Response::failed(id, &Failure::new(why)));
    }

    /// No answer at all, as the original does for some commands. An operation with a number is answered without a result: a
    /// master collects those.
    pub fn none(mut self) {
        match std::mem::replace(&mut self.to, To::Nobody) {
            To::Nobody | To::Asker(_) => {}
            To::Askers(key, orders) => orders.finish(&key, Answer::of(Response::done)),
        }
    }

    /// It was not begun, for a reason that passes.
    pub(super) fn not_begun(mut self, why: &str) {
        match std::mem::replace(&mut self.to, To::Nobody) {
            To::Nobody => {}
            To::Asker(asker) => asker.answer(Answer::failed(why)),
            To::Askers(key, orders) => orders.forget(&key, why),
        }
    }

    fn send(mut self, response: impl FnOnce(ReqId) -> Response) {
        self.answer(Answer::of(response));
    }

    fn answer(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.to, To::Nobody) {
            To::Nobody => {}
            To::Asker(asker) => asker.answer(answer),
            To::Askers(key, orders) => orders.finish(&key, answer),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(Answer::failed("not done here"));
    }
}

impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Asker(asker) => fmt::Debug::fmt(asker, f),
            Self::Askers(key, _) => fmt::Debug::fmt(key, f),
        }
    }
}

/// A master that waits for an answer.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) req_id: ReqId,
    pub(super) link: LinkSender,
}

impl Asker {
    /// A link that has ended meanwhile has nobody who waits.
    pub(super) fn answer(self, answer: Answer) {
        let response = Envelope::Response(answer.to(self.req_id));
        let _ = self.link.send(&AdminMessage::Monitor(response));
    }
}

/// The orders that are done once. Shared with their [`Reply`]s, which answer from wherever the order is carried out.
#[derive(Debug)]
pub(super) struct Orders(Mutex<Once<Asker>>);

/// What to do with an order that has a number.
pub(super) enum Taken {
    /// Deliver it, with this to answer it.
    First(Reply),
    /// Nothing: it was delivered before.
    Before,
}

impl Orders {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Once::new())))
    }

    pub(super) fn take(self: &Arc<Self>, key: Key, asker: Option<Asker>, now: std::time::Instant) -> Taken {
        let (taken, given_up) = self.with(|table| table.take(key.clone(), asker, now));
        for asker in given_up {
            asker.answer(Answer::failed("given up: too much has been asked since"));
        }
        match taken {
            once::Taken::First => Taken::First(Reply { to: To::Askers(key, Arc::clone(self)) }),
            once::Taken::Waits => Taken::Before,
            once::Taken::Answered(asker, answer) => {
                if let Some(asker) = asker {
                    asker.answer(answer);
                }
                Taken::Before
            }
        }
    }

    fn finish(&self, key: &Key, answer: Answer) {
        for asker in self.with(|table| table.finish(key, &answer)) {
            asker.answer(answer.clone());
        }
    }

    fn forget(&self, key: &Key, why: &str) {
        for asker in self.with(|table| table.forget(key)) {
            asker.answer(Answer::failed(why));
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Once<Asker>) -> T) -> T {
        // Nothing here panics between two changes of the table: it is whole whatever happened.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
