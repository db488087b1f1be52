//! Jobs that administrators added to servers while those ran, and which server does a job that is to be done once.
//!
//! A grant is in the coordinator's store before the server hears of it, under job and time: whoever leads next knows it, and
//! tells the same server the same and all others no. So a job is done once at most for each time, also if the leader dies
//! between its word and the job. Times of one job only grow, with one exception: a grant that is further in the future than
//! clocks may differ was made by a clock that was wrong, and keeps nobody from the times before it.
//!
//! Not here: when something is due, which each server knows; what an action is, which only the application knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use pomelo_cluster::{
    config::CronEntry,
    coordinator::{Record, StoreError, Write, store},
};
use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{AdminMessage, Failure, ReqId, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    Control, Peer,
    stores::{Purpose, name_of},
};
use crate::{
    console::{CronChange, Jobholder},
    link::LinkId,
};

/// The module that servers ask.
pub(super) const CRON: &str = "__cron__";
/// Jobs that are remembered as added; one more is refused in words.
const ADDED_MAX: usize = 512;
/// Jobs whose last grant is remembered; one more is refused in words.
const GRANTED_MAX: usize = 1_024;
/// After so long a grant may be forgotten to make room: nobody asks for a time that old.
const GRANTED_KEPT_MS: i64 = 24 * 3_600_000;
/// How far a server's clock may be ahead of the leader's. For times beyond it there is no grant yet: it would keep all others
/// from theirs for so long. The server asks again until the job is due the next time.
const AHEAD_MS_MAX: i64 = 30_000;
/// Longest name of a job, in bytes.
const JOB_BYTES_MAX: usize = 128;

const ADDED: &str = "crons";
const GRANTED: &str = "once";

/// What lasts of it, and who waits for a write.
#[derive(Debug, Default)]
pub(super) struct Crons {
    added: Vec<Added>,
    /// Whether there ever was one: then servers that come are told what there is, also if that is nothing.
    told: bool,
    granted: BTreeMap<String, Granted>,
    /// Being written, with who waits for it.
    pending: BTreeMap<String, Pending>,
    unsure: bool,
    /// Servers whose clocks are ahead, which has been said.
    ahead: BTreeSet<ServerId>,
}

/// A job that an administrator added, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Added {
    whom: Jobholder,
    cron: CronEntry,
}

/// The last time of a job that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Granted {
    /// In ms since 1970, by the server's clock.
    at: i64,
    to: ServerId,
}

#[derive(Debug)]
struct Pending {
    grant: Granted,
    askers: Vec<(LinkId, ReqId)>,
}

impl Crons {
    /// What former terms left.
    pub(super) fn found(&mut self, records: &[Record]) {
        *self = Self::default();
        for record in records {
            let read = match name_of(&record.key) {
                ADDED => serde_json::from_slice(&record.value).map(|added| {
                    self.told = true;
                    self.added = added;
                }),
                GRANTED => serde_json::from_slice(&record.value).map(|granted| self.granted = granted),
                _ => Ok(()),
            };
            if let Err(why) = read {
                warn!(target: "pomelo::master", "{}: not understood: {why}", record.key);
            }
        }
    }

    /// A write of some of it was not made, or nobody knows.
    pub(super) fn doubt(&mut self) {
        self.unsure = true;
    }

    /// What the store may not have.
    pub(super) fn again(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        if std::mem::take(&mut self.unsure) {
            writes.push(put(GRANTED, &self.granted));
            if self.told {
                writes.push(put(ADDED, &self.added));
            }
        }
        writes
    }

    /// The write that makes a change last.
    pub(super) fn change(&mut self, change: &CronChange) -> Result<Write, Failure> {
        match change {
            CronChange::Add(whom, cron) => {
                let new = Added { whom: whom.clone(), cron: cron.clone() };
                let same = |added: &&Added| added.whom == new.whom && added.cron.id == new.cron.id;
                match self.added.iter().find(same) {
                    Some(known) if *known == new => {}
                    Some(_) => {
                        let id = &new.cron.id;
                        return Err(Failure::new(format!("job {id:?} was added before: remove it first")));
                    }
                    None if self.added.len() >= ADDED_MAX => {
                        return Err(Failure::new(format!(
                            "{ADDED_MAX} jobs were added already, as many as possible"
                        )));
                    }
                    None => self.added.push(new),
                }
            }
            CronChange::Remove(whom, id) => {
                self.added.retain(|added| added.whom != *whom || added.cron.id != *id);
            }
        }
        self.told = true;
        Ok(put(ADDED, &self.added))
    }

    /// A change was refused after all. What was to be removed is gone all the same: whoever asks again is heard.
    pub(super) fn undo(&mut self, change: &CronChange) {
        if let CronChange::Add(whom, cron) = change {
            self.added.retain(|added| added.whom != *whom || added.cron != *cron);
        }
    }

    /// No server takes a job: nobody who comes later is told of it.
    pub(super) fn refused(&mut self, change: &CronChange) -> Option<Write> {
        let before = self.added.len();
        self.undo(change);
        (self.added.len() < before).then(|| put(ADDED, &self.added))
    }

    /// Refuses a time that is too far ahead. Said in the log once, until the server asks for one that is not.
    fn check_clock(&mut self, due: &Due, clock_ms: i64) -> Result<(), Failure> {
        if !is_ahead(due.at, clock_ms) {
            self.ahead.remove(&due.server_id);
            return Ok(());
        }
        let by_s = due.at.saturating_sub(clock_ms) / 1_000;
        let why = format!(
            "the clock of {} is {by_s} s ahead of the master's, {} s are allowed for jobs that are done once: \
             set the clock that is wrong",
            due.server_id,
            AHEAD_MS_MAX / 1_000
        );
        if self.ahead.len() >= GRANTED_MAX {
            self.ahead.clear();
        }
        if self.ahead.insert(due.server_id.clone()) {
            warn!(target: "pomelo::master", "job {}/{}: {why}", due.server_type, due.job);
        }
        Err(Failure::again(why))
    }

    /// Makes room, or says that there is none.
    fn has_room(&mut self, job: &str, at: i64) -> bool {
        if !self.granted.contains_key(job) && self.granted.len() + self.pending.len() >= GRANTED_MAX {
            self.granted.retain(|_, granted| granted.at.saturating_add(GRANTED_KEPT_MS) > at);
        }
        self.granted.contains_key(job) || self.granted.len() + self.pending.len() < GRANTED_MAX
    }
}

/// A server's question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    server_id: ServerId,
    server_type: String,
    job: String,
    at: i64,
}

impl Control {
    /// A job is due at a server that asks whether it does it.
    pub(super) fn cron_due(&mut self, link: LinkId, req_id: ReqId, body: &Value, now: Instant) {
        match self.decide_cron(link, &req_id, body, now) {
            Ok(Some(answer)) => self.answer((link, Response::ok(req_id, answer))),
            Ok(None) => {}
            Err(failure) => self.refuse(link, req_id, &failure),
        }
    }

    /// None if it is answered when it is written.
    fn decide_cron(
        &mut self,
        link: LinkId,
        req_id: &ReqId,
        body: &Value,
        now: Instant,
    ) -> Result<Option<Value>, Failure> {
        if !self.is_active() {
            return Err(self.not_the_leader());
        }
        if !self.recalled() {
            return Err(Failure::again(
                "this master does not know yet what was granted before it led: ask again",
            ));
        }
        let due = Due::deserialize(body).map_err(|why| Failure::new(format!("job that is due: {why}")))?;
        if self.registry.server_on(link) != Some(&due.server_id) {
            return Err(Failure::new("servers ask for themselves only"));
        }
        let job = format!("{}/{}", due.server_type, due.job);
        if job.len() > JOB_BYTES_MAX {
            return Err(Failure::new(format!("a job's name has at most {JOB_BYTES_MAX} bytes")));
        }
        let clock_ms = self.clock_ms(now);
        self.crons.check_clock(&due, clock_ms)?;
        if let Some(pending) = self.crons.pending.get_mut(&job) {
            if pending.grant.at == due.at {
                pending.askers.push((link, req_id.clone()));
                return Ok(None);
            }
            return Err(Failure::again("another time of this job is being written: ask again"));
        }
        match self.crons.granted.get(&job) {
            Some(granted) if granted.at == due.at => return Ok(Some(json!({ "to": granted.to }))),
            // A later time was granted: this one is over.
            Some(granted) if granted.at > due.at && !is_ahead(granted.at, clock_ms) => {
                return Ok(Some(json!({ "to": "" })));
            }
            Some(granted) if granted.at > due.at => {
                let by_s = granted.at.saturating_sub(clock_ms) / 1_000;
                warn!(
                    target: "pomelo::master",
                    "job {job} was granted to {} for a time that is {by_s} s in the future: a clock was set back since, \
                     or was wrong then. Times before it are granted again", granted.to
                );
            }
            Some(_) | None => {}
        }
        if !self.crons.has_room(&job, due.at) {
            return Err(Failure::new(format!(
                "{GRANTED_MAX} jobs are done once already, as many as possible"
            )));
        }
        let grant = Granted { at: due.at, to: due.server_id };
        let mut all = self.crons.granted.clone();
        all.extend(self.crons.pending.iter().map(|(job, pending)| (job.clone(), pending.grant.clone())));
        all.insert(job.clone(), grant.clone());
        let askers = vec![(link, req_id.clone())];
        self.crons.pending.insert(job.clone(), Pending { grant, askers });
        self.store(Purpose::Cron(job), vec![put(GRANTED, &all)], now);
        Ok(None)
    }

    /// A grant is written, or not.
    pub(super) fn cron_written(&mut self, job: &str, result: Result<(), StoreError>) {
        let Some(Pending { grant, askers }) = self.crons.pending.remove(job) else { return };
        let answer = match result {
            Ok(()) => {
                let answer = json!({ "to": grant.to });
                info!(target: "pomelo::master", "job {job} of {} ms is done by {}", grant.at, grant.to);
                self.crons.granted.insert(job.to_owned(), grant);
                Ok(answer)
            }
            Err(why) => {
                // It may be there all the same; nobody was told so. The next write says what holds.
                self.crons.doubt();
                Err(Failure::again(format!("who does job {job} could not be recorded: {why}")))
            }
        };
        for (link, req_id) in askers {
            match &answer {
                Ok(answer) => self.answer((link, Response::ok(req_id, answer.clone()))),
                Err(failure) => self.refuse(link, req_id, failure),
            }
        }
    }

    /// This master leads no more: who waits asks the next one.
    pub(super) fn crons_deposed(&mut self) {
        let failure =
            Failure { leader: self.known_leader(), ..Failure::again("this master lost leadership") };
        for pending in std::mem::take(&mut self.crons.pending).into_values() {
            for (link, req_id) in pending.askers {
                self.refuse(link, req_id, &failure);
            }
        }
    }

    /// Every server is told which jobs were added for it: it may have missed some.
    pub(super) fn tell_crons_again(&mut self) {
        let servers: Vec<_> = self.registry.linked().map(|(info, link)| (info.clone(), link)).collect();
        for (info, link) in servers {
            self.tell_crons(link, &info);
        }
    }

    /// What a server that comes is told.
    pub(super) fn tell_crons(&mut self, link: LinkId, info: &ServerInfo) {
        if !self.crons.told || !self.is_active() {
            return;
        }
        let its: Vec<_> = self.crons.added.iter().filter(|added| added.whom.is(info)).collect();
        // One of the original has lost them if it was started again, and starts what it has a second time if not: they are its own
        // affair.
        if let Some(Peer::Server { rust: true, .. }) = self.peers.get(&link) {
            let crons: Vec<_> = its.iter().map(|added| &added.cron).collect();
            let order = self.order(json!({ "signal": "setCrons", "crons": crons }));
            self.send(vec![link], AdminMessage::Monitor(order));
        }
    }
}

/// Whether a time is further in the future than clocks may differ.
fn is_ahead(at: i64, clock_ms: i64) -> bool {
    at > clock_ms.saturating_add(AHEAD_MS_MAX)
}

fn put(name: &str, value: &impl Serialize) -> Write {
    // Names, texts and numbers have nothing that JSON lacks.
    let value = serde_json::to_vec(value).unwrap_or_default();
    Write::Put { key: format!("{}/{name}", store::DESIRED), value }
}
