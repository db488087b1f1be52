//! What this process tells masters without being asked: that it follows the leader, and that it does not reach it; and what it does
//! when it is told that another master is there.

use std::{collections::BTreeMap, time::Duration};

use pomelo_protocol::admin::Envelope;
use tokio::{sync::watch, time::Instant};

use super::{
    Leader,
    run::{Runner, tell},
};
use crate::{
    coordinator::MasterAddr,
    messages::{CLUSTER, Said},
};

/// After so long without a link to the leader the other masters are told, and then again and again.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(1);
/// The same where there never was a link to it in its term: a leader that has only just begun is not there for everybody at once, and
/// whoever dials it has its pauses.
const NEVER_REACHED_AFTER: Duration = Duration::from_secs(3);
/// A leader that has said nothing for so long, not even to a ping, is not reached, although there is a link.
const SILENT_AFTER: Duration = Duration::from_secs(3);
/// All servers are told at once that a master is there. They dial it within this time, each at random ...
const WAKE_SPREAD_MAX: Duration = Duration::from_millis(200);
/// ... and within less when they are few: so much for each.
const WAKE_SPREAD_EACH: Duration = Duration::from_micros(200);

/// What was told, and what is to be told when.
pub(super) struct Telling {
    /// The leader that knows that it is followed.
    following: Option<Leader>,
    /// The leader that is not reached, and when to tell the others next.
    unreachable: Option<(Leader, Instant)>,
    /// The last leader that was reached.
    reached: Option<Leader>,
    wakes: BTreeMap<MasterAddr, watch::Sender<Duration>>,
}

impl Telling {
    pub(super) fn new(wakes: BTreeMap<MasterAddr, watch::Sender<Duration>>) -> Self {
        Self { following: None, unreachable: None, reached: None, wakes }
    }

    /// When to call [`Runner::tell_unreachable`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.unreachable.as_ref().map(|(_, at)| *at)
    }

    /// A link has ended: what was said on it may not have arrived.
    pub(super) fn unlinked(&mut self, addr: &MasterAddr) {
        self.following.take_if(|told| told.addr == *addr);
    }
}

impl Runner {
    /// Once for each term of a leader and link to it, when its membership is there.
    pub(super) fn tell_following(&mut self) {
        let version = self.state.view().version;
        let Some(leader) = self.state.leader().filter(|leader| leader.epoch > 0) else { return };
        if version.epoch != leader.epoch || self.telling.following.as_ref() == Some(leader) {
            return;
        }
        if let Some(linked) = self.links.get(&leader.addr) {
            tell(&linked.sender, Envelope::notify(CLUSTER, Said::Following { version }.body()));
            self.telling.following = Some(leader.clone());
        }
    }

    /// Begins to count when the link to the leader is lost, and ends when it is there again or another master leads. Looked at after
    /// each batch of inputs and each sweep.
    pub(super) fn watch_leader(&mut self) {
        let leader = self.state.leader().filter(|leader| leader.epoch > 0);
        let (reached, lost) = match leader {
            Some(leader) if self.reaches(leader) => (Some(leader), None),
            leader => (None, leader),
        };
        if reached.is_some() && self.telling.reached.as_ref() != reached {
            self.telling.reached = reached.cloned();
        }
        match (lost, &self.telling.unreachable) {
            (None, None) => {}
            (None, Some(_)) => self.telling.unreachable = None,
            (Some(lost), Some((known, _))) if lost == known => {}
            (Some(lost), _) => {
                // One that is silent has been so for long enough already.
                let silent = self.links.contains_key(&lost.addr);
                let wait = match self.telling.reached.as_ref() == Some(lost) {
                    true if silent => Duration::ZERO,
                    true => UNREACHABLE_AFTER,
                    false => NEVER_REACHED_AFTER,
                };
                self.telling.unreachable = Some((lost.clone(), Instant::now() + wait));
            }
        }
    }

    pub(super) fn tell_unreachable(&mut self) {
        let Some((leader, _)) = self.telling.unreachable.take() else { return };
        let body = Said::Unreachable { leader: leader.clone() }.body();
        for (_, linked) in
            self.links.iter().filter(|(addr, linked)| **addr != leader.addr && !linked.of_the_original)
        {
            tell(&linked.sender, Envelope::notify(CLUSTER, body.clone()));
        }
        self.telling.unreachable = Some((leader, Instant::now() + UNREACHABLE_AFTER));
    }

    /// All servers are told that another master is there: each dials it at a random time.
    pub(super) fn wake_with_all(&self, addr: &MasterAddr) {
        let servers = u32::try_from(self.state.view().servers.len()).unwrap_or(u32::MAX);
        self.wake(addr, WAKE_SPREAD_EACH.saturating_mul(servers).min(WAKE_SPREAD_MAX));
    }

    /// Another master is there, and is dialled within this time. One that is linked already needs nothing.
    pub(super) fn wake(&self, addr: &MasterAddr, within: Duration) {
        let linked = self.states.get(addr).is_some_and(|state| state.up);
        if let Some(wake) = self.telling.wakes.get(addr).filter(|_| !linked) {
            wake.send_replace(within);
        }
    }

    fn reaches(&self, leader: &Leader) -> bool {
        let linked = self.links.get(&leader.addr);
        linked.is_some_and(|linked| linked.sender.silent_for() < SILENT_AFTER)
    }
}
