//! What masters say: news of the membership for [`crate::follower`], and orders for this process.

use pomelo_protocol::admin::{Envelope, Failure, MasterRole, ReqId, Response};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Order, Reply,
    believing::Verdict,
    order::{Asker, Taken},
    run::{Runner, tell},
};
use crate::{
    coordinator::MasterAddr,
    follower::Event,
    membership::{Version, View},
    messages::{self, Told},
    once::Key,
    ops::OpId,
};

impl Runner {
    pub(super) fn message(&mut self, addr: &MasterAddr, envelope: Envelope) {
        let epoch = envelope.epoch().unwrap_or(0);
        match envelope {
            Envelope::Response(response) => self.answered(addr, response),
            Envelope::Request { req_id, module_id, body, .. } => {
                self.told(addr, epoch, Some(req_id), module_id, body);
            }
            Envelope::Notify { module_id, body, .. } => self.told(addr, epoch, None, module_id, body),
            Envelope::Command { req_id, .. } => {
                let why = Failure::new("modules can't be listed or switched here");
                self.respond(addr, req_id, |id| Response::failed(id, &why));
            }
        }
    }

    /// A master asks or tells something.
    fn told(&mut self, addr: &MasterAddr, epoch: u64, req_id: Option<ReqId>, module_id: String, body: Value) {
        let verdict = match Told::read(&module_id, &body) {
            Ok(Some(Told::Candidate(back))) => {
                self.wake_with_all(&back);
                Verdict::Obeyed
            }
            Ok(Some(told)) => match self.event(addr, told) {
                Ok(event) => {
                    self.note(&event);
                    self.on(event)
                }
                Err(why) => Self::not_understood(addr, &module_id, why),
            },
            Ok(None) => match self.on(Event::Frame { addr: addr.clone(), epoch }) {
                Verdict::Obeyed if module_id == messages::MONITOR_WATCHER => {
                    // `startOver`: every server has started. News, and answered like all others of its module.
                    self.order(addr, epoch, None, module_id, body);
                    Verdict::Obeyed
                }
                Verdict::Obeyed => return self.order(addr, epoch, req_id, module_id, body),
                refused @ Verdict::Refused(_) => refused,
            },
            Err(why) => Self::not_understood(addr, &module_id, why),
        };
        self.respond(addr, req_id, |id| match verdict {
            Verdict::Obeyed => Response::in_error(id, json!(1)),
            Verdict::Refused(why) => Response::failed(id, &why),
        });
    }

    fn not_understood(addr: &MasterAddr, module_id: &str, why: String) -> Verdict {
        tracing::warn!(target: "pomelo::follow", %addr, module_id, "not understood: {why}");
        Verdict::Refused(Failure::new(why))
    }

    /// Keeps what a master says of its role, for [`super::Follower::links`].
    fn note(&mut self, event: &Event) {
        let (addr, role, coordinator) = match event {
            Event::State { addr, state } => (addr, state.role, Some(&state.coordinator)),
            Event::Announce { addr, view } if view.epoch >= self.state.max_epoch() => {
                (addr, MasterRole::Active, None)
            }
            _ => return,
        };
        if let Some(known) = self.states.get_mut(addr) {
            known.role = Some(role);
            if let Some(coordinator) = coordinator {
                known.coordinator.clone_from(coordinator);
            }
            self.publish_links();
        }
    }

    /// Membership news as an event. A master of the original numbers nothing, so it is numbered here.
    pub(super) fn event(&self, addr: &MasterAddr, told: Told) -> Result<Event, String> {
        let addr = addr.clone();
        Ok(match told {
            Told::Announce(view) => Event::Announce { addr, view },
            Told::State(state) => Event::State { addr, state },
            Told::Step { version, change } => {
                Event::Step { version: self.version(&addr, version)?, addr, change }
            }
            Told::Snapshot { version, servers } => {
                let view = View::new(self.version(&addr, version)?, servers);
                Event::Snapshot { addr, view }
            }
            Told::Candidate(_) => return Err("not about the membership".to_owned()),
        })
    }

    fn version(&self, addr: &MasterAddr, given: Option<Version>) -> Result<Version, String> {
        let of_the_original = self.links.get(addr).is_some_and(|linked| linked.of_the_original);
        match given {
            Some(version) => Ok(version),
            None if of_the_original => {
                let last = self.state.view().version;
                Ok(Version { epoch: 0, rev: if last.epoch == 0 { last.rev + 1 } else { 0 } })
            }
            None => Err("membership without epoch and rev".to_owned()),
        }
    }

    /// Hands an order on, unless it has a number and was handed on before.
    fn order(
        &mut self,
        addr: &MasterAddr,
        epoch: u64,
        req_id: Option<ReqId>,
        module_id: String,
        body: Value,
    ) {
        let Some(linked) = self.links.get(addr) else { return };
        let told = req_id.is_none();
        let asker = req_id.map(|req_id| Asker { req_id, link: linked.sender.clone() });
        let reply = match OpId::of_body(&body) {
            Ok(None) => asker.map(Reply::new),
            Ok(Some(op)) => {
                let key = Key::new(op, &module_id, &body);
                match self.once.take(key, asker, Instant::now().into_std()) {
                    Taken::First(reply) => Some(reply),
                    Taken::Before => {
                        return tracing::debug!(target: "pomelo::follow", %addr, module_id, "asked for before");
                    }
                }
            }
            Err(invalid) => {
                tracing::warn!(target: "pomelo::follow", %addr, module_id, "order refused: {invalid}");
                if let Some(reply) = asker.map(Reply::new) {
                    reply.fail(invalid.to_string());
                }
                return;
            }
        };
        // Nobody waits for the answer to a notify; that it was handed on is all that is known of it.
        let (reply, noted) = if told { (None, reply) } else { (reply, None) };
        // Who gets the order finds the membership that its master had when it gave it.
        self.publish_view();
        let order = Order { from: addr.clone(), epoch, module_id, body, reply };
        let Err(refused) = self.orders.try_send(order) else {
            if let Some(noted) = noted {
                noted.none();
            }
            return;
        };
        let (why, order) = match refused {
            mpsc::error::TrySendError::Full(order) => ("too many orders wait here", order),
            mpsc::error::TrySendError::Closed(order) => ("nobody takes orders here", order),
        };
        tracing::warn!(target: "pomelo::follow", %addr, module_id = order.module_id, "order refused: {why}");
        if let Some(reply) = order.reply.or(noted) {
            reply.not_begun(why);
        }
    }

    fn respond(&self, addr: &MasterAddr, req_id: Option<ReqId>, response: impl FnOnce(ReqId) -> Response) {
        if let (Some(req_id), Some(linked)) = (req_id, self.links.get(addr)) {
            tell(&linked.sender, Envelope::Response(response(req_id)));
        }
    }
}
