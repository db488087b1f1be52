//! Whom to believe: a state machine that follows the highest epoch and keeps the membership.
//!
//! Pure: events in, actions out; [`crate::follow`] owns the links and carries the actions out. Three rules make it safe:
//! the highest epoch seen never falls; nothing of a lower epoch is obeyed, and its sender is told so; silence is no reason
//! to leave a leader, only another master with a higher epoch, or the leader's own word, is. An epoch that can't be is nobody's:
//! believed once, it would keep all later leaders out.

use std::{collections::BTreeMap, sync::Arc};

use pomelo_protocol::admin::{self, ClusterState, Hello, MasterRole, ViewStamp};

use crate::{
    coordinator::MasterAddr,
    membership::{Applied, Change, Version, View},
};

/// Epochs grow by one with each failover, and by some thousand with another start of a machine. One that is further above the highest known than this is a mistake or a lie.
pub const EPOCH_JUMP_MAX: u64 = 1 << 40;

/// The master that leads, and since which term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Where it listens.
    pub addr: MasterAddr,
    /// Its term; 0 for a master of the original, which has none.
    pub epoch: u64,
}

/// What happened on the links.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A master took the registration.
    Connected {
        /// Which.
        addr: MasterAddr,
        /// What it says of itself; a master of the original says nothing.
        state: Option<ClusterState>,
    },
    /// A master with a link says what it is now.
    State {
        /// Which.
        addr: MasterAddr,
        /// What it says.
        state: ClusterState,
    },
    /// A link ended.
    Disconnected {
        /// Whose.
        addr: MasterAddr,
    },
    /// A master says that it leads.
    Announce {
        /// Which.
        addr: MasterAddr,
        /// Its membership; the epoch in it is its term.
        view: ViewStamp,
    },
    /// A master says who is there.
    Snapshot {
        /// Which.
        addr: MasterAddr,
        /// The list.
        view: View,
    },
    /// A master could not say who is there.
    NoSnapshot {
        /// Which.
        addr: MasterAddr,
    },
    /// A master says who came or went.
    Step {
        /// Which.
        addr: MasterAddr,
        /// The version the step leads to; the epoch in it is the master's term.
        version: Version,
        /// The step.
        change: Change,
    },
    /// A master asks or tells something else.
    Frame {
        /// Which.
        addr: MasterAddr,
        /// Its term.
        epoch: u64,
    },
    /// Somebody who does not lead says who does.
    Moved {
        /// Who.
        leader: Leader,
    },
    /// What an earlier process on this machine had seen.
    Remembered {
        /// Its highest epoch.
        epoch: u64,
        /// Its membership, to begin with if no master says another.
        view: Option<View>,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The leader is another, or not known any more.
    Lead(Option<Leader>),
    /// The membership is another, or the same at another version: [`FollowerState::view`].
    Publish,
    /// Ask this master who is there.
    AskSnapshot {
        /// Which.
        addr: MasterAddr,
    },
    /// The frame is of the right term: obey it.
    Deliver,
    /// The message was of a lower epoch and was not obeyed: tell its sender.
    Refuse {
        /// Whom.
        addr: MasterAddr,
        /// Highest epoch seen.
        epoch: u64,
        /// Who leads, if known.
        leader: Option<Leader>,
    },
    /// The message names an epoch that can't be: nothing was done about it.
    Absurd {
        /// Whose.
        addr: MasterAddr,
        /// The epoch.
        epoch: u64,
    },
}

/// What one process knows about who leads and who is there.
#[derive(Clone, Debug, Default)]
pub struct FollowerState {
    max_epoch: u64,
    /// Highest epoch whose owner has said itself that it leads no more.
    ended_epoch: u64,
    leader: Option<Leader>,
    view: Arc<View>,
    /// Masters with a link.
    linked: BTreeMap<MasterAddr, Linked>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Linked {
    /// Without [`ClusterState`].
    of_the_original: bool,
    /// Highest epoch seen when it was asked who is there; `None` when nothing is on its way.
    asked_in_epoch: Option<u64>,
}

impl Leader {
    /// As the admin protocol has it.
    pub fn to_wire(&self) -> admin::Leader {
        admin::Leader { host: self.addr.host.clone(), port: self.addr.port, epoch: self.epoch }
    }

    /// From the admin protocol.
    pub fn from_wire(leader: &admin::Leader) -> Self {
        let addr = MasterAddr { host: leader.host.clone(), port: leader.port };
        Self { addr, epoch: leader.epoch }
    }
}

impl FollowerState {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Highest epoch seen.
    pub fn max_epoch(&self) -> u64 {
        self.max_epoch
    }

    /// Who leads, if known.
    pub fn leader(&self) -> Option<&Leader> {
        self.leader.as_ref()
    }

    /// The membership.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What to say of oneself in a registration.
    pub fn hello(&self) -> Hello {
        let Version { epoch, rev } = self.view.version;
        let view = (self.view.version != Version::default()).then(|| ViewStamp {
            epoch,
            rev,
            digest: self.view.digest(),
        });
        Hello { max_epoch: self.max_epoch, view, ..Hello::new() }
    }

    /// Takes one event.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Connected { addr, state } => self.connected(addr, state, &mut actions),
            Event::State { addr, state } => self.state(&addr, &state, &mut actions),
            Event::Disconnected { addr } => {
                self.linked.remove(&addr);
                self.pick_original(&mut actions);
            }
            Event::Announce { addr, view } => {
                if self.claims(&addr, view.epoch, &mut actions) {
                    self.compare(&addr, &view, &mut actions);
                }
            }
            Event::Snapshot { addr, view } => self.snapshot(&addr, view, &mut actions),
            Event::NoSnapshot { addr } => self.answered(&addr),
            Event::Step { addr, version, change } => {
                if self.claims(&addr, version.epoch, &mut actions) {
                    self.step(&addr, version, change, &mut actions);
                }
            }
            Event::Frame { addr, epoch } => {
                if self.may_be(&addr, epoch, &mut actions) {
                    actions.push(Action::Deliver);
                }
            }
            Event::Moved { leader } => self.hearsay(leader, &mut actions),
            Event::Remembered { epoch, view } => self.remembered(epoch, view, &mut actions),
        }
        actions
    }

    fn connected(&mut self, addr: MasterAddr, state: Option<ClusterState>, actions: &mut Vec<Action>) {
        let linked = Linked { of_the_original: state.is_none(), asked_in_epoch: None };
        self.linked.insert(addr.clone(), linked);
        match state {
            Some(state) => self.state(&addr, &state, actions),
            None => self.pick_original(actions),
        }
    }

    fn state(&mut self, addr: &MasterAddr, state: &ClusterState, actions: &mut Vec<Action>) {
        match state.role {
            MasterRole::Active | MasterRole::Suspended => {
                if self.claims(addr, state.view.epoch, actions) {
                    self.compare(addr, &state.view, actions);
                }
            }
            MasterRole::Joining | MasterRole::Standby => {
                self.leads_no_more(addr, actions);
                // A standby may have seen an epoch whose owner it can't name; the leader that it names is over then.
                if !self.is_absurd(state.view.epoch) {
                    self.max_epoch = self.max_epoch.max(state.view.epoch);
                }
                if let Some(leader) = &state.leader {
                    self.hearsay(Leader::from_wire(leader), actions);
                }
            }
        }
    }

    /// The master at `addr` says, in whatever words, that it leads in `epoch`. Whether to believe it.
    fn claims(&mut self, addr: &MasterAddr, epoch: u64, actions: &mut Vec<Action>) -> bool {
        let may_be = self.may_be(addr, epoch, actions);
        if may_be {
            self.follow(Some(Leader { addr: addr.clone(), epoch }), actions);
        }
        may_be
    }

    /// Takes note of an epoch that somebody speaks in; false, with the reason as an action, if it is over or can't be.
    fn may_be(&mut self, addr: &MasterAddr, epoch: u64, actions: &mut Vec<Action>) -> bool {
        if epoch < self.max_epoch {
            actions.push(self.refusal(addr));
            return false;
        }
        if self.is_absurd(epoch) {
            actions.push(Action::Absurd { addr: addr.clone(), epoch });
            return false;
        }
        self.max_epoch = epoch;
        true
    }

    fn is_absurd(&self, epoch: u64) -> bool {
        epoch > self.max_epoch.saturating_add(EPOCH_JUMP_MAX)
    }

    /// A membership of another time is better than none, and worse than any that a master has told.
    fn remembered(&mut self, epoch: u64, view: Option<View>, actions: &mut Vec<Action>) {
        if self.is_absurd(epoch) {
            return;
        }
        self.max_epoch = self.max_epoch.max(epoch);
        if let Some(view) = view
            && self.view.version == Version::default()
            && view.version.epoch <= epoch
        {
            self.publish(view, actions);
        }
    }

    /// A third party says who leads: good enough to look there, unless that one has said since that it does not. Of a
    /// term whose leader is known it is no news: the third party may only know that master by another host name.
    fn hearsay(&mut self, leader: Leader, actions: &mut Vec<Action>) {
        let known = self.leader.as_ref().is_some_and(|known| known.epoch == leader.epoch);
        if leader.epoch >= self.max_epoch
            && leader.epoch > self.ended_epoch
            && !known
            && !self.is_absurd(leader.epoch)
        {
            self.max_epoch = leader.epoch;
            self.follow(Some(leader), actions);
        }
    }

    fn leads_no_more(&mut self, addr: &MasterAddr, actions: &mut Vec<Action>) {
        if let Some(leader) = self.leader.as_ref().filter(|leader| leader.addr == *addr) {
            self.ended_epoch = leader.epoch;
            self.follow(None, actions);
        }
    }

    /// Masters of the original have no epochs: the first one with a link leads, as long as no epoch was ever seen.
    fn pick_original(&mut self, actions: &mut Vec<Action>) {
        let linked = |leader: &Leader| self.linked.contains_key(&leader.addr);
        if self.max_epoch > 0 || self.leader.as_ref().is_some_and(linked) {
            return;
        }
        let first = self.linked.iter().find(|(_, linked)| linked.of_the_original);
        if let Some(addr) = first.map(|(addr, _)| addr.clone()) {
            self.follow(Some(Leader { addr: addr.clone(), epoch: 0 }), actions);
            self.ask(&addr, actions);
        }
    }

    fn follow(&mut self, leader: Option<Leader>, actions: &mut Vec<Action>) {
        if self.leader != leader {
            self.leader.clone_from(&leader);
            actions.push(Action::Lead(leader));
        }
    }

    /// The leader has a membership: ours, under a version that may be new, or one that we lack.
    fn compare(&mut self, addr: &MasterAddr, theirs: &ViewStamp, actions: &mut Vec<Action>) {
        let version = Version { epoch: theirs.epoch, rev: theirs.rev };
        if version < self.view.version {
            return;
        }
        if theirs.digest != self.view.digest() {
            self.ask(addr, actions);
        } else if version != self.view.version {
            self.publish(View { version, ..View::clone(&self.view) }, actions);
        }
    }

    fn snapshot(&mut self, addr: &MasterAddr, view: View, actions: &mut Vec<Action>) {
        self.answered(addr);
        if !self.claims(addr, view.version.epoch, actions) {
            return;
        }
        if view.version >= self.view.version && view != **self.view() {
            self.publish(view, actions);
        }
    }

    fn step(&mut self, addr: &MasterAddr, version: Version, change: Change, actions: &mut Vec<Action>) {
        match self.view.takes(version) {
            Applied::Done => {
                // Copies the list only if the one before is still in somebody's hands.
                Arc::make_mut(&mut self.view).apply(version, change);
                actions.push(Action::Publish);
            }
            Applied::Old => {}
            Applied::NeedSnapshot => self.ask(addr, actions),
        }
    }

    fn publish(&mut self, view: View, actions: &mut Vec<Action>) {
        self.view = Arc::new(view);
        actions.push(Action::Publish);
    }

    /// Asks for the list, unless the answer to an earlier question will do: what a master says arrives in order, so the
    /// list on its way holds every step that was refused meanwhile. Not so if another epoch began since.
    fn ask(&mut self, addr: &MasterAddr, actions: &mut Vec<Action>) {
        let max_epoch = self.max_epoch;
        if let Some(linked) = self.linked.get_mut(addr)
            && linked.asked_in_epoch != Some(max_epoch)
        {
            linked.asked_in_epoch = Some(max_epoch);
            actions.push(Action::AskSnapshot { addr: addr.clone() });
        }
    }

    fn answered(&mut self, addr: &MasterAddr) {
        if let Some(linked) = self.linked.get_mut(addr) {
            linked.asked_in_epoch = None;
        }
    }

    fn refusal(&self, addr: &MasterAddr) -> Action {
        Action::Refuse { addr: addr.clone(), epoch: self.max_epoch, leader: self.leader.clone() }
    }
}

#[cfg(test)]
mod tests;
