//! Questions that were passed on to servers and wait for their answers. Pure: answers, lost links and the time go in,
//! responses to the askers come out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use pomelo_protocol::{
    ServerId,
    admin::{Failure, ReqId, Response},
};
use serde_json::{Map, Value, json};

use crate::link::LinkId;

/// All open questions, by the number the servers were asked with.
#[derive(Debug)]
pub(crate) struct Gathers {
    open: BTreeMap<u64, Gather>,
    gathers_max: usize,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Gather {
    /// Who asked, and with which number.
    pub(crate) asker: (LinkId, ReqId),
    /// When it is answered with what is there.
    pub(crate) due: Instant,
    /// The servers that have not answered.
    pub(crate) waiting: BTreeSet<LinkId>,
    /// What becomes of their answers.
    pub(crate) merge: Merge,
}

/// How answers become one.
#[derive(Debug)]
pub(crate) enum Merge {
    /// `{"msg": {id: row}}`.
    Rows {
        /// Rows that come first, whoever answers.
        first: Map<String, Value>,
        /// By id; what is in here before a server answers stands if it never does.
        rows: BTreeMap<String, Value>,
    },
    /// The one server's answer as it is.
    One(ServerId),
}

/// A response that is ready for its asker.
pub(crate) type Ready = (LinkId, Response);

impl Gathers {
    /// None open, and never more than `gathers_max`.
    pub(crate) fn new(gathers_max: usize) -> Self {
        Self { open: BTreeMap::new(), gathers_max }
    }

    /// Opens a question. Answered at once if nobody has to be waited for, or if too many are open.
    pub(crate) fn open(&mut self, req_id: u64, gather: Gather) -> Option<Ready> {
        if gather.waiting.is_empty() {
            return Some(gather.finish());
        }
        if self.open.len() >= self.gathers_max {
            let busy = Failure::new(format!("busy: {} questions wait for servers already", self.open.len()));
            return Some((gather.asker.0, Response::failed(gather.asker.1, &busy)));
        }
        self.open.insert(req_id, gather);
        None
    }

    /// A server answered. Answers nobody waits for are ignored: the original answers what it is only told, too.
    pub(crate) fn answer(&mut self, link: LinkId, response: Response) -> Option<Ready> {
        let req_id = response.resp_id.number()?;
        let gather = self.open.get_mut(&req_id)?;
        if !gather.waiting.remove(&link) {
            return None;
        }
        match &mut gather.merge {
            Merge::Rows { rows, .. } => {
                if let Ok(result) = response.into_monitor_result()
                    && let Some(id) = result.get("serverId").and_then(Value::as_str)
                {
                    rows.insert(id.to_owned(), result.get("body").cloned().unwrap_or_default());
                }
                if !gather.waiting.is_empty() {
                    return None;
                }
                self.open.remove(&req_id).map(Gather::finish)
            }
            Merge::One(_) => {
                let (asker, resp_id) = self.open.remove(&req_id)?.asker;
                let body = response.body.clone();
                let response = match response.into_monitor_result() {
                    Ok(result) => Response { resp_id, error: Some(Value::Null), body: body.or(Some(result)) },
                    Err(failure) => Response::failed(resp_id, &failure),
                };
                Some((asker, response))
            }
        }
    }

    /// A link is gone: nobody waits for it any more, and what it asked itself is forgotten.
    pub(crate) fn lost(&mut self, link: LinkId) -> Vec<Ready> {
        self.open.retain(|_, gather| gather.asker.0 != link);
        self.take(|gather| gather.waiting.remove(&link) && gather.waiting.is_empty())
    }

    /// Answers what is due with what is there.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Ready> {
        self.take(|gather| gather.due <= now)
    }

    fn take(&mut self, mut done: impl FnMut(&mut Gather) -> bool) -> Vec<Ready> {
        let ids: Vec<_> =
            self.open.iter_mut().filter_map(|(id, gather)| done(gather).then_some(*id)).collect();
        ids.into_iter().filter_map(|id| self.open.remove(&id)).map(Gather::finish).collect()
    }
}

impl Gather {
    fn finish(self) -> Ready {
        let (link, resp_id) = self.asker;
        let response = match self.merge {
            Merge::Rows { mut first, rows } => {
                first.extend(rows);
                Response::ok(resp_id, json!({ "msg": first }))
            }
            Merge::One(server) => {
                Response::failed(resp_id, &Failure::new(format!("server {server} did not answer")))
            }
        };
        (link, response)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rows(waiting: &[u64], now: Instant) -> Gather {
        let first = json!({"master-1": {"serverId": "master-1"}}).as_object().unwrap().clone();
        let rows = [("chat-1".to_owned(), json!({"serverId": "chat-1", "pid": 7}))].into();
        Gather {
            asker: (LinkId(9), ReqId::Number(1)),
            due: now + Duration::from_secs(1),
            waiting: waiting.iter().copied().map(LinkId).collect(),
            merge: Merge::Rows { first, rows },
        }
    }

    fn one(server: &str, now: Instant) -> Gather {
        let merge = Merge::One(ServerId::new(server).unwrap());
        Gather { waiting: [LinkId(1)].into(), merge, ..rows(&[], now) }
    }

    fn row(req_id: ReqId, id: &str) -> Response {
        Response::in_error(req_id, json!({"serverId": id, "body": {"serverId": id, "heapUsed": "1.00"}}))
    }

    fn text(ready: &Ready) -> String {
        ready.1.body.as_ref().unwrap().to_string()
    }

    #[test]
    fn rows_are_answered_when_the_last_server_has_answered_the_master_first() {
        let now = Instant::now();
        let mut gathers = Gathers::new(8);
        assert_eq!(gathers.open(5, rows(&[1, 2], now)), None);
        assert_eq!(gathers.answer(LinkId(1), row(ReqId::Number(5), "gate-1")), None);
        let ready = gathers.answer(LinkId(2), row(ReqId::Text("5".into()), "chat-1")).unwrap();
        assert_eq!(
            text(&ready),
            r#"{"msg":{"master-1":{"serverId":"master-1"},"chat-1":{"serverId":"chat-1","heapUsed":"1.00"},"gate-1":{"serverId":"gate-1","heapUsed":"1.00"}}}"#
        );
    }

    #[test]
    fn a_silent_server_is_listed_from_its_record() {
        let now = Instant::now();
        let mut gathers = Gathers::new(8);
        gathers.open(5, rows(&[1], now));
        assert!(gathers.expire(now).is_empty());
        let ready = gathers.expire(now + Duration::from_secs(1));
        assert_eq!(
            text(&ready[0]),
            r#"{"msg":{"master-1":{"serverId":"master-1"},"chat-1":{"serverId":"chat-1","pid":7}}}"#
        );
        assert_eq!(gathers.answer(LinkId(1), row(ReqId::Number(5), "chat-1")), None, "too late");
    }

    #[test]
    fn a_lost_link_is_not_waited_for() {
        let now = Instant::now();
        let mut gathers = Gathers::new(8);
        gathers.open(5, rows(&[1], now));
        assert_eq!(gathers.lost(LinkId(1)).len(), 1);
        gathers.open(6, rows(&[2], now));
        assert!(gathers.lost(LinkId(9)).is_empty(), "the asker is gone");
        assert!(gathers.lost(LinkId(2)).is_empty());
    }

    #[test]
    fn one_servers_answer_is_passed_on_as_it_is() {
        let now = Instant::now();
        let mut gathers = Gathers::new(8);
        gathers.open(5, one("chat-1", now));
        let answer =
            Response { resp_id: ReqId::Number(5), error: Some(Value::Null), body: Some("bar".into()) };
        let ready = gathers.answer(LinkId(1), answer).unwrap();
        assert_eq!(ready, (LinkId(9), Response::ok(ReqId::Number(1), "bar".into())));
        gathers.open(6, one("chat-1", now));
        let ready = gathers
            .answer(LinkId(1), Response::in_error(ReqId::Number(6), "no handler loaded".into()))
            .unwrap();
        assert_eq!(ready.1.into_result().unwrap_err().message, "no handler loaded");
        gathers.open(7, one("chat-1", now));
        let ready = gathers.expire(now + Duration::from_secs(1)).remove(0);
        assert_eq!(ready.1.into_result().unwrap_err().message, "server chat-1 did not answer");
    }

    #[test]
    fn more_questions_than_allowed_are_refused_in_words() {
        let now = Instant::now();
        let mut gathers = Gathers::new(1);
        gathers.open(5, rows(&[1], now));
        let refused = gathers.open(6, rows(&[1], now)).unwrap();
        assert!(refused.1.into_result().unwrap_err().message.starts_with("busy"));
    }
}
