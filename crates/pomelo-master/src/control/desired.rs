//! What administrators want to last beyond the master they told it: servers that were stopped on purpose, and addresses that
//! are not let in.

use std::collections::BTreeSet;

use pomelo_cluster::{
    cidr::Cidr,
    coordinator::{Record, Write, store},
};
use pomelo_protocol::{ServerId, admin::Failure};
use serde::{Serialize, de::DeserializeOwned};
use tracing::warn;

use super::stores::name_of;

/// Servers that are remembered as stopped; one more is refused in words.
const STOPPED_MAX: usize = 4096;
/// Addresses and ranges that are not let in; one more is refused in words.
const BLACKLIST_MAX: usize = 4096;

const STOPPED: &str = "stopped";
const BLACKLIST: &str = "blacklist";

/// What is wanted.
#[derive(Debug, Default)]
pub(super) struct Desired {
    stopped: BTreeSet<ServerId>,
    blacklist: BTreeSet<Cidr>,
    /// What the store may not have as it is here: written with the next change of it, even if that changes nothing.
    unsure: BTreeSet<&'static str>,
}

impl Desired {
    /// What former terms left.
    pub(super) fn found(&mut self, records: &[Record]) {
        *self = Self::default();
        for record in records {
            match name_of(&record.key) {
                STOPPED => self.stopped = read(record),
                BLACKLIST => self.blacklist = read(record),
                _ => {}
            }
        }
    }

    /// Whether a server was stopped on purpose, and not started again since.
    pub(super) fn is_stopped(&self, id: &ServerId) -> bool {
        self.stopped.contains(id)
    }

    /// Every address that is not let in.
    pub(super) fn blacklist(&self) -> &BTreeSet<Cidr> {
        &self.blacklist
    }

    /// Servers are stopped on purpose. The write that makes it last, and those of them that were not stopped before.
    pub(super) fn stop(&mut self, ids: &[ServerId]) -> Result<(Option<Write>, Vec<ServerId>), Failure> {
        let new: Vec<_> = ids.iter().filter(|id| !self.stopped.contains(*id)).cloned().collect();
        if self.stopped.len() + new.len() > STOPPED_MAX {
            return Err(Failure::new(format!("more than {STOPPED_MAX} servers would be stopped on purpose")));
        }
        self.stopped.extend(new.iter().cloned());
        let due = !new.is_empty() | self.unsure.remove(STOPPED);
        Ok((due.then(|| put(STOPPED, &self.stopped)), new))
    }

    /// Servers are wanted again. Nothing is to be written if none of them was stopped.
    pub(super) fn want(&mut self, ids: &[ServerId]) -> Option<Write> {
        let before = self.stopped.len();
        self.stopped.retain(|id| !ids.contains(id));
        let due = (self.stopped.len() != before) | self.unsure.remove(STOPPED);
        due.then(|| put(STOPPED, &self.stopped))
    }

    /// A write of some of it was not made, or nobody knows.
    pub(super) fn doubt(&mut self) {
        self.unsure = BTreeSet::from([STOPPED, BLACKLIST]);
    }

    /// What the store may not have.
    pub(super) fn again(&mut self) -> Vec<Write> {
        let put = |name| match name {
            STOPPED => put(STOPPED, &self.stopped),
            _ => put(BLACKLIST, &self.blacklist),
        };
        std::mem::take(&mut self.unsure).into_iter().map(put).collect()
    }

    /// Addresses are not let in any more.
    pub(super) fn block(&mut self, addresses: &[Cidr]) -> Result<Option<Write>, Failure> {
        let new: BTreeSet<_> = addresses.iter().filter(|addr| !self.blacklist.contains(addr)).collect();
        if self.blacklist.len() + new.len() > BLACKLIST_MAX {
            return Err(Failure::new(format!(
                "the blacklist would have more than {BLACKLIST_MAX} addresses"
            )));
        }
        let due = !new.is_empty() | self.unsure.remove(BLACKLIST);
        self.blacklist.extend(new);
        Ok(due.then(|| put(BLACKLIST, &self.blacklist)))
    }
}

fn read<T: DeserializeOwned + Default>(record: &Record) -> T {
    serde_json::from_slice(&record.value).unwrap_or_else(|why| {
        warn!(target: "pomelo::master", "{}: not understood: {why}", record.key);
        T::default()
    })
}

fn put(name: &str, value: &impl Serialize) -> Write {
    // Sets of names and addresses have nothing that JSON lacks.
    let value = serde_json::to_vec(value).unwrap_or_default();
    Write::Put { key: format!("{}/{name}", store::DESIRED), value }
}
