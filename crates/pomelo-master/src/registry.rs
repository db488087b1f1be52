//! Which servers there are: those registered on this master's links, and, for the leader, the versioned membership that
//! everybody follows. Pure: events and the time go in, changes to publish come out.
//!
//! A member whose link broke is *missing*, not gone: it is gone when it said goodbye, when the agent of its machine says that
//! its process died, when its machine says that nobody listens at its address, or after a while.
//!
//! Not here: who may register ([`crate::access`]), how changes reach the servers ([`crate::control`]).

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::MasterAddr,
    membership::{Change, Version, View},
};
use pomelo_protocol::{ServerId, ServerInfo};

use crate::link::LinkId;

/// When a missing member's address is looked at, in ms after its link broke. More than once, since a process that dies closes
/// its link and its listener in an order of its own.
const PROBES_MS: [u64; 5] = [0, 100, 500, 2_000, 5_000];

/// Ids of which the last life is remembered; beyond, those that are no members are forgotten.
const LIVES_MAX: usize = 65_536;

/// A step of the membership, to be published by the leader.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delta {
    /// The membership's version after the step.
    pub(crate) version: Version,
    /// What changed.
    pub(crate) change: Change,
}

/// A server was let in.
#[derive(Debug, PartialEq)]
pub(crate) struct Admitted {
    /// The link it was on before, which is to be closed.
    pub(crate) replaced: Option<LinkId>,
    /// What to publish; nothing when everybody knows this very record, and nothing on a standby.
    pub(crate) delta: Option<Delta>,
}

/// A server's link is gone.
#[derive(Debug, PartialEq)]
pub(crate) struct Parted {
    /// Which server.
    pub(crate) id: ServerId,
    /// What to publish; nothing on a standby.
    pub(crate) deltas: Vec<Delta>,
    /// Whether it is a member still, waited for.
    pub(crate) missing: bool,
}

/// An address to be looked at: does anybody listen there?
#[derive(Debug, PartialEq)]
pub(crate) struct Probe {
    /// Which server.
    pub(crate) server: ServerId,
    /// Which life of it.
    pub(crate) incarnation: Option<u64>,
    /// Where it said that it listens.
    pub(crate) addr: MasterAddr,
}

/// Why a server was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Two processes use one id, and the other one is alive, or was a moment ago.
    #[error(
        "two servers with id {id}: it is held by pid {pid} on {host}; stop that one, or give this one another id"
    )]
    Held {
        /// The id both use.
        id: ServerId,
        /// Of the process that holds it.
        pid: String,
        /// Of the process that holds it.
        host: String,
    },
    /// An earlier life of a server that has been started again since.
    #[error(
        "server {id} was started again since (incarnation {known}, this one is {given}); this process must end"
    )]
    Older {
        /// The id.
        id: ServerId,
        /// Incarnation of the process that is in its place.
        known: u64,
        /// Incarnation of the one that came.
        given: u64,
    },
}

/// The table of servers.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Servers on a link of this master, whatever its role.
    seats: BTreeMap<ServerId, Seat>,
    by_link: HashMap<LinkId, ServerId>,
    /// The membership: this master's own while it leads, else the last one it followed.
    view: View,
    leading: bool,
    /// Members without a link here, while this master leads.
    missing: BTreeMap<ServerId, Missing>,
    /// Servers that are known to have ended while another master led, with their incarnation. Only ids of the followed view,
    /// so it can't outgrow that.
    left: BTreeMap<ServerId, Option<u64>>,
    /// The last life of each server that was ever a member, as far as this master knows.
    lives: BTreeMap<ServerId, u64>,
    fresh: Duration,
    missing_max: Duration,
}

#[derive(Debug)]
struct Seat {
    link: LinkId,
    info: Arc<ServerInfo>,
    heard: Instant,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    /// How many of [`PROBES_MS`] were made. One that has not come since a promotion is not looked for: its address may mean
    /// something else from here.
    probes: usize,
    /// Somebody wants to take its place.
    wanted: bool,
}

impl Registry {
    /// An empty table; `fresh` and `missing_max` are those of [`crate::Limits`].
    pub(crate) fn new(fresh: Duration, missing_max: Duration) -> Self {
        Self {
            seats: BTreeMap::new(),
            by_link: HashMap::new(),
            view: View::default(),
            leading: false,
            missing: BTreeMap::new(),
            left: BTreeMap::new(),
            lives: BTreeMap::new(),
            fresh,
            missing_max,
        }
    }

    /// The membership as this master knows it.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The server on a link.
    pub(crate) fn server_on(&self, link: LinkId) -> Option<&ServerId> {
        self.by_link.get(&link)
    }

    /// The link of a server that is registered here.
    pub(crate) fn link_of(&self, id: &ServerId) -> Option<LinkId> {
        self.seats.get(id).map(|seat| seat.link)
    }

    /// The link of this life of a server.
    pub(crate) fn link_of_life(&self, id: &ServerId, incarnation: Option<u64>) -> Option<LinkId> {
        self.seats.get(id).filter(|seat| seat.info.incarnation == incarnation).map(|seat| seat.link)
    }

    /// Servers registered here, with their links.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (&Arc<ServerInfo>, LinkId)> {
        self.seats.values().map(|seat| (&seat.info, seat.link))
    }

    /// Members without a link here, while this master leads.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &ServerId> {
        self.missing.keys()
    }

    /// How long a member has been missing, if it is.
    pub(crate) fn missing_for(&self, id: &ServerId, now: Instant) -> Option<Duration> {
        self.missing.get(id).map(|missing| now.saturating_duration_since(missing.since))
    }

    /// The last life of a server that was ever a member; 0 if it never was, or never said so.
    pub(crate) fn last_life(&self, id: &ServerId) -> u64 {
        self.lives.get(id).copied().unwrap_or_default()
    }

    /// When the last byte came from the link.
    pub(crate) fn heard(&mut self, link: LinkId, at: Instant) {
        if let Some(seat) = self.by_link.get(&link).and_then(|id| self.seats.get_mut(id)) {
            seat.heard = seat.heard.max(at);
        }
    }

    /// Puts a server on its link. `claimed` is whether it was this very life that an agent was told to start.
    pub(crate) fn admit(
        &mut self,
        link: LinkId,
        info: ServerInfo,
        claimed: bool,
        now: Instant,
    ) -> Result<Admitted, Refused> {
        self.is_last_life(&info)?;
        let is_member = self.view.servers.get(&info.id).is_some_and(|member| same_life(member, &info));
        let replaced = match self.seats.get(&info.id) {
            Some(seat) => {
                if !is_member && !same_life(&seat.info, &info) {
                    self.may_take_over(seat, &info, now)?;
                }
                (seat.link != link).then_some(seat.link)
            }
            None => None,
        };
        if !is_member && !claimed {
            self.is_place_free(&info, now)?;
        }
        if let Some(link) = replaced {
            self.by_link.remove(&link);
        }
        self.by_link.insert(link, info.id.clone());
        self.left.remove(&info.id);
        self.missing.remove(&info.id);
        self.seats.insert(info.id.clone(), Seat { link, info: Arc::new(info.clone()), heard: now });
        let delta = if self.leading { self.change(Change::Add(info)) } else { None };
        Ok(Admitted { replaced, delta })
    }

    /// The link is gone; `clean` when its server said that it leaves. A link that was replaced takes nobody with it.
    pub(crate) fn leave(&mut self, link: LinkId, clean: bool, now: Instant) -> Option<Parted> {
        let id = self.by_link.remove(&link)?;
        let seat = self.seats.remove(&id)?;
        let mut parted = Parted { id: id.clone(), deltas: Vec::new(), missing: false };
        if !self.view.servers.get(&id).is_some_and(|member| same_life(member, &seat.info)) {
            return Some(parted);
        }
        if clean {
            parted.deltas = self.ended(&id, seat.info.incarnation);
        } else if self.leading {
            parted.missing = true;
            self.missing.insert(id, Missing { since: now, probes: 0, wanted: false });
        }
        Some(parted)
    }

    /// The process of a server is known to have ended. Whose link that leaves behind, and what to publish.
    pub(crate) fn died(&mut self, id: &ServerId, incarnation: u64) -> (Option<LinkId>, Vec<Delta>) {
        // Of no other life: one that was started beside a living one, and found its port taken, ends first.
        let of_it = |info: &ServerInfo| info.incarnation == Some(incarnation);
        let link = self.seats.get(id).filter(|seat| of_it(&seat.info)).map(|seat| seat.link);
        if let Some(link) = link {
            self.seats.remove(id);
            self.by_link.remove(&link);
        }
        let life = self.view.servers.get(id).filter(|member| of_it(member)).map(|member| member.incarnation);
        let deltas = life.map(|life| self.ended(id, life)).unwrap_or_default();
        (link, deltas)
    }

    /// What the address of a missing member said.
    pub(crate) fn probed(&mut self, id: &ServerId, incarnation: Option<u64>, refused: bool) -> Vec<Delta> {
        let missing = refused
            && self.missing.contains_key(id)
            && self.view.servers.get(id).is_some_and(|member| member.incarnation == incarnation);
        if missing { self.ended(id, incarnation) } else { Vec::new() }
    }

    /// Whether a member has no link here. If it has had none for so long that it would have come by now, it is looked for:
    /// somebody wants to start it, and knows only that it is not his.
    pub(crate) fn is_missed(&mut self, id: &ServerId) -> bool {
        let missing = self.missing.get_mut(id);
        missing.map(|missing| missing.wanted = true).is_some()
    }

    /// The addresses that are to be looked at now.
    pub(crate) fn probes(&mut self, now: Instant) -> Vec<Probe> {
        let mut probes = Vec::new();
        for (id, missing) in &mut self.missing {
            let passed = now.saturating_duration_since(missing.since);
            let due =
                PROBES_MS.get(missing.probes).is_some_and(|after| passed >= Duration::from_millis(*after));
            let wanted = missing.wanted && passed >= self.fresh;
            if !due && !wanted {
                continue;
            }
            missing.probes += usize::from(due);
            missing.wanted = false;
            if let Some(member) = self.view.servers.get(id)
                && let Some(port) = member.port.or(member.client_port)
            {
                let addr = MasterAddr { host: member.host.clone(), port };
                probes.push(Probe { server: id.clone(), incarnation: member.incarnation, addr });
            }
        }
        probes
    }

    /// The leader's membership, as this standby follows it.
    pub(crate) fn followed(&mut self, view: &View) {
        if self.leading || view.version < self.view.version {
            return;
        }
        let same = view.servers.is(&self.view.servers);
        self.view = view.clone();
        let servers = &self.view.servers;
        self.left.retain(|id, left| servers.get(id).is_some_and(|member| member.incarnation <= *left));
        // Usually a new leader has the list of the former one.
        if !same {
            view.servers.values().for_each(|member| self.lived(member));
        }
    }

    /// Takes over: the membership becomes what the former leader knew and what is registered here, under the new epoch.
    /// Members that are not linked here have a while to come, whoever else uses their id meanwhile.
    pub(crate) fn lead(&mut self, epoch: u64, now: Instant) {
        let left = std::mem::take(&mut self.left);
        self.view.servers.retain(|id, member| left.get(id).is_none_or(|left| member.incarnation > *left));
        let mut lived = Vec::new();
        for seat in self.seats.values() {
            let known = self.view.servers.get(&seat.info.id);
            // The same life may have told this master a newer record than the former leader. Usually it has not, and nobody is to
            // wait for thousands of records that are put where they are.
            if known.is_none_or(|member| same_life(member, &seat.info) && **member != *seat.info) {
                self.view.servers.insert(seat.info.id.clone(), Arc::clone(&seat.info));
                lived.push(Arc::clone(&seat.info));
            }
        }
        for info in lived {
            self.lived(&info);
        }
        let seats = &self.seats;
        let linked =
            |member: &ServerInfo| seats.get(&member.id).is_some_and(|seat| same_life(&seat.info, member));
        let unlinked = self.view.servers.values().filter(|member| !linked(member));
        let missing = |member: &Arc<ServerInfo>| {
            (member.id.clone(), Missing { since: now, probes: PROBES_MS.len(), wanted: false })
        };
        self.missing = unlinked.map(missing).collect();
        self.view.version = Version { epoch, rev: 0 };
        self.leading = true;
    }

    /// Another master leads from now on.
    pub(crate) fn step_down(&mut self) {
        self.leading = false;
        self.missing.clear();
    }

    /// Removes members that have been missing for too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Delta> {
        let missing_max = self.missing_max;
        let due = self
            .missing
            .extract_if(.., |_, missing| now.saturating_duration_since(missing.since) >= missing_max);
        let due: Vec<_> = due.map(|(id, _)| id).collect();
        due.into_iter().flat_map(|id| self.expire_one(&id)).collect()
    }

    fn expire_one(&mut self, id: &ServerId) -> Vec<Delta> {
        let life = self.view.servers.get(id).map(|member| member.incarnation);
        life.map(|life| self.ended(id, life)).unwrap_or_default()
    }

    /// This life of a member is over. Whoever has its id now and is linked here takes its place.
    fn ended(&mut self, id: &ServerId, incarnation: Option<u64>) -> Vec<Delta> {
        if !self.leading {
            self.left.insert(id.clone(), incarnation);
            return Vec::new();
        }
        self.missing.remove(id);
        let removed = self.change(Change::Remove { id: id.clone(), incarnation });
        let next = self.seats.get(id).map(|seat| Arc::clone(&seat.info));
        let next = next.filter(|next| self.is_last_life(next).is_ok());
        let added = next.and_then(|next| self.change(Change::Add(ServerInfo::clone(&next))));
        removed.into_iter().chain(added).collect()
    }

    fn is_last_life(&self, info: &ServerInfo) -> Result<(), Refused> {
        match (info.incarnation, self.lives.get(&info.id)) {
            (Some(given), Some(&known)) if given < known => {
                Err(Refused::Older { id: info.id.clone(), known, given })
            }
            _ => Ok(()),
        }
    }

    /// Whether another process may have the seat of one that was linked here last.
    fn may_take_over(&self, seat: &Seat, info: &ServerInfo, now: Instant) -> Result<(), Refused> {
        let older = matches!(
            (seat.info.incarnation, info.incarnation), (Some(held), Some(given)) if given < held
        );
        let silent = now.saturating_duration_since(seat.heard) >= self.fresh;
        if silent && !older { Ok(()) } else { Err(held(&seat.info)) }
    }

    /// Whether a process that is no member may have an id: not while the member that has it may be alive. A process that was
    /// started by mistake would else displace one whose link happens to be away, or not to be here yet. Servers of the original
    /// end when they are refused, and have no lives to tell apart: they are not held up.
    fn is_place_free(&self, info: &ServerInfo, now: Instant) -> Result<(), Refused> {
        let Some(member) = self.view.servers.get(&info.id) else { return Ok(()) };
        if info.incarnation.is_none() || member.incarnation.is_none() {
            return Ok(());
        }
        let alive = if self.leading {
            self.missing_for(&info.id, now).is_some_and(|missing| missing < self.fresh)
        } else {
            self.left.get(&info.id).is_none_or(|left| member.incarnation > *left)
        };
        if alive { Err(held(member)) } else { Ok(()) }
    }

    fn change(&mut self, change: Change) -> Option<Delta> {
        if let Change::Add(info) = &change {
            self.lived(info);
        }
        let version = self.view.advance(change.clone())?;
        Some(Delta { version, change })
    }

    fn lived(&mut self, info: &ServerInfo) {
        let Some(incarnation) = info.incarnation else { return };
        if self.lives.len() >= LIVES_MAX && !self.lives.contains_key(&info.id) {
            let servers = &self.view.servers;
            self.lives.retain(|id, _| servers.contains_key(id));
        }
        let last = self.lives.entry(info.id.clone()).or_default();
        *last = incarnation.max(*last);
    }
}

/// Whether two records are of one process.
fn same_life(a: &ServerInfo, b: &ServerInfo) -> bool {
    match (a.incarnation, b.incarnation) {
        (Some(a), Some(b)) => a == b,
        _ => a.pid == b.pid && a.host == b.host,
    }
}

fn held(by: &ServerInfo) -> Refused {
    let pid = by.pid.map_or_else(|| "unknown".into(), |pid| pid.to_string());
    Refused::Held { id: by.id.clone(), pid, host: by.host.clone() }
}
