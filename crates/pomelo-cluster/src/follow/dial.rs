//! One candidate: dial, register, read, and all again for ever.

use std::time::Duration;

use pomelo_protocol::admin::{AdminMessage, ClusterState, Hello};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use super::{Identity, run::Input};
use crate::{
    admin::{Link, LinkConfig, LinkError},
    coordinator::MasterAddr,
};

/// Shortest pause before a master is dialled again.
const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_secs(2);
/// A link that lasted as long was a good one: the next pause is short again.
const GOOD_LINK: Duration = Duration::from_secs(1);

/// The task that keeps a link to one master.
pub(super) struct Dialler {
    pub(super) addr: MasterAddr,
    pub(super) identity: Identity,
    pub(super) token: Option<String>,
    pub(super) config: LinkConfig,
    /// What to say of the membership known by now.
    pub(super) hello: watch::Receiver<Hello>,
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Dialler {
    /// Until it is stopped: then it says DISCONNECT and waits until that is written.
    pub(super) async fn run(self) {
        let mut stop = self.stop.clone();
        let mut pauses = Pauses::new();
        loop {
            let opened = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                opened = self.open() => opened,
            };
            let why = match opened {
                Err(why) => why,
                Ok((link, state)) => {
                    let since = Instant::now();
                    let Some(why) = self.converse(link, state, &mut stop).await else { return };
                    if since.elapsed() >= GOOD_LINK {
                        pauses = Pauses::new();
                    }
                    why
                }
            };
            let refused = matches!(why, LinkError::Refused { .. });
            let down = Input::Down { addr: self.addr.clone(), why: why.to_string(), refused };
            if self.inbox.send(down).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                () = sleep(pauses.next()) => {}
            }
        }
    }

    async fn open(&self) -> Result<(Link, Option<ClusterState>), LinkError> {
        let mut link = Link::dial(&self.addr, &self.config).await?;
        let hello = self.hello.borrow().clone();
        let reply = link.register(self.identity.register(self.token.clone(), hello)).await?;
        Ok((link, reply.cluster))
    }

    /// Reads until the link ends, and says why; `None` if this end was stopped.
    async fn converse(
        &self,
        mut link: Link,
        state: Option<ClusterState>,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<LinkError> {
        let sender = link.sender();
        self.inbox.send(Input::Up { addr: self.addr.clone(), sender: sender.clone(), state }).await.ok()?;
        loop {
            let received = tokio::select! {
                biased;
                () = stopped(stop) => {
                    sender.close();
                    // Reads on meanwhile, so that the master is not stuck with what it sends.
                    tokio::select! {
                        () = sender.closed() => {}
                        () = async { while link.recv().await.is_ok() {} } => sender.closed().await,
                    }
                    return None;
                }
                received = link.recv() => received,
            };
            match received {
                Ok(AdminMessage::Monitor(envelope)) => {
                    self.inbox.send(Input::Message { addr: self.addr.clone(), envelope }).await.ok()?;
                }
                Ok(_) => {
                    let (expected, got) = ("a message on topic monitor", "another one");
                    return Some(LinkError::Unexpected { expected, got });
                }
                Err(why) => return Some(why),
            }
        }
    }
}

/// Returns when the follower is to stop, or its last handle is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error is the end of the handles.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Decorrelated jitter: each pause is random between the shortest and three times the one before, so that those who lost
/// a master together do not come back together.
struct Pauses {
    last: Duration,
    random: fastrand::Rng,
}

impl Pauses {
    fn new() -> Self {
        Self { last: RETRY_MIN, random: fastrand::Rng::new() }
    }

    fn next(&mut self) -> Duration {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let high = (self.last * 3).min(RETRY_MAX);
        self.last = Duration::from_millis(self.random.u64(ms(RETRY_MIN)..=ms(high)));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_jittered_and_limited() {
        let mut pauses = Pauses::new();
        let all: Vec<_> = (0..1_000).map(|_| pauses.next()).collect();
        assert!(all.iter().all(|pause| (RETRY_MIN..=RETRY_MAX).contains(pause)));
        assert!(all[0] <= RETRY_MIN * 3);
        assert!(all.iter().any(|pause| *pause > RETRY_MAX / 2));
    }
}
