//! A candidate's place in the queue: a key that lives as long as a lease. Entering, keeping the lease, looking who is before.
//!
//! The lease is kept by one loop and the place looked after by another, so that a slow answer to one does not end the other. Both
//! are level-triggered: whatever happened, they ask how it is now.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::watch,
    time::{self, Instant},
};
use tracing::warn;

use super::{
    Etcd, Place,
    client::{Client, Entry, PAGE, get, made_at, page, put_leased},
    http::EtcdError,
    lease::{Lease, now},
};
use crate::coordinator::{CandidateInfo, CoordinatorEvent, Events, Obituary, UNREACHABLE_AGAIN_MS};

/// A candidate looks again after this even if no watch fired: watches are how it learns fast, not how it stays right.
const LOOK_AGAIN_MS: u64 = 5_000;

/// Pause before anything that failed is tried again: at random between these, so that candidates don't come in step.
const RETRY_MIN_MS: u64 = 50;
const RETRY_MAX_MS: u64 = 300;

/// Why a look at the queue came to nothing.
#[derive(Debug)]
enum LookError {
    /// The own key is not there any more.
    Gone,
    Request(EtcdError),
}

impl From<EtcdError> for LookError {
    fn from(error: EtcdError) -> Self {
        Self::Request(error)
    }
}

/// Where a candidate stands.
struct Seen {
    ahead: usize,
    /// The one right before it.
    before: Option<String>,
    revision: i64,
}

pub(super) struct Queue {
    etcd: Arc<Etcd>,
    me: CandidateInfo,
    place: watch::Sender<Option<Place>>,
    obituary: watch::Sender<Option<Obituary>>,
    events: Events,
    /// When something was last said to be wrong with a place that is held.
    complained: Option<Instant>,
}

impl Queue {
    pub(super) fn new(
        etcd: Arc<Etcd>,
        me: CandidateInfo,
        place: watch::Sender<Option<Place>>,
        obituary: watch::Sender<Option<Obituary>>,
        events: Events,
    ) -> Self {
        Self { etcd, me, place, obituary, events, complained: None }
    }

    /// One place after the other, until the task is ended.
    pub(super) async fn run(mut self) {
        let renewing = self.etcd.another_client();
        loop {
            let place = self.enter().await;
            self.place.send_replace(Some(place.clone()));
            self.obituary.send_replace(Some(self.etcd.obituary(place.lease.id)));
            let (heard, hearing) = watch::channel(true);
            let why = tokio::select! {
                () = renew(&renewing, &place.lease, &heard) => "the lease ended",
                () = self.stand(&place, hearing) => "the key in the queue was deleted",
            };
            self.place.send_replace(None);
            self.obituary.send_replace(None);
            self.events.say(CoordinatorEvent::Lost { why: why.to_owned() }).await;
            pause().await;
        }
    }

    async fn enter(&mut self) -> Place {
        loop {
            match self.try_enter().await {
                Ok(place) => return place,
                Err(error) => self.events.unreachable(format!("{}: {error}", self.etcd)).await,
            }
            pause().await;
        }
    }

    /// A lease and a key that hangs on it. A key whose making was not confirmed ends with its lease, which nobody keeps.
    async fn try_enter(&self) -> Result<Place, EtcdError> {
        let asked = now();
        let granted = self.etcd.client.grant(self.etcd.config.lease_seconds).await?;
        let lease = Arc::new(Lease::new(&granted, asked));
        let key = self.etcd.key(&format!("lock/{}-{:016x}", self.me.id, lease.id));
        let value = json!({
            "id": self.me.id, "host": self.me.addr.host, "port": self.me.addr.port, "pid": self.me.pid,
        });
        let put = put_leased(&key, value.to_string(), lease.id);
        // The key names the lease, so that one that is there already was made by a request whose answer was lost.
        let entered = self.etcd.client.txn(&[made_at(&key, 0)], &[put], &[get(&key)]).await?;
        let made = entered.found(0).first().map_or(entered.revision(), |entry| entry.create_revision);
        Ok(Place { key, made, lease, first: false })
    }

    /// Looks after the place for as long as it is there.
    async fn stand(&mut self, place: &Place, mut heard: watch::Receiver<bool>) {
        let mut suspended = false;
        loop {
            if !*heard.borrow_and_update() {
                suspended = true;
                let why = format!("{} is not heard", self.etcd);
                self.events.say(CoordinatorEvent::Suspended { why }).await;
                // An error is the end of the other loop, and of this one with it.
                _ = heard.wait_for(|heard| *heard).await;
                continue;
            }
            let looked = tokio::select! {
                biased;
                _ = heard.changed() => continue, // whatever was being asked is asked again
                looked = self.look(place, &mut suspended) => looked,
            };
            match looked {
                Ok(()) => {}
                Err(LookError::Gone) => return,
                Err(LookError::Request(error)) => {
                    self.complain(&error);
                    tokio::select! {
                        _ = heard.changed() => {}
                        () = pause() => {}
                    }
                }
            }
        }
    }

    /// Looks where this candidate stands, says it, and returns when it is time to look again.
    async fn look(&mut self, place: &Place, suspended: &mut bool) -> Result<(), LookError> {
        let seen = look(&self.etcd, place).await?;
        self.place.send_replace(Some(Place { first: seen.ahead == 0, ..place.clone() }));
        if *suspended {
            self.events.say(CoordinatorEvent::Resumed).await;
            *suspended = false;
        }
        let event = match seen.ahead {
            0 => CoordinatorEvent::Elected,
            ahead => CoordinatorEvent::Waiting { ahead },
        };
        self.events.say(event).await;
        let watched = [Some(place.key.as_str()), seen.before.as_deref()];
        let changed = changed(&self.etcd, watched.into_iter().flatten(), seen.revision);
        match time::timeout(Duration::from_millis(LOOK_AGAIN_MS), changed).await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// At once, and again now and then while it lasts.
    fn complain(&mut self, error: &EtcdError) {
        let again = Duration::from_millis(UNREACHABLE_AGAIN_MS);
        if self.complained.is_none_or(|at| at.elapsed() >= again) {
            warn!(target: "pomelo::election", candidate = %self.me.addr, "{}: {error}; trying again", self.etcd);
            self.complained = Some(Instant::now());
        }
    }
}

/// Keeps the lease, tells whether etcd is heard, and returns when etcd says that the lease is over.
async fn renew(client: &Client, lease: &Lease, heard: &watch::Sender<bool>) {
    loop {
        time::sleep(lease.renew_in()).await;
        let asked = now();
        let kept = client.keep_alive(lease.id, lease.attempt()).await;
        match kept {
            Ok(0) => return,
            Ok(_) => lease.renewed(asked),
            Err(_) => {}
        }
        let is_heard = lease.suspended_in() > Duration::ZERO;
        heard.send_if_modified(|heard| std::mem::replace(heard, is_heard) != is_heard);
        if kept.is_err() {
            let pause = Duration::from_millis(fastrand::u64(RETRY_MIN_MS..=2 * RETRY_MIN_MS));
            time::sleep(pause.min(lease.attempt())).await;
        }
    }
}

async fn look(etcd: &Etcd, place: &Place) -> Result<Seen, LookError> {
    let (keys, revision) = all(etcd, "lock").await?;
    let (ahead, before) = ahead(&keys, place).ok_or(LookError::Gone)?;
    Ok(Seen { ahead, before, revision })
}

/// Returns when something happened to one of these keys after this revision.
async fn changed(etcd: &Etcd, keys: impl Iterator<Item = &str>, revision: i64) -> Result<(), EtcdError> {
    let opened = time::timeout(etcd.limit(), etcd.client.watch(keys, revision)).await;
    let mut lines = opened.unwrap_or_else(|_| Err(EtcdError::Silent { at: etcd.to_string() }))?;
    while lines.next().await?["result"]["created"] == true {}
    Ok(())
}

/// How many keys are before the own one, and the last of them. Nothing if the own key is not there.
fn ahead(keys: &[Entry], own: &Place) -> Option<(usize, Option<String>)> {
    keys.iter().find(|entry| entry.key == own.key && entry.create_revision == own.made)?;
    let before = || keys.iter().filter(|entry| entry.create_revision < own.made);
    let last = before().max_by_key(|entry| entry.create_revision);
    Some((before().count(), last.map(|entry| entry.key.clone())))
}

/// Everything in a folder as it was at one moment, and that moment's revision.
pub(super) async fn all(etcd: &Etcd, folder: &str) -> Result<(Vec<Entry>, i64), EtcdError> {
    let prefix = etcd.key(&format!("{folder}/"));
    let (mut entries, mut revision) = (Vec::new(), 0);
    loop {
        let after = entries.last().map(|entry: &Entry| entry.key.clone());
        let done = etcd.client.txn(&[], &[page(&prefix, after.as_deref(), revision)], &[]).await?;
        if revision == 0 {
            revision = done.revision();
        }
        let found = done.into_found();
        let last = found.len() < PAGE;
        entries.extend(found);
        if last {
            return Ok((entries, revision));
        }
    }
}

async fn pause() {
    time::sleep(Duration::from_millis(fastrand::u64(RETRY_MIN_MS..=RETRY_MAX_MS))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, made: i64) -> Entry {
        Entry { key: key.to_owned(), value: Vec::new(), create_revision: made, mod_revision: made }
    }

    fn place(key: &str, made: i64) -> Place {
        let granted = super::super::client::Granted { id: 1, ttl: 2 };
        Place { key: key.to_owned(), made, lease: Arc::new(Lease::new(&granted, now())), first: false }
    }

    #[test]
    fn who_came_first_is_first_whatever_the_keys_are_called() {
        let keys = [entry("a", 10), entry("b", 9), entry("c", 100), entry("d", 99)];
        assert_eq!(ahead(&keys, &place("b", 9)), Some((0, None)));
        assert_eq!(ahead(&keys, &place("a", 10)), Some((1, Some("b".to_owned()))));
        assert_eq!(ahead(&keys, &place("c", 100)), Some((3, Some("d".to_owned()))));
    }

    #[test]
    fn a_key_that_was_deleted_and_made_again_is_not_the_same_place() {
        let keys = [entry("a", 10), entry("b", 12)];
        assert_eq!(ahead(&keys, &place("b", 11)), None);
        assert_eq!(ahead(&keys, &place("c", 11)), None);
    }
}
