//! What servers, agents and other masters say after they have registered.

use std::{collections::BTreeMap, time::Instant};

use pomelo_cluster::messages::{self, CLUSTER, MASTER_WATCHER, MONITOR_WATCHER};
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope, Failure, ReqId, Response},
};
use serde_json::{Value, json};
use tracing::debug;

use super::{Control, Peer};
use crate::{console::CONSOLE, documents, link::LinkId};

/// Servers that agents were told to spawn and that have not registered yet, so that no two agents spawn one.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<ServerId, Claim>);

#[derive(Debug)]
struct Claim {
    agent: String,
    until: Instant,
}

impl Claims {
    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|_, claim| claim.until > now);
    }
}

impl Control {
    pub(super) fn follower_says(&mut self, link: LinkId, envelope: Envelope, now: Instant) {
        match self.peers.get(&link) {
            None => return self.close(link, "it spoke before it registered"),
            Some(Peer::Client { .. }) => return self.close(link, "a client spoke as a server"),
            Some(_) => {}
        }
        match envelope {
            Envelope::Response(response) => self.follower_answers(link, response),
            Envelope::Request { req_id, module_id, body, .. } => {
                match self.asked(link, &module_id, &body, now) {
                    Ok(answer) => self.answer((link, Response::ok(req_id, answer))),
                    Err(failure) => self.refuse(link, req_id, &failure),
                }
            }
            Envelope::Notify { module_id, body, .. } => self.told(link, &module_id, &body),
            Envelope::Command { req_id, command, .. } => {
                let failure = Failure::new(format!("servers give no commands: {command:?}"));
                self.refuse(link, req_id.unwrap_or(ReqId::Number(0)), &failure);
            }
        }
    }

    fn follower_answers(&mut self, link: LinkId, response: Response) {
        if let Some(error) = response.error.as_ref().filter(|error| error.is_object())
            && let Some(epoch) = Failure::from_json(error).superseded
        {
            self.seen(epoch);
        }
        if let Some(ready) = self.gathers.answer(link, response) {
            self.answer(ready);
        }
    }

    fn asked(&mut self, link: LinkId, module_id: &str, body: &Value, now: Instant) -> Result<Value, Failure> {
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
            (CONSOLE, "start") => self.start(link, body, now),
            _ => Err(Failure::new(format!("module {module_id:?} does not answer {action:?}"))),
        }
    }

    fn told(&mut self, link: LinkId, module_id: &str, body: &Value) {
        if let Some(epoch) = messages::read_superseded(module_id, body) {
            return self.seen(epoch);
        }
        match (module_id, body.get("action").and_then(Value::as_str).unwrap_or_default()) {
            (MASTER_WATCHER, "record") => self.record(link),
            (_, action) => {
                debug!(target: "pomelo::master", "link {}: nothing is done about {module_id:?} {action:?}", link.0);
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

    /// Which of these servers the asking agent is to spawn now.
    fn start(&mut self, link: LinkId, body: &Value, now: Instant) -> Result<Value, Failure> {
        let Some(Peer::Agent { id: agent }) = self.peers.get(&link) else {
            return Err(Failure::new("only agents start servers"));
        };
        if !self.is_active() || self.ending.is_some() {
            return Err(self.not_the_leader());
        }
        let expected = || Failure::new("start: expected servers, a list of server ids");
        let ids = body.get("servers").and_then(Value::as_array).ok_or_else(expected)?;
        let (mut spawn, mut running) = (Vec::new(), Vec::new());
        for id in ids.iter().take(self.limits.spawn_claims_max) {
            let id: ServerId = serde_json::from_value(id.clone()).map_err(|_| expected())?;
            if self.registry.view().servers.contains_key(&id) {
                running.push(id);
                continue;
            }
            let claims = &mut self.claims.0;
            let taken = claims.get(&id).is_some_and(|claim| claim.agent != *agent && claim.until > now);
            if taken || (claims.len() >= self.limits.spawn_claims_max && !claims.contains_key(&id)) {
                continue;
            }
            claims.insert(id.clone(), Claim { agent: agent.clone(), until: now + self.limits.spawn_claim });
            spawn.push(id);
        }
        Ok(json!({ "spawn": spawn, "running": running }))
    }
}
