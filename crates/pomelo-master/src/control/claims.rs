//! Which agent may start which life of a server. A claim is in the coordinator's store before the agent hears of it, and its
//! number is higher than that of any life before: two masters may each let an agent start the same server, but what they start
//! are two lives, of which only the later one stays registered.
//!
//! Also what agents say of the servers they run. Not here: the processes, which are the agents' (`pomelo-cli`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Instant, SystemTime},
};

use pomelo_cluster::coordinator::{Record, StoreError, Write, store};
use pomelo_protocol::{
    ServerId,
    admin::{Failure, ReqId, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    Control, Peer,
    stores::{Purpose, name_of},
};
use crate::link::LinkId;

/// Servers that one agent may be said to run; the others are forgotten.
const CHILDREN_MAX: usize = 4_096;
/// Servers that claims are remembered of; others are not granted.
const SERVERS_MAX: usize = 65_536;
/// Servers granted at once: as many as the store writes in one step, with what is wanted. The agent asks for the others next.
const GRANTED_MAX: usize = store::WRITES_MAX - 1;

/// The claims, and what agents run.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Servers that agents were told to start and that have not registered yet, so that no two agents start one.
    granted: BTreeMap<ServerId, Claim>,
    /// The last claim of each server.
    last: BTreeMap<ServerId, u64>,
    /// What each agent runs, by its link.
    children: BTreeMap<LinkId, BTreeSet<ServerId>>,
}

#[derive(Debug)]
struct Claim {
    agent: String,
    incarnation: u64,
    until: Instant,
}

/// A claim's record.
#[derive(Debug, Serialize, Deserialize)]
struct ClaimRecord {
    incarnation: u64,
    epoch: u64,
}

/// An agent's question, while the claims that answer it are being written.
#[derive(Debug)]
pub(super) struct Grant {
    link: LinkId,
    req_id: ReqId,
    spawn: Vec<(ServerId, u64)>,
    running: Vec<ServerId>,
    stopped: Vec<ServerId>,
}

/// The time of day; a clock that is set back does not go back here. One that is set forward, or that went on while the machine
/// slept, does go forward: servers compare theirs with it.
#[derive(Debug, Default)]
pub(super) struct Wall {
    since: Option<(Instant, u64)>,
    /// Not the machine's time.
    is_set: bool,
}

impl Wall {
    /// From now on it is so many µs since 1970.
    #[cfg(test)]
    pub(super) fn set(&mut self, now: Instant, us: u64) {
        *self = Self { since: Some((now, us)), is_set: true };
    }

    fn us(&mut self, now: Instant) -> u64 {
        let (then, us) = *self.since.get_or_insert_with(|| (now, machine_us()));
        let passed = now.saturating_duration_since(then).as_micros();
        let counted = us.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        if self.is_set || machine_us() <= counted {
            return counted;
        }
        let us = machine_us();
        self.since = Some((now, us));
        us
    }
}

fn machine_us() -> u64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX)
}

impl Claims {
    pub(super) fn expire(&mut self, now: Instant) {
        self.granted.retain(|_, claim| claim.until > now);
    }

    /// What former terms left.
    pub(super) fn found(&mut self, records: &[Record]) {
        for record in records {
            let read: Result<ClaimRecord, _> = serde_json::from_slice(&record.value);
            match (ServerId::new(name_of(&record.key)), read) {
                (Ok(id), Ok(claim)) => self.claimed(id, claim.incarnation),
                (_, read) => warn!(target: "pomelo::master", "{} is not understood: {read:?}", record.key),
            }
        }
    }

    /// Whether it was this life that an agent was told to start last.
    pub(super) fn is_claimed(&self, id: &ServerId, incarnation: Option<u64>) -> bool {
        incarnation.is_some() && self.last.get(id).copied() == incarnation
    }

    /// A server is there, so that its claim keeps nobody out any more.
    pub(super) fn came(&mut self, id: &ServerId) {
        self.granted.remove(id);
    }

    /// What makes these claims last.
    pub(super) fn writes(&self, epoch: u64, claims: &[(ServerId, u64)]) -> Vec<Write> {
        let write = |(id, incarnation): &(ServerId, u64)| {
            let record = ClaimRecord { incarnation: *incarnation, epoch };
            // Two numbers have nothing that JSON lacks.
            let value = serde_json::to_vec(&record).unwrap_or_default();
            Write::Put { key: format!("{}/{id}", store::CLAIMS), value }
        };
        claims.iter().map(write).collect()
    }

    pub(super) fn lost(&mut self, link: LinkId) {
        self.children.remove(&link);
    }

    fn claimed(&mut self, id: ServerId, incarnation: u64) {
        let last = self.last.entry(id).or_default();
        *last = incarnation.max(*last);
    }
}

impl Control {
    /// µs since 1970, and never less than before.
    pub(super) fn wall_us(&mut self, now: Instant) -> u64 {
        self.wall.us(now)
    }

    /// ms since 1970 as the machine's clock shows it now, also when that was set back.
    pub(super) fn clock_ms(&mut self, now: Instant) -> i64 {
        let us = if self.wall.is_set { self.wall.us(now) } else { machine_us() };
        i64::try_from(us / 1_000).unwrap_or(i64::MAX)
    }

    /// The next life of a server, for this agent.
    pub(super) fn claim(&mut self, id: &ServerId, agent: &str, now: Instant) -> u64 {
        let known = self.registry.last_life(id);
        let last = self.claims.last.get(id).copied().unwrap_or_default();
        let incarnation = self.wall_us(now).max(known.saturating_add(1)).max(last.saturating_add(1));
        self.claims.claimed(id.clone(), incarnation);
        let until = now + self.limits.spawn_claim;
        self.claims.granted.insert(id.clone(), Claim { agent: agent.to_owned(), incarnation, until });
        incarnation
    }

    /// Which of these servers the asking agent is to start now.
    pub(super) fn start(&mut self, link: LinkId, req_id: ReqId, body: Value, now: Instant) {
        if self.is_active() && self.ending.is_none() && !self.recalled() {
            return self.hold_agent(link, req_id, body, now);
        }
        match self.grant(link, req_id.clone(), &body, now) {
            Ok((grant, writes)) if writes.is_empty() => self.granted(grant, Ok(()), now),
            Ok((grant, writes)) => self.store(Purpose::Grant(grant), writes, now),
            Err(failure) => self.refuse(link, req_id, &failure),
        }
    }

    fn grant(
        &mut self,
        link: LinkId,
        req_id: ReqId,
        body: &Value,
        now: Instant,
    ) -> Result<(Grant, Vec<Write>), Failure> {
        let Some(Peer::Agent { id: agent }) = self.peers.get(&link) else {
            return Err(Failure::new("only agents start servers"));
        };
        let agent = agent.clone();
        let Some(epoch) = self.epoch().filter(|_| self.is_active() && self.ending.is_none()) else {
            return Err(self.not_the_leader());
        };
        let expected = || Failure::new("start: expected servers, a list of server ids");
        let ids = body.get("servers").and_then(Value::as_array).ok_or_else(expected)?;
        let died = body.get("why").and_then(Value::as_str) == Some("died");
        let mut grant = Grant { link, req_id, spawn: Vec::new(), running: Vec::new(), stopped: Vec::new() };
        for id in ids {
            let id: ServerId = serde_json::from_value(id.clone()).map_err(|_| expected())?;
            if self.registry.view().servers.contains_key(&id) {
                // Of one that has no link nobody knows whether it runs, for instance when this master has only been told by
                // the file of a machine that was off meanwhile. The agent asks again until that is known.
                if self.registry.link_of(&id).is_some() || !self.registry.is_missed(&id) {
                    grant.running.push(id);
                }
                continue;
            }
            if died && self.desired.is_stopped(&id) {
                grant.stopped.push(id);
                continue;
            }
            let granted = &self.claims.granted;
            let taken = granted.get(&id).is_some_and(|claim| claim.agent != agent && claim.until > now);
            let full = granted.len() >= self.limits.spawn_claims_max && !granted.contains_key(&id)
                || self.claims.last.len() >= SERVERS_MAX && !self.claims.last.contains_key(&id);
            if taken || full || grant.spawn.len() >= GRANTED_MAX {
                continue;
            }
            let incarnation = self.claim(&id, &agent, now);
            grant.spawn.push((id, incarnation));
        }
        self.probe(now);
        let mut writes = self.claims.writes(epoch, &grant.spawn);
        if !died {
            let wanted: Vec<_> =
                grant.spawn.iter().map(|(id, _)| id.clone()).chain(grant.running.clone()).collect();
            writes.extend(self.desired.want(&wanted));
        }
        Ok((grant, writes))
    }

    /// The claims are written, or not.
    pub(super) fn granted(&mut self, grant: Grant, result: Result<(), StoreError>, now: Instant) {
        let Grant { link, req_id, spawn, running, stopped } = grant;
        if let Err(why) = result {
            self.desired.doubt();
            self.crons.doubt();
            for (id, incarnation) in spawn {
                if self.claims.granted.get(&id).is_some_and(|claim| claim.incarnation == incarnation) {
                    self.claims.granted.remove(&id);
                }
            }
            let leader = self.known_leader().filter(|_| self.epoch().is_none());
            let failure = Failure { leader, ..Failure::again(format!("nothing is started: {why}")) };
            return self.refuse(link, req_id, &failure);
        }
        if !self.is_active() || self.ending.is_some() {
            return self.refuse(link, req_id, &self.not_the_leader());
        }
        let ids: Vec<_> = spawn.iter().map(|(id, _)| id).collect();
        if let (Some(Peer::Agent { id: agent }), false) = (self.peers.get(&link), ids.is_empty()) {
            info!(target: "pomelo::master", "agent {agent} is to start {ids:?}");
        }
        for (id, _) in &spawn {
            if let Some(claim) = self.claims.granted.get_mut(id) {
                claim.until = now + self.limits.spawn_claim;
            }
        }
        let answer = json!({
            "spawn": ids,
            "claims": spawn.iter().cloned().collect::<BTreeMap<_, _>>(),
            "running": running,
            "stopped": stopped,
            "epoch": self.epoch(),
        });
        self.answer((link, Response::ok(req_id, answer)));
    }

    /// An agent says which servers it runs.
    pub(super) fn agent_runs(&mut self, link: LinkId, body: &Value, now: Instant) {
        if !matches!(self.peers.get(&link), Some(Peer::Agent { .. })) {
            return;
        }
        let ids = body.get("servers").and_then(Value::as_array).into_iter().flatten();
        let ids = ids.filter_map(|id| ServerId::new(id.as_str()?).ok()).take(CHILDREN_MAX);
        self.claims.children.insert(link, ids.collect());
        self.ops_look(now);
    }

    /// An agent says that servers it had started have ended.
    pub(super) fn agent_lost(&mut self, link: LinkId, servers: &[(ServerId, u64)], now: Instant) {
        if !matches!(self.peers.get(&link), Some(Peer::Agent { .. })) {
            return;
        }
        for (id, incarnation) in servers {
            let (old, deltas) = self.registry.died(id, *incarnation);
            if let Some(old) = old {
                // Its peer is forgotten when the link has closed.
                self.close(old, "its process has ended");
            }
            if !deltas.is_empty() {
                info!(target: "pomelo::master", "server {id} has died");
            }
            self.publish_all(deltas, now);
            self.ending_gone(id, old, now);
        }
    }

    /// The agent that runs a server.
    pub(super) fn agent_of(&self, id: &ServerId) -> Option<String> {
        let runs = |link: &LinkId| self.claims.children.get(link).is_some_and(|ids| ids.contains(id));
        self.peers.iter().find_map(|(link, peer)| match peer {
            Peer::Agent { id: agent } if runs(link) => Some(agent.clone()),
            _ => None,
        })
    }

    pub(super) fn link_of_agent(&self, agent: &str) -> Option<LinkId> {
        // The latest one, if an old link has not been noticed to be dead.
        self.peers.iter().rev().find_map(|(link, peer)| match peer {
            Peer::Agent { id } if id == agent => Some(*link),
            _ => None,
        })
    }
}
