//! What a leader writes: its term, and the records of [`crate::coordinator::store`]. Each is one transaction that checks the
//! candidate's own key, which is what fences one that does not know yet that its lease ended.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Etcd, Place,
    client::{self, Entry, delete, get, holds, made_at, put, written_at},
    http::EtcdError,
    queue,
};
use crate::coordinator::{
    self, CandidateInfo, MasterAddr, PromoteError, Record, StoreError, Term, Write, store,
};

/// Somebody else may write the epoch at the same moment; after so many times the candidate pauses instead.
const TRIES_MAX: usize = 4;

/// etcd takes 128 operations a transaction, one within another counted on top: steps that are larger are made of parts.
const PART_WRITES_MAX: usize = 100;

/// Value of the leader's key. The original's plugin writes `id`, `host` and `port` into ZooKeeper.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    #[serde(flatten)]
    leader: CandidateInfo,
    epoch: u64,
    lock: String,
}

pub(super) async fn promote(
    etcd: &Etcd,
    me: &CandidateInfo,
    place: &Place,
    above: u64,
) -> Result<Term, PromoteError> {
    for _ in 0..TRIES_MAX {
        if let Some(term) = try_promote(etcd, me, place, above).await? {
            return Ok(term);
        }
    }
    Err(PromoteError::Unavailable("the epoch changes all the time".to_owned()))
}

/// Nothing if the epoch was written between reading and writing.
async fn try_promote(
    etcd: &Etcd,
    me: &CandidateInfo,
    place: &Place,
    above: u64,
) -> Result<Option<Term>, PromoteError> {
    let (epoch_key, leader_key) = (etcd.key("epoch"), etcd.leader_key());
    let (own, reads) = (made_at(&place.key, place.made), [get(&epoch_key), get(leader_key)]);
    let read = etcd.client.txn(std::slice::from_ref(&own), &reads, &[]).await?;
    if !read.succeeded {
        return Err(PromoteError::Fenced("the key in the queue is gone".to_owned()));
    }
    let (last, written) = match read.found(0).first() {
        Some(entry) => (coordinator::parse_epoch("the key of the epoch", &entry.value)?, entry.mod_revision),
        None => (0, 0),
    };
    if let Some(term) = granted_before(read.found(1), place, last, above) {
        return Ok(Some(term));
    }
    let last = last.max(above);
    let epoch = last.checked_add(1).ok_or_else(|| PromoteError::Fenced(format!("no epoch after {last}")))?;
    let published = Published { leader: me.clone(), epoch, lock: place.key.clone() };
    let published =
        serde_json::to_vec(&published).map_err(|error| PromoteError::Unavailable(error.to_string()))?;
    let writes = [put(&epoch_key, epoch.to_string()), put(leader_key, published)];
    let done = etcd.client.txn(&[own, written_at(&epoch_key, written)], &writes, &[]).await?;
    Ok(done.succeeded.then_some(Term { epoch }))
}

/// An earlier transaction of this candidate went through though its answer was lost: the term is granted already.
fn granted_before(published: &[Entry], place: &Place, last: u64, above: u64) -> Option<Term> {
    let published: Published = serde_json::from_slice(&published.first()?.value).ok()?;
    let mine = published.lock == place.key && published.epoch == last;
    (mine && last > above).then_some(Term { epoch: last })
}

pub(super) async fn write(
    etcd: &Etcd,
    place: &Place,
    term: &Term,
    writes: Vec<Write>,
) -> Result<(), StoreError> {
    store::check(&writes)?;
    let of_write = |write: Write| match write {
        Write::Put { key, value } => put(&etcd.key(&key), value),
        Write::Delete { key } => delete(&etcd.key(&key)),
    };
    let writes: Vec<Value> = writes.into_iter().map(of_write).collect();
    let leads = [made_at(&place.key, place.made), holds(&etcd.key("epoch"), &term.epoch.to_string())];
    let done = if writes.len() > PART_WRITES_MAX {
        let parts: Vec<Value> = writes.chunks(PART_WRITES_MAX).map(client::all).collect();
        etcd.client.txn(&leads, &parts, &[]).await?
    } else {
        etcd.client.txn(&leads, &writes, &[]).await?
    };
    if done.succeeded {
        return Ok(());
    }
    Err(StoreError::Fenced(format!(
        "the key in the queue is gone, or epoch {} is not the last one",
        term.epoch
    )))
}

pub(super) async fn list(etcd: &Etcd, folder: &str) -> Result<Vec<Record>, StoreError> {
    store::check_folder(folder)?;
    let prefix = etcd.key("");
    let (entries, _) = queue::all(etcd, folder).await?;
    let record = |entry: Entry| {
        let key = entry.key.strip_prefix(&prefix)?.to_owned();
        Some(Record { key, value: entry.value })
    };
    Ok(entries.into_iter().filter_map(record).collect())
}

pub(super) async fn evict(etcd: &Etcd, place: &Place, leader: &MasterAddr) -> Result<bool, StoreError> {
    let mut evicted = false;
    for entry in queue::all(etcd, "lock").await?.0 {
        let who: Option<CandidateInfo> = serde_json::from_slice(&entry.value).ok();
        if entry.create_revision >= place.made || who.is_none_or(|who| who.addr != *leader) {
            continue;
        }
        let (own, theirs) = (made_at(&place.key, place.made), made_at(&entry.key, entry.create_revision));
        let done = etcd.client.txn(&[own, theirs], &[delete(&entry.key)], &[get(&place.key)]).await?;
        if !done.succeeded && done.found(0).is_empty() {
            return Err(StoreError::Fenced("the own key in the queue is gone".to_owned()));
        }
        evicted |= done.succeeded;
    }
    Ok(evicted)
}

impl From<EtcdError> for PromoteError {
    fn from(error: EtcdError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<EtcdError> for StoreError {
    fn from(error: EtcdError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_leader_begins_as_the_original_writes_it() {
        let leader = CandidateInfo {
            id: "master-server-1".parse().unwrap(),
            addr: MasterAddr { host: "127.0.0.1".into(), port: 3005 },
            pid: 7,
        };
        let text = serde_json::to_string(&Published { leader, epoch: 4, lock: "/x".into() }).unwrap();
        let begin = r#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"pid":7,"epoch":4,"#;
        assert!(text.starts_with(begin), "{text}");
    }
}
