//! What a master asks of this process.

use pomelo_protocol::admin::{AdminMessage, Envelope, Failure, ReqId, Response};
use serde_json::Value;

use crate::{admin::LinkSender, coordinator::MasterAddr};

/// Something a master asks or tells: stop, list, watchServer, spawn, `startOver`. Only of a master whose epoch was not lower
/// than any seen when it came.
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
    to: Option<(ReqId, LinkSender)>,
}

impl Reply {
    pub(super) fn new(req_id: ReqId, link: LinkSender) -> Self {
        Self { to: Some((req_id, link)) }
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

    /// No answer at all, as the original does for some commands.
    pub fn none(mut self) {
        self.to = None;
    }

    fn send(mut self, response: impl FnOnce(ReqId) -> Response) {
        if let Some((req_id, link)) = self.to.take() {
            answer(&link, response(req_id));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some((req_id, link)) = self.to.take() {
            answer(&link, Response::failed(req_id, &Failure::new("not done here")));
        }
    }
}

/// Sends a response. A link that has ended meanwhile has nobody who waits for it.
pub(super) fn answer(link: &LinkSender, response: Response) {
    let _ = link.send(&AdminMessage::Monitor(Envelope::Response(response)));
}
