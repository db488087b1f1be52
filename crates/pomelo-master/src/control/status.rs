//! What is said of the masters: how this one is ([`Control::about`]), and the whole of it for a tool.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::MasterAddr,
    messages::Asked,
    status::{CandidateStatus, GuardianStatus, LeaderStatus, Masters},
};
use pomelo_protocol::admin::{Failure, ReqId, Response};
use serde_json::Value;

use super::{Control, Peer, rounds::Purpose};
use crate::link::LinkId;

/// How long the others may take to say how they are.
const ANSWER_MAX: Duration = Duration::from_millis(500);

impl Control {
    /// How this master is, for another one.
    pub(super) fn about(&self) -> Value {
        let version = self.registry.view().version;
        let mut about = serde_json::to_value(self.candidate_status()).unwrap_or_default();
        about["epoch"] = version.epoch.into();
        about["rev"] = version.rev.into();
        about
    }

    fn candidate_status(&self) -> CandidateStatus {
        let state = self.cluster_state();
        let guardian = self.guardian.as_ref().map(|guardian| GuardianStatus {
            pid: guardian.pid,
            silence_ms: guardian.silence_ms,
            coordinator: guardian.coordinator.clone(),
        });
        CandidateStatus {
            addr: self.me.addr.clone(),
            id: Some(self.me.id.clone()),
            pid: Some(self.me.pid),
            role: Some(state.role.as_str().to_owned()),
            link: true,
            why: None,
            ahead: self.ahead,
            lag: None,
            coordinator: self.coordinator.clone(),
            trouble: self.silence.clone().or_else(|| self.trouble.clone()).or_else(|| self.outside.clone()),
            guardian,
        }
    }

    /// A tool wants to know about the masters. The leader asks the others; whoever does not lead says what it knows.
    pub(super) fn tell_masters(&mut self, asker: (LinkId, ReqId), now: Instant) {
        let to = match self.epoch() {
            Some(_) => self.linked_masters().map(|(link, _)| link).collect(),
            None => Vec::new(),
        };
        self.ask_masters(Purpose::Status { asker }, to, &Asked::About, ANSWER_MAX, now);
    }

    pub(super) fn answer_status(
        &mut self,
        (link, req_id): (LinkId, ReqId),
        answers: &BTreeMap<LinkId, Result<Value, Failure>>,
        now: Instant,
    ) {
        let masters = Masters {
            leader: self.leader_status(now),
            candidates: self.candidates(answers),
            failovers: self.history.failovers.clone(),
        };
        let response = match serde_json::to_value(&masters) {
            Ok(body) => Response::ok(req_id, body),
            Err(why) => Response::failed(req_id, &Failure::new(why.to_string())),
        };
        self.answer((link, response));
    }

    fn leader_status(&mut self, now: Instant) -> Option<LeaderStatus> {
        let leader = self.known_leader()?;
        let addr = MasterAddr { host: leader.host, port: leader.port };
        let servers = self.registry.view().servers.len();
        if self.epoch().is_none() {
            let (_, info) = self.linked_masters().find(|(_, info)| info.addr == addr)?;
            return Some(LeaderStatus {
                id: info.id.clone(),
                pid: info.pid,
                addr,
                epoch: leader.epoch,
                since_ms: 0,
                following: 0,
                linked: 0,
                servers,
                failsafe: false,
            });
        }
        let since = self.active_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let since_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let rust = |peer: &&Peer| matches!(peer, Peer::Server { rust: true, .. });
        Some(LeaderStatus {
            id: self.me.id.clone(),
            addr,
            pid: self.me.pid,
            epoch: leader.epoch,
            since_ms: self.wall_us(now).saturating_sub(since_us) / 1_000,
            following: self.following.len(),
            linked: self.peers.values().filter(rust).count(),
            servers,
            failsafe: self.is_failsafe(),
        })
    }

    /// All masters, by address.
    fn candidates(&self, answers: &BTreeMap<LinkId, Result<Value, Failure>>) -> Vec<CandidateStatus> {
        let mut candidates = BTreeMap::from([(self.me.addr.clone(), self.candidate_status())]);
        for (link, info) in self.linked_masters() {
            let answer = answers.get(&link);
            let status =
                answer.and_then(|answer| answer.as_ref().ok()).and_then(|answer| self.read_about(answer));
            let mut status = status.unwrap_or_else(|| {
                let why = match answer {
                    Some(Err(failure)) => Some(failure.message.clone()),
                    None if self.epoch().is_some() => Some("it does not answer".to_owned()),
                    _ => None,
                };
                CandidateStatus { why, ..self.known_of(&info.addr) }
            });
            // Who it is was said by itself when it registered.
            status.addr = info.addr.clone();
            status.id = Some(info.id.clone());
            status.pid = Some(info.pid);
            let down = self.masters.get(&info.addr).filter(|state| !state.up);
            status.link = down.is_none();
            status.why = status.why.or_else(|| down.and_then(|state| state.why.clone()));
            candidates.insert(info.addr.clone(), status);
        }
        let known: BTreeSet<_> = self.masters.keys().chain(self.configured_masters.keys()).collect();
        for addr in known {
            candidates.entry(addr.clone()).or_insert_with(|| self.known_of(addr));
        }
        candidates.into_values().collect()
    }

    /// What is known of a master that was not asked.
    fn known_of(&self, addr: &MasterAddr) -> CandidateStatus {
        let state = self.masters.get(addr).cloned().unwrap_or_default();
        CandidateStatus {
            addr: addr.clone(),
            id: self.configured_masters.get(addr).cloned(),
            pid: None,
            role: state.role.map(|role| role.as_str().to_owned()),
            link: false,
            why: state.why,
            ahead: None,
            lag: None,
            coordinator: state.coordinator,
            trouble: None,
            guardian: None,
        }
    }

    fn read_about(&self, answer: &Value) -> Option<CandidateStatus> {
        let mut status: CandidateStatus = serde_json::from_value(answer.clone()).ok()?;
        let version = self.registry.view().version;
        let field = |name: &str| answer.get(name).and_then(Value::as_u64);
        let current = field("epoch") == Some(version.epoch);
        status.lag = field("rev").filter(|_| current).map(|rev| version.rev.saturating_sub(rev));
        Some(status)
    }
}
