//! What this master suspects of others, and what it does about it: takes their place away, or asks them to give it up. The rules
//! are [`pomelo_cluster::suspicion`]'s.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{MasterAddr, StoreError},
    follow::LinkState,
    follower::Leader,
    messages::Said,
    suspicion::{self, Eviction},
};
use pomelo_protocol::admin::MasterRole;
use tracing::{info, warn};

use super::{Action, Control, Peer, Standing};
use crate::link::LinkId;

/// How often a leader that does not hear the coordinator is asked to give up.
const CEDE_EVERY: Duration = Duration::from_millis(500);

/// A coordinator that was not heard may be back for one master before it is for the other: for so long after it was heard again
/// nobody is asked to give up.
const BACK_FOR: Duration = Duration::from_secs(1);

impl Control {
    /// Takes one event to the suspicion and carries out what it comes to.
    pub(super) fn suspect(&mut self, event: suspicion::Event, now: Instant) {
        let since = now.saturating_duration_since(*self.began.get_or_insert(now));
        let Some(Eviction { addr, evidence }) = self.suspicion.on(event, since) else { return };
        warn!(target: "pomelo::master", "takes the place of {addr} away: {evidence}");
        if self.sign.as_ref().is_none_or(|sign| sign.of != addr) {
            self.note_sign(addr.clone(), &evidence.to_string(), now);
        }
        self.actions.push(Action::Evict { addr });
    }

    pub(super) fn evicted(&mut self, addr: MasterAddr, result: Result<bool, StoreError>, now: Instant) {
        match result {
            Ok(was) => {
                info!(
                    target: "pomelo::master",
                    "{addr} {}", if was { "has lost its place" } else { "was not before this master any more" }
                );
                self.suspect(suspicion::Event::Evicted { addr, was }, now);
            }
            Err(why) => warn!(target: "pomelo::master", "the place of {addr} was not taken away: {why}"),
        }
    }

    /// Whether this master may take a place away has perhaps changed, or who leads.
    pub(super) fn suspect_of_me(&mut self, now: Instant) {
        let able = self.standing == Standing::Standby && self.trouble.is_none();
        if std::mem::replace(&mut self.able, able) != able {
            self.suspect(suspicion::Event::Able(able), now);
        }
        let other = |leader: &pomelo_protocol::admin::Leader| !self.is_me(&leader.host, leader.port);
        let leader = self.leader.as_ref().filter(|leader| other(leader)).map(Leader::from_wire);
        if self.suspected_leader != leader {
            self.suspected_leader.clone_from(&leader);
            self.suspect(suspicion::Event::Leader(leader), now);
        }
    }

    /// The coordinator is heard of, or not.
    pub(super) fn troubled(&mut self, trouble: Option<String>, now: Instant) {
        if self.trouble.is_some() && trouble.is_none() {
            self.heard_again = Some(now);
        }
        self.trouble = trouble;
        self.suspect_of_me(now);
    }

    /// The links to the other masters are others, or what those say of themselves.
    pub(super) fn masters_changed(&mut self, masters: Arc<BTreeMap<MasterAddr, LinkState>>, now: Instant) {
        let before = std::mem::replace(&mut self.masters, Arc::clone(&masters));
        let leader = self.known_leader().map(|leader| Leader::from_wire(&leader).addr);
        for (addr, state) in masters.iter() {
            let was = before.get(addr);
            if leader.as_ref() == Some(addr) {
                self.look_at_the_leader(addr, was, state, now);
            }
            let gone = |state: Option<&LinkState>| state.is_some_and(|state| state.gone.is_some());
            match (gone(was), gone(Some(state))) {
                (false, true) => {
                    self.lost_masters.remove(addr);
                    if let Some(failsafe) = &mut self.failsafe {
                        failsafe.ended(addr);
                    }
                    self.suspect(suspicion::Event::Gone(addr.clone()), now);
                }
                (true, false) => self.suspect(suspicion::Event::Back(addr.clone()), now),
                _ => {}
            }
        }
        self.stand(now);
        self.ask_to_cede(now);
        // One that is gone is not waited for.
        self.ending_tick(now);
    }

    fn look_at_the_leader(
        &mut self,
        addr: &MasterAddr,
        was: Option<&LinkState>,
        is: &LinkState,
        now: Instant,
    ) {
        let was_up = was.is_some_and(|was| was.up);
        if was_up && !is.up {
            let why = is.why.as_deref().unwrap_or("its link ended");
            self.note_sign(addr.clone(), &format!("link: {why}"), now);
        }
        let led = |state: &LinkState| matches!(state.role, Some(MasterRole::Active | MasterRole::Suspended));
        if was.is_some_and(led) && is.up && !led(is) && self.epoch().is_none() {
            self.note_sign(addr.clone(), "it gave up", now);
            self.suspect(suspicion::Event::Ceded(addr.clone()), now);
        }
    }

    /// A server says that it does not reach the leader.
    pub(super) fn unreachable(&mut self, link: LinkId, leader: Leader, now: Instant) {
        if let (Some(Peer::Server { .. }), Some(by)) = (self.peers.get(&link), self.registry.server_on(link))
        {
            let by = by.clone();
            self.suspect(suspicion::Event::Unreachable { by, leader }, now);
        }
    }

    pub(super) fn suspect_tick(&mut self, now: Instant) {
        if self.standing == Standing::Standby {
            self.suspect_of_me(now);
            let linked = self.registry.linked().count();
            let leader = self.suspected_leader.as_ref().and_then(|leader| self.masters.get(&leader.addr));
            let reached = leader.is_some_and(|state| state.up);
            self.suspect(suspicion::Event::Tick { linked, reached }, now);
            self.ask_to_cede(now);
        }
    }

    /// A leader that does not hear the coordinator, while this master does, is in the way of everybody who could lead.
    fn ask_to_cede(&mut self, now: Instant) {
        if self.heard_again.is_some_and(|at| now.saturating_duration_since(at) < BACK_FOR) {
            return;
        }
        let Some(leader) = self.known_leader().filter(|_| self.able) else { return };
        let addr = MasterAddr { host: leader.host, port: leader.port };
        let suspended = |state: &LinkState| state.up && state.role == Some(MasterRole::Suspended);
        if self.masters.get(&addr).is_some_and(suspended) && self.cede_again.is_none_or(|at| at <= now) {
            info!(target: "pomelo::master", "asks {addr} to give up: this master hears the coordinator");
            self.cede_again = Some(now + CEDE_EVERY);
            self.actions.push(Action::Tell { to: addr, body: Said::Cede { epoch: leader.epoch }.body() });
        }
    }
}
