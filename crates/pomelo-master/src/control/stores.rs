//! What this master keeps in the coordinator's store: which write was for what, and what a new leader reads before it changes
//! anything.
//!
//! Not here: what is written and what is made of it ([`super::ops`], [`super::claims`], [`super::desired`], `history`).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{Record, StoreError, Write, store},
    ops::OpId,
};
use tracing::warn;

use super::{Action, Control, claims::Grant};

/// What is read before the first change of a term.
const FOLDERS: [&str; 3] = [store::OPS, store::CLAIMS, store::DESIRED];
/// After so long a folder that could not be read is read again.
const AGAIN: Duration = Duration::from_millis(500);

/// Writes under way, and what has not been read yet. All of it is of one term.
#[derive(Debug, Default)]
pub(super) struct Stores {
    last: u64,
    writes: BTreeMap<u64, Purpose>,
    reads: BTreeMap<u64, &'static str>,
    again: BTreeMap<&'static str, Instant>,
    /// Whether everything was asked for in this term.
    begun: bool,
}

/// What a write was for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// An operation is to begin.
    Accept(OpId),
    /// An operation is over.
    Close(OpId),
    /// An agent may start servers.
    Grant(Grant),
    /// A server is to do a job.
    Cron(String),
    /// Records of operations are to go.
    Forget(Vec<OpId>),
    /// Something that nobody waits for: in words, for the log.
    Note(&'static str),
}

impl Stores {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Whether a record is on its way out, and the store has not said yet that it is gone.
    pub(super) fn is_forgetting(&self, op: &OpId) -> bool {
        self.writes.values().any(|purpose| matches!(purpose, Purpose::Forget(ids) if ids.contains(op)))
    }
}

impl Control {
    /// Writes in this master's term; [`Control::stored`] goes on. Where there is no coordinator to write to, and no master could
    /// be elected without one, it goes on at once.
    pub(super) fn store(&mut self, purpose: Purpose, writes: Vec<Write>, now: Instant) {
        let Some(epoch) = self.epoch() else { return };
        if self.is_unrecorded() {
            self.desired.doubt();
            self.crons.doubt();
            return self.carry_on(purpose, Ok(()), now);
        }
        let id = self.stores.next();
        self.stores.writes.insert(id, purpose);
        self.actions.push(Action::Store { id, epoch, writes });
    }

    pub(super) fn stored(&mut self, id: u64, result: Result<(), StoreError>, now: Instant) {
        // Those of a former term are nobody's.
        if let Some(purpose) = self.stores.writes.remove(&id) {
            self.carry_on(purpose, result, now);
        }
    }

    fn carry_on(&mut self, purpose: Purpose, result: Result<(), StoreError>, now: Instant) {
        match purpose {
            Purpose::Accept(op) => self.op_accepted(&op, result, now),
            Purpose::Close(op) => self.op_closed(&op, result, now),
            Purpose::Grant(grant) => self.granted(grant, result, now),
            Purpose::Cron(job) => self.cron_written(&job, result),
            Purpose::Forget(ids) => self.ops_forgotten(ids, &result),
            Purpose::Note(what) => {
                if let Err(why) = result {
                    warn!(target: "pomelo::master", "{what}: not written: {why}");
                    self.desired.doubt();
                    self.crons.doubt();
                }
            }
        }
    }

    /// The coordinator is heard again: what was changed meanwhile is to last, too.
    pub(super) fn store_desired(&mut self, now: Instant) {
        let mut writes = if self.recalled() { self.desired.again() } else { Vec::new() };
        if self.recalled() {
            writes.extend(self.crons.again());
        }
        if !writes.is_empty() {
            self.store(Purpose::Note("what is to last"), writes, now);
        }
    }

    /// A term has begun: what the former ones left is read.
    pub(super) fn recall(&mut self, now: Instant) {
        self.ops_ask_again(now);
        self.stores.begun = true;
        for folder in FOLDERS {
            self.read_folder(folder);
        }
    }

    fn read_folder(&mut self, folder: &'static str) {
        let id = self.stores.next();
        self.stores.reads.insert(id, folder);
        self.actions.push(Action::Read { id, folder });
    }

    /// Whether everything that former terms left is known.
    pub(super) fn recalled(&self) -> bool {
        self.stores.begun && self.stores.reads.is_empty() && self.stores.again.is_empty()
    }

    pub(super) fn read(
        &mut self,
        id: u64,
        folder: &'static str,
        result: Result<Vec<Record>, StoreError>,
        now: Instant,
    ) {
        if self.stores.reads.remove(&id).is_none() {
            return;
        }
        match result {
            Ok(records) => self.found(folder, records, now),
            Err(why) => {
                warn!(target: "pomelo::master", "{folder} of former terms: not read: {why}; trying again");
                self.stores.again.insert(folder, now + AGAIN);
            }
        }
        if self.recalled() {
            self.ops_recalled(now);
        }
    }

    fn found(&mut self, folder: &'static str, records: Vec<Record>, now: Instant) {
        match folder {
            store::OPS => self.ops_found(&records, now),
            store::CLAIMS => self.claims.found(&records),
            store::DESIRED => {
                self.desired.found(&records);
                self.crons.found(&records);
            }
            _ => {}
        }
    }

    pub(super) fn stores_tick(&mut self, now: Instant) {
        if !self.is_active() {
            return;
        }
        let due: Vec<_> = self.stores.again.extract_if(.., |_, due| *due <= now).collect();
        for (folder, _) in due {
            self.read_folder(folder);
        }
    }

    /// This master leads no more.
    pub(super) fn stores_deposed(&mut self) {
        self.crons_deposed();
        let last = self.stores.last;
        self.stores = Stores { last, ..Stores::default() };
    }

    /// Whether changes are made although they can't be recorded: no other master can be elected at the moment.
    pub(super) fn is_unrecorded(&self) -> bool {
        self.is_failsafe()
    }
}

/// What stands behind the folder in a key.
pub(super) fn name_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, name)| name)
}
