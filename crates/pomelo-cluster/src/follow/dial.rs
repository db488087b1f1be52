//! One candidate: dial, register, read, and all again for ever.

use std::{io::ErrorKind, time::Duration};

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
pub(super) const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest pause.
pub(super) const RETRY_MAX: Duration = Duration::from_secs(2);
/// A link that lasted as long was a good one: the next pause is short again.
const GOOD_LINK: Duration = Duration::from_secs(1);
/// A standby dials at once after a link that lasted as long, so that it does not do so over and over.
pub(super) const AT_ONCE_AFTER: Duration = Duration::from_millis(50);

/// The task that keeps a link to one master.
pub(super) struct Dialler {
    pub(super) addr: MasterAddr,
    pub(super) identity: Identity,
    pub(super) token: Option<String>,
    pub(super) config: LinkConfig,
    /// What to say of the membership known by now.
    pub(super) hello: watch::Receiver<Hello>,
    /// Each change is a reason to dial at once, within the time it says: the master is there.
    pub(super) wake: watch::Receiver<Duration>,
    /// Shortest and longest pause between two attempts.
    pub(super) pauses: (Duration, Duration),
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Why there is no link.
#[derive(Debug)]
pub(super) struct Down {
    /// For a person.
    pub(super) why: String,
    /// The master refused the registration.
    pub(super) refused: bool,
    /// ... because a later life of this server registered.
    pub(super) newer: Option<u64>,
    /// The link before this attempt broke without a word, and the kernel of the master's machine says that nobody listens.
    pub(super) gone: bool,
}

impl Dialler {
    /// Until it is stopped: then it says DISCONNECT and waits until that is written.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut pauses = Pauses::new(self.pauses);
        let mut broke = false;
        loop {
            self.wake.mark_unchanged();
            let opened = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                opened = self.open() => opened,
            };
            let mut at_once = false;
            let why = match opened {
                Err(why) => why,
                Ok((link, state)) => {
                    let since = Instant::now();
                    let Some(why) = self.converse(link, state, &mut stop).await else { return };
                    let lasted = since.elapsed();
                    if lasted >= GOOD_LINK {
                        pauses = Pauses::new(self.pauses);
                    }
                    broke = matches!(why, LinkError::Ended | LinkError::Io(_) | LinkError::Silent { .. });
                    // It learns in this way whether the other process is gone.
                    let standby = matches!(self.identity, Identity::Candidate(_));
                    at_once = standby && broke && lasted >= AT_ONCE_AFTER;
                    why
                }
            };
            let down = Input::Down { addr: self.addr.clone(), down: Down::of(&why, broke) };
            if self.inbox.send(down).await.is_err() {
                return;
            }
            if at_once {
                continue;
            }
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                () = woken(&mut self.wake) => pauses = Pauses::new(self.pauses),
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

impl Down {
    /// `broke`: whether the link before broke without a word.
    fn of(why: &LinkError, broke: bool) -> Self {
        let (refused, newer) = match why {
            LinkError::Refused { newer, .. } => (true, *newer),
            _ => (false, None),
        };
        // A firewall that rejects with a TCP reset, or with "port unreachable", says the same as a closed port, and can't be told from
        // one. A rule that is set while links stand, and resets those too, makes a living master look dead: it loses its place and
        // gives up its authority by the epoch, which costs a failover and nothing else. One that drops, or says that the host is
        // not reached, is only silence.
        let closed = matches!(why, LinkError::Dial(error) if error.kind() == ErrorKind::ConnectionRefused);
        Self { why: why.to_string(), refused, newer, gone: broke && closed }
    }
}

/// Returns when the follower is to stop, or its last handle is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error is the end of the handles.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Returns at a random time within what the next wake says; never if there is none.
async fn woken(wake: &mut watch::Receiver<Duration>) {
    if wake.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    let within = *wake.borrow_and_update();
    sleep(within.mul_f64(fastrand::f64())).await;
}

/// Decorrelated jitter: each pause is random between the shortest and three times the one before, so that those who lost
/// a master together do not come back together.
struct Pauses {
    min: Duration,
    max: Duration,
    last: Duration,
}

impl Pauses {
    fn new((min, max): (Duration, Duration)) -> Self {
        Self { min, max, last: min }
    }

    fn next(&mut self) -> Duration {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let high = (self.last * 3).min(self.max).max(self.min);
        self.last = Duration::from_millis(fastrand::u64(ms(self.min)..=ms(high)));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_jittered_and_limited() {
        let mut pauses = Pauses::new((RETRY_MIN, RETRY_MAX));
        let all: Vec<_> = (0..1_000).map(|_| pauses.next()).collect();
        assert!(all.iter().all(|pause| (RETRY_MIN..=RETRY_MAX).contains(pause)));
        assert!(all[0] <= RETRY_MIN * 3);
        assert!(all.iter().any(|pause| *pause > RETRY_MAX / 2));
    }

    #[test]
    fn a_master_is_gone_when_its_link_broke_without_a_word_and_its_port_is_closed() {
        let closed = || LinkError::Dial(ErrorKind::ConnectionRefused.into());
        assert!(Down::of(&closed(), true).gone);
        assert!(!Down::of(&closed(), false).gone, "it was never there, or has said that it leaves");
        let far = LinkError::Dial(ErrorKind::HostUnreachable.into());
        assert!(!Down::of(&far, true).gone, "it may live behind a broken line");
        let refused = LinkError::Refused { why: "no".into(), newer: Some(9) };
        let down = Down::of(&refused, true);
        assert_eq!((down.refused, down.newer, down.gone), (true, Some(9), false));
    }
}
