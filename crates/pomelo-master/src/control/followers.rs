//! What servers, agents and other masters say after they have registered.

use std::time::Instant;

use pomelo_cluster::messages::{CLUSTER, MASTER_WATCHER, MONITOR_WATCHER, Said};
use pomelo_protocol::admin::{AdminMessage, Envelope, Failure, ReqId, Response};
use serde_json::{Value, json};
use tracing::debug;

use super::{Control, Peer, crons::CRON};
use crate::{console::CONSOLE, documents, link::LinkId};

impl Control {
    pub(super) fn follower_says(&mut self, link: LinkId, envelope: Envelope, now: Instant) {
        match self.peers.get(&link) {
            None => return self.close(link, "it spoke before it registered"),
            Some(Peer::Client { .. }) => return self.close(link, "a client spoke as a server"),
            Some(_) => {}
        }
        match envelope {
            Envelope::Response(response) => self.follower_answers(link, response, now),
            Envelope::Request { req_id, module_id, body, .. } => {
                if module_id == CONSOLE && body.get("signal").is_some_and(|signal| signal == "start") {
                    return self.start(link, req_id, body, now);
                }
                if module_id == CRON {
                    return self.cron_due(link, req_id, &body, now);
                }
                match self.asked(link, &module_id, &body) {
                    Ok(answer) => self.answer((link, Response::ok(req_id, answer))),
                    Err(failure) => self.refuse(link, req_id, &failure),
                }
            }
            Envelope::Notify { module_id, body, .. } => self.told(link, &module_id, &body, now),
            Envelope::Command { req_id, command, .. } => {
                let failure = Failure::new(format!("servers give no commands: {command:?}"));
                self.refuse(link, req_id.unwrap_or(ReqId::Number(0)), &failure);
            }
        }
    }

    fn follower_answers(&mut self, link: LinkId, response: Response, now: Instant) {
        if let Some(error) = response.error.as_ref().filter(|error| error.is_object())
            && let Some(epoch) = Failure::from_json(error).superseded
        {
            self.seen(epoch, now);
        }
        if self.master_answered(link, &response, now) || self.op_answered(link, &response, now) {
            return;
        }
        if let Some(ready) = self.gathers.answer(link, response) {
            self.answer(ready);
        }
    }

    fn asked(&mut self, link: LinkId, module_id: &str, body: &Value) -> Result<Value, Failure> {
        let action =
            body.get("action").or_else(|| body.get("signal")).and_then(Value::as_str).unwrap_or_default();
        match (module_id, action) {
            (MASTER_WATCHER, "subscribe") => {
                if let Some(Peer::Server { subscribed, .. }) = self.peers.get_mut(&link) {
                    *subscribed = true;
                }
                Ok(documents::records(self.registry.view()))
            }
            (CLUSTER, "snapshot") if self.epoch().is_some() => Ok(self.all_servers()),
            (CLUSTER, "snapshot") => Err(self.not_the_leader()),
            (MASTER_WATCHER, "query") => Ok(documents::records(self.registry.view())),
            (MASTER_WATCHER, "unsubscribe") => {
                if let Some(Peer::Server { subscribed, .. }) = self.peers.get_mut(&link) {
                    *subscribed = false;
                }
                Ok(Value::Null)
            }
            _ => Err(Failure::new(format!("module {module_id:?} does not answer {action:?}"))),
        }
    }

    fn told(&mut self, link: LinkId, module_id: &str, body: &Value, now: Instant) {
        match Said::read(module_id, body) {
            Ok(Some(said)) => return self.said(link, said, now),
            Ok(None) => {}
            Err(why) => return debug!(target: "pomelo::master", "link {}: {why}", link.0),
        }
        match (module_id, body.get("action").and_then(Value::as_str).unwrap_or_default()) {
            (MASTER_WATCHER, "record") => self.record(link),
            (CLUSTER | CONSOLE, "children") => self.agent_runs(link, body, now),
            (_, action) => {
                debug!(target: "pomelo::master", "link {}: nothing is done about {module_id:?} {action:?}", link.0);
            }
        }
    }

    fn said(&mut self, link: LinkId, said: Said, now: Instant) {
        match said {
            Said::Superseded { epoch } => self.seen(epoch, now),
            Said::Died { servers } => self.agent_lost(link, &servers, now),
            Said::Following { version } => self.follows(link, version, now),
            Said::Unreachable { leader } => self.unreachable(link, leader, now),
            Said::Cede { epoch } => {
                if matches!(self.peers.get(&link), Some(Peer::Candidate(_))) {
                    self.cede(epoch, now);
                }
            }
        }
    }

    /// A server is ready. Once the start is over, each one that comes is told so at once.
    fn record(&mut self, link: LinkId) {
        let Some(id) = self.registry.server_on(link).cloned() else { return };
        if self.configured.contains(&id) {
            self.ready.insert(id);
        }
        if !self.is_active() {
            return;
        }
        if !self.start_over {
            return self.look_whether_start_is_over();
        }
        let message = self.request(MONITOR_WATCHER, json!({ "action": "startOver" }));
        self.send(vec![link], AdminMessage::Monitor(message));
    }

    /// When the last server of the configuration is ready, everybody learns that the start is over.
    pub(super) fn look_whether_start_is_over(&mut self) {
        if !self.start_over && self.ready.len() == self.configured.len() {
            self.start_over = true;
            let message = self.request(MONITOR_WATCHER, json!({ "action": "startOver" }));
            self.tell(|peer| matches!(peer, Peer::Server { .. }), message);
        }
    }
}
