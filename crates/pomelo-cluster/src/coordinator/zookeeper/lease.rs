//! How long a place may be taken for granted: a question "is my node still there?" every eighth of the session time-out, and the
//! time of asking the last one that was answered. The servers count the session's time from later than that, never from earlier.
//!
//! The library keeps the session up by itself and does not say when it was last heard; so it is asked here as well.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time};
use zookeeper_client::{Client, Error};

use crate::coordinator::{
    OwnedTask,
    clock::{ASK, GRANTED, SUSPENDED, part, since_boot},
};

/// A request that failed is made again after this part of the session time-out, in hundredths.
const ASK_AGAIN: u32 = 2;

/// The end of what is granted, on the clock of [`since_boot`].
#[derive(Debug, Default)]
pub(super) struct Lease {
    until_ns: AtomicU64,
}

impl Lease {
    /// A question that was asked at this time was answered: the session lived then, and the node was there.
    pub(super) fn answered(&self, asked: Duration, session_timeout: Duration) {
        let until = asked + part(session_timeout, GRANTED);
        self.until_ns.fetch_max(u64::try_from(until.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The place is gone.
    pub(super) fn end(&self) {
        self.until_ns.store(0, Ordering::Relaxed);
    }

    pub(super) fn left(&self) -> Duration {
        Duration::from_nanos(self.until_ns.load(Ordering::Relaxed)).saturating_sub(since_boot())
    }
}

/// What the questions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Answered,
    /// Nothing for 0.4 session time-outs.
    Silent,
    /// The node is not there any more.
    Gone,
}

/// Asks, for as long as it lives.
pub(super) struct Probe {
    heard: watch::Receiver<Heard>,
    #[expect(dead_code, reason = "owned: it ends with this")]
    task: OwnedTask,
}

impl Probe {
    /// Asks for a node of the client's session, that was there a moment ago.
    pub(super) fn start(client: Client, node: String, lease: Arc<Lease>) -> Self {
        let (say, heard) = watch::channel(Heard::Answered);
        let asking = Asking { client, node, lease, say, answered: since_boot() };
        Self { heard, task: OwnedTask::spawn(asking.run()) }
    }

    pub(super) fn is_silent(&self) -> bool {
        *self.heard.borrow() == Heard::Silent
    }

    /// Returns when it is no longer this.
    pub(super) async fn other_than(&mut self, heard: Heard) -> Heard {
        match self.heard.wait_for(|now| *now != heard).await {
            Ok(now) => *now,
            // It ends by itself only after it has said so.
            Err(_) => Heard::Gone,
        }
    }
}

struct Asking {
    client: Client,
    node: String,
    lease: Arc<Lease>,
    say: watch::Sender<Heard>,
    /// When the last question that was answered was asked.
    answered: Duration,
}

impl Asking {
    async fn run(mut self) {
        loop {
            let asked = since_boot();
            let session_timeout = self.client.session_timeout();
            let pause = match self.ask().await {
                Ok(true) => {
                    self.answered = asked;
                    self.lease.answered(asked, session_timeout);
                    self.tell(Heard::Answered);
                    part(session_timeout, ASK).saturating_sub(since_boot().saturating_sub(asked))
                }
                Ok(false) => return self.tell(Heard::Gone),
                Err(_) => part(session_timeout, ASK_AGAIN),
            };
            self.until_silent(time::sleep(pause)).await;
        }
    }

    async fn ask(&self) -> Result<bool, Error> {
        // In this order on one connection: the first makes a server that has lost the others not answer, the second is answered
        // by what this server knows then.
        let (synced, stat) = (self.client.sync(&self.node), self.client.check_stat(&self.node));
        let stat = self
            .until_silent(async {
                synced.await?;
                stat.await
            })
            .await?;
        Ok(stat.is_some_and(|stat| stat.ephemeral_owner == self.client.session_id().0))
    }

    /// Waits, and meanwhile says when it is silent for too long.
    async fn until_silent<T>(&self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        let silent_at = self.answered + part(self.client.session_timeout(), SUSPENDED);
        loop {
            // Counted anew each time: tokio's clock does not go on while the machine sleeps.
            let left = silent_at.saturating_sub(since_boot());
            if left.is_zero() {
                self.tell(Heard::Silent);
                return waiting.await;
            }
            tokio::select! {
                biased;
                done = &mut waiting => return done,
                () = time::sleep(left) => {}
            }
        }
    }

    fn tell(&self, heard: Heard) {
        self.say.send_if_modified(|said| std::mem::replace(said, heard) != heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(10);

    fn answered_ago(ms: u64) -> Lease {
        let lease = Lease::default();
        lease.answered(since_boot() - Duration::from_millis(ms), T);
        lease
    }

    #[test]
    fn a_lease_counts_from_when_it_was_asked_for_and_a_late_answer_takes_nothing_back() {
        assert_eq!(Lease::default().left(), Duration::ZERO);
        assert_eq!(answered_ago(6_000).left(), Duration::ZERO);
        let lease = answered_ago(1_000);
        assert!(lease.left() > Duration::from_secs(4) && lease.left() <= Duration::from_secs(5));
        lease.answered(since_boot() - Duration::from_secs(3), T);
        assert!(lease.left() > Duration::from_secs(4));
        lease.end();
        assert_eq!(lease.left(), Duration::ZERO);
    }
}
