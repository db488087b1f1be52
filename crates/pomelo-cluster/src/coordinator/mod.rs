//! Who may lead, decided by something outside the masters: kernel file locks on one machine ([`local`]) or ZooKeeper on
//! several ([`zookeeper`]). One trait, so that nothing else changes with the choice.
//!
//! A coordinator says who is *first in the queue*; what a candidate makes of that is decided in [`crate::election`].

mod clock;
mod closed_first;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod guard;
pub mod local;
mod process;
pub mod store;
pub mod zookeeper;

use std::{fmt, future::Future, pin::Pin, time::Duration};

use pomelo_protocol::ServerId;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

pub use self::{
    closed_first::closed_first,
    guard::{Guard, Obituary},
    process::{defer, is_ending},
    store::{Record, StoreError, Write},
};

/// Where a master listens, `host:port`. Masters may share an id (the original's `masterha.json` does so), so the address
/// is what tells them apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MasterAddr {
    /// Host name or address.
    pub host: String,
    /// Port of the admin protocol.
    pub port: u16,
}

impl fmt::Display for MasterAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for MasterAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A master that stands for election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateInfo {
    /// Its server id.
    pub id: ServerId,
    /// Where it listens.
    #[serde(flatten)]
    pub addr: MasterAddr,
    /// Its process.
    pub pid: u32,
}

/// The right to lead, once granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Starts at 1 and grows by one with each promotion; no two candidates ever hold the same.
    pub epoch: u64,
}

/// What a coordinator tells a candidate. Level-triggered: each event replaces what the earlier ones said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoordinatorEvent {
    /// Not reached yet, or not joined yet; it keeps trying.
    Unreachable {
        /// For a person.
        why: String,
    },
    /// In the queue, with so many candidates before this one.
    Waiting {
        /// At least 1.
        ahead: usize,
    },
    /// First in the queue: may call [`Candidacy::promote`].
    Elected,
    /// The coordinator is not heard; the place in the queue may still be held.
    Suspended {
        /// For a person.
        why: String,
    },
    /// Heard again, the place in the queue is the same.
    Resumed,
    /// The place in the queue is gone for certain (session expired, node deleted). It joins again by itself, at the tail.
    Lost {
        /// For a person.
        why: String,
    },
}

/// Why a promotion did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// Somebody else is first, or was promoted in between: the candidate must wait for its next event.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The store did not answer; the outcome may be unknown. Trying again is safe.
    #[error("coordinator unavailable: {0}")]
    Unavailable(String),
}

/// What a program says that was built without the feature `etcd` and is told to use it.
pub const WITHOUT_ETCD: &str = "this program was built without etcd; build it with `--features etcd` (the feature `etcd` of crate pomelo)";

/// A boxed future, so that the traits here stay object safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place where candidates queue.
pub trait Coordinator: Send + Sync + 'static {
    /// For logs and tables: `embedded (run/ha)`, `zookeeper 127.0.0.1:2181/pomelo/master`.
    fn describe(&self) -> String;

    /// Joins the queue. Never fails: a coordinator that can't be reached is reported as
    /// [`CoordinatorEvent::Unreachable`] and tried again for ever. Dropping the [`Candidacy`] leaves the queue.
    fn join(&self, me: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<CoordinatorEvent>);
}

/// A candidate's place in the queue.
pub trait Candidacy: Send + Sync {
    /// Raises the epoch by one and publishes this candidate as the leader, in one step that fails if this candidate is
    /// not first in the queue. The new epoch is also higher than `above`, the highest epoch this candidate has heard of:
    /// normally the store knows that one, and only a store that was wiped does not.
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>>;

    /// Gives the place back, so that the next in the queue is elected at once. Done when the store has confirmed it or
    /// can't be reached.
    fn resign(&self) -> BoxFuture<'_, ()>;

    /// Writes of the holder of `term`, all or none, in one step that fails with [`StoreError::Fenced`] if this candidate is
    /// not first any more or `term` is not the last one it was granted. Keys are those of [`store`]. Several steps at a time are
    /// made in any order: one that must come after another is asked for when that one is answered.
    fn write(&self, term: &Term, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Every record of a folder ([`store::OPS`], ...), in the order of the keys. A folder that is not there is empty.
    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>>;

    /// Takes the place of the candidate that listens at `leader` away, if it is before this one in the queue; says whether it
    /// was. It fails if this candidate has no place itself. Needless ones cost a failover, never more: what makes two masters
    /// impossible is the epoch.
    fn evict(&self, leader: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// How much longer this candidate may take its place for granted, counted from when it last *asked* the coordinator and was
    /// answered; `None` if nothing can take it away while the process lives (a lock of the kernel). Time that the machine or the
    /// process was stopped counts.
    fn lease_left(&self) -> Option<Duration>;

    /// What somebody else needs to take this place away once this process is dead; `None` without a place.
    fn obituary(&self) -> watch::Receiver<Option<Obituary>>;
}

/// At most so many events wait for the elector; a coordinator that has more to say waits for it to read.
const EVENTS_MAX: usize = 16;

/// "Unreachable" is said at once, and again so often while it lasts.
const UNREACHABLE_AGAIN_MS: u64 = 5_000;

/// Where a coordinator's task says what happens, without repeating itself.
struct Events {
    to: mpsc::Sender<CoordinatorEvent>,
    last: Option<CoordinatorEvent>,
    unreachable_said: Option<Instant>,
}

impl Events {
    fn new() -> (Self, mpsc::Receiver<CoordinatorEvent>) {
        let (to, events) = mpsc::channel(EVENTS_MAX);
        (Self { to, last: None, unreachable_said: None }, events)
    }

    /// Says it, unless it was the last thing said. Nobody listening is no error: the owner is about to end the task.
    async fn say(&mut self, event: CoordinatorEvent) {
        if self.last.as_ref() == Some(&event) {
            return;
        }
        self.unreachable_said = None;
        _ = self.to.send(event.clone()).await;
        self.last = Some(event);
    }

    async fn unreachable(&mut self, why: String) {
        let due = |said: Instant| said.elapsed() >= Duration::from_millis(UNREACHABLE_AGAIN_MS);
        if self.unreachable_said.is_none_or(due) {
            self.last = None;
            self.say(CoordinatorEvent::Unreachable { why }).await;
            self.unreachable_said = Some(Instant::now());
        }
    }
}

/// A task that ends with its owner.
struct OwnedTask(JoinHandle<()>);

impl OwnedTask {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }

    /// Ends it and waits until nothing of it is left.
    async fn end(&mut self) {
        self.0.abort();
        _ = (&mut self.0).await;
    }
}

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether it names one server of a coordinator: `host:port`.
fn is_host_port(one: &str) -> bool {
    one.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// The last epoch, which stores keep as a decimal number; `place` says in the error where it stood.
fn parse_epoch(place: &str, text: &[u8]) -> Result<u64, PromoteError> {
    let text = String::from_utf8_lossy(text);
    text.trim().parse().map_err(|_| {
        PromoteError::Unavailable(format!("{place} holds {text:?} where a decimal number was expected"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_is_no_number_is_named_in_the_error() {
        let error = parse_epoch("the epoch's node", b"{}").unwrap_err();
        assert!(error.to_string().contains("\"{}\""), "{error}");
        assert_eq!(parse_epoch("the epoch's node", b" 41\n").unwrap(), 41);
    }
}
