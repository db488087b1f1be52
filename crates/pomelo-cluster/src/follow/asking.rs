//! What this process asks of masters: the leader on behalf of whoever holds a handle, and any master who is there.

use std::{collections::HashMap, time::Duration};

use pomelo_protocol::admin::{Envelope, Failure, Response};
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::Instant};

use super::{
    FollowError, Identity, Leader,
    believing::Verdict,
    run::{Runner, tell},
};
use crate::{
    admin::LinkSender,
    coordinator::MasterAddr,
    follower::Event,
    messages::{self, Told},
};

/// How many requests wait for answers of one master; a further one fails.
const REQUESTS_MAX: usize = 1024;
/// How long a master may take to say who is there, before its link is closed and made again.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(5);

/// A master at which this process is registered.
pub(super) struct Linked {
    pub(super) sender: LinkSender,
    /// A master of the original: no epochs, no versions.
    pub(super) of_the_original: bool,
    pub(super) pending: HashMap<u64, Pending>,
}

pub(super) enum Pending {
    Caller(oneshot::Sender<Result<Value, FollowError>>),
    Snapshot { until: Instant },
}

impl Linked {
    /// The link has ended: there will be no answers.
    pub(super) fn end(self) {
        for pending in self.pending.into_values() {
            if let Pending::Caller(answer) = pending {
                // Who has given up waiting needs no answer.
                let _ = answer.send(Err(FollowError::Disconnected));
            }
        }
    }
}

impl Runner {
    pub(super) fn ask_leader(
        &mut self,
        module_id: String,
        body: Value,
        answer: oneshot::Sender<Result<Value, FollowError>>,
    ) {
        let leader = self.state.leader().map(|leader| leader.addr.clone());
        let error = match leader.and_then(|addr| self.links.get_mut(&addr)) {
            None => FollowError::NoLeader { after: Duration::ZERO },
            Some(linked) if linked.pending.len() >= REQUESTS_MAX => {
                FollowError::Busy { waiting: linked.pending.len() }
            }
            Some(linked) => {
                self.last_req_id += 1;
                linked.pending.insert(self.last_req_id, Pending::Caller(answer));
                tell(&linked.sender, Envelope::request(self.last_req_id, module_id, body));
                return;
            }
        };
        // Who has given up waiting needs no answer.
        let _ = answer.send(Err(error));
    }

    pub(super) fn ask_snapshot(&mut self, addr: &MasterAddr) {
        let Some(linked) = self.links.get_mut(addr) else { return };
        self.last_req_id += 1;
        let until = Instant::now() + SNAPSHOT_TIMEOUT;
        linked.pending.insert(self.last_req_id, Pending::Snapshot { until });
        let envelope = if linked.of_the_original {
            let id = match &self.identity {
                Identity::Server(info) => info.id.as_str(),
                Identity::Agent { id, .. } => id,
                Identity::Candidate(me) => me.id.as_str(),
            };
            let body = json!({ "action": "subscribe", "id": id });
            Envelope::request(self.last_req_id, messages::MASTER_WATCHER, body)
        } else {
            Envelope::request(self.last_req_id, messages::CLUSTER, messages::ask_snapshot())
        };
        tell(&linked.sender, envelope);
    }

    /// A master answers.
    pub(super) fn answered(&mut self, addr: &MasterAddr, response: Response) {
        let Some(linked) = self.links.get_mut(addr) else { return };
        let of_the_original = linked.of_the_original;
        // An unknown number is an answer that came after its caller had given up.
        let number = response.resp_id.number();
        let Some(pending) = number.and_then(|number| linked.pending.remove(&number)) else { return };
        match pending {
            Pending::Caller(answer) => {
                let result = self.believed(addr, response.into_result());
                if let Err(Failure { leader: Some(leader), .. }) = &result {
                    self.on(Event::Moved { leader: Leader::from_wire(leader) });
                }
                self.publish_view();
                // Who has given up waiting needs no answer.
                let _ = answer.send(result.map_err(FollowError::Failed));
            }
            Pending::Snapshot { .. } => {
                let told = response.into_result().map_err(|failure| failure.message).and_then(|body| {
                    if of_the_original {
                        Ok(Told::Snapshot { version: None, servers: messages::servers(&body)? })
                    } else {
                        Told::snapshot(&body)
                    }
                });
                match told.and_then(|told| self.event(addr, told)) {
                    Ok(event) => drop(self.on(event)),
                    Err(why) => {
                        tracing::warn!(target: "pomelo::follow", "master {addr} did not say who is there: {why}");
                        self.on(Event::NoSnapshot { addr: addr.clone() });
                    }
                }
            }
        }
    }

    /// An answer that names its epoch is an order like any other: what an agent is told to start, for instance.
    fn believed(&mut self, addr: &MasterAddr, result: Result<Value, Failure>) -> Result<Value, Failure> {
        let result = result?;
        let Some(epoch) = result.get("epoch").and_then(Value::as_u64) else { return Ok(result) };
        match self.on(Event::Frame { addr: addr.clone(), epoch }) {
            Verdict::Obeyed => Ok(result),
            Verdict::Refused(failure) => Err(failure),
        }
    }

    pub(super) fn sweep(&mut self) {
        let now = Instant::now();
        for (addr, linked) in &mut self.links {
            linked
                .pending
                .retain(|_, pending| !matches!(pending, Pending::Caller(answer) if answer.is_closed()));
            let late = |pending: &Pending| matches!(pending, Pending::Snapshot { until } if *until <= now);
            if !linked.sender.is_closed() && linked.pending.values().any(late) {
                tracing::warn!(target: "pomelo::follow", "master {addr} does not say who is there; linking again");
                linked.sender.close();
            }
        }
    }
}
