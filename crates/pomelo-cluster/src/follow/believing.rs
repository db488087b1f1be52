//! What follows from what masters say: each event goes to [`crate::follower`], its actions are carried out, and the result is
//! published to this process.

use std::sync::Arc;

use pomelo_protocol::admin::{Envelope, Failure, MasterRole};

use super::{
    Leader,
    run::{Runner, tell},
};
use crate::{
    follower::{Action, Event},
    messages,
};

/// What became of something a master said.
pub(super) enum Verdict {
    Obeyed,
    Refused(Failure),
}

impl Runner {
    /// Takes an event to the state machine and does what it says.
    pub(super) fn on(&mut self, event: Event) -> Verdict {
        let mut verdict = Verdict::Obeyed;
        let max_epoch = self.state.max_epoch();
        for action in self.state.on(event) {
            match action {
                Action::Deliver => {}
                Action::Lead(leader) => self.lead(leader),
                Action::Publish => self.unpublished = true,
                Action::AskSnapshot { addr } => self.ask_snapshot(&addr),
                Action::Absurd { addr, epoch } => {
                    let last = self.state.max_epoch();
                    tracing::warn!(target: "pomelo::follow", "refused what master {addr} says: no epoch can be {epoch} after {last}");
                    verdict = Verdict::Refused(Failure::new(format!("epoch {epoch} can't be after {last}")));
                }
                Action::Refuse { addr, epoch, leader } => {
                    tracing::warn!(target: "pomelo::follow", "refused what master {addr} says: epoch {epoch} has begun");
                    if let Some(linked) = self.links.get(&addr) {
                        let body = messages::superseded(epoch, leader.as_ref());
                        tell(&linked.sender, Envelope::notify(messages::CLUSTER, body));
                    }
                    verdict = Verdict::Refused(Failure {
                        message: format!("superseded by epoch {epoch}"),
                        leader: leader.map(|leader| leader.to_wire()),
                        superseded: Some(epoch),
                        ..Failure::default()
                    });
                }
            }
        }
        if self.state.max_epoch() != max_epoch {
            // At once: whoever gets the order behind it may look.
            self.publish.epoch.send_replace(self.state.max_epoch());
            self.hello.send_replace(self.state.hello());
            self.changed();
        }
        verdict
    }

    fn lead(&mut self, leader: Option<Leader>) {
        self.look_for_two_leaders(leader.as_ref());
        match &leader {
            Some(Leader { addr, epoch }) => {
                tracing::info!(target: "pomelo::follow", "following master {addr} epoch={epoch}");
            }
            None => tracing::info!(target: "pomelo::follow", "no master leads"),
        }
        for (addr, state) in self.states.iter_mut().filter(|(_, state)| state.role.is_some()) {
            if leader.as_ref().is_some_and(|leader| leader.addr == *addr) {
                // What it says of itself, at its registration, is more exact.
                if !matches!(state.role, Some(MasterRole::Suspended)) {
                    state.role = Some(MasterRole::Active);
                }
            } else if matches!(state.role, Some(MasterRole::Active | MasterRole::Suspended)) {
                state.role = Some(MasterRole::Standby);
            }
        }
        self.publish.leader.send_replace(leader);
        self.publish_links();
    }

    /// An epoch has one leader. Two with a link that claim it is what a cluster without a common coordinator looks like.
    fn look_for_two_leaders(&self, leader: Option<&Leader>) {
        let before = self.publish.leader.borrow();
        if let (Some(before), Some(leader)) = (before.as_ref(), leader)
            && before.epoch == leader.epoch
            && leader.epoch > 0
            && self.links.contains_key(&before.addr)
            && self.links.contains_key(&leader.addr)
        {
            let (epoch, one, other) = (leader.epoch, &before.addr, &leader.addr);
            tracing::error!(
                target: "pomelo::follow",
                "masters {one} and {other} both lead in epoch {epoch}: they do not share one coordinator"
            );
        }
    }

    /// Publishes the membership, if it has changed: once for all the steps of a batch, since each copy that is handed out costs
    /// the next step a copy of the list.
    pub(super) fn publish_view(&mut self) {
        if std::mem::take(&mut self.unpublished) {
            self.publish.view.send_replace(Arc::clone(self.state.view()));
            self.hello.send_replace(self.state.hello());
            self.changed();
        }
    }

    pub(super) fn publish_links(&self) {
        self.publish.links.send_if_modified(|links| {
            let changed = **links != self.states;
            if changed {
                *links = Arc::new(self.states.clone());
            }
            changed
        });
    }

    pub(super) fn publish_reach(&self) {
        let reach = self.state.leader().filter(|leader| self.links.contains_key(&leader.addr));
        self.publish.reach.send_if_modified(|now| {
            let changed = now.as_ref() != reach;
            if changed {
                *now = reach.cloned();
            }
            changed
        });
    }
}
