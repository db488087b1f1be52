//! Leading on while the coordinator is away ([`Failsafe`]), and the other master's part in it; and what a leader is meanwhile.
//!
//! Without the coordinator nobody can be elected, unless somebody else does hear it. So the leader asks all other masters each half
//! second. Each that does not hear the coordinator either promises to take nobody's place away for two seconds; while all promises
//! hold, the leader goes on, and records nothing. Whoever has not promised may lead soon: then this master only answers reads.
//! Safety does not rest on this: receivers refuse the lower epoch.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::MasterAddr,
    messages::{self, Asked},
    suspicion,
};
use serde_json::Value;
use tracing::{info, warn};

use super::{Action, Control, Peer, Standing, rounds::Purpose};
use crate::link::LinkId;

/// How often the others are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// For how long a master promises.
const PROMISE: Duration = Duration::from_secs(2);
/// A master that comes while the others have promised is asked at once, and this long is taken as if it had promised.
const NEWCOMER: Duration = Duration::from_millis(500);
/// Masters that are remembered as lost; there are never so many.
const LOST_MAX: usize = 64;
/// After so long everybody is told that this master is suspended. What is over sooner is no news.
const TOLD_AFTER: Duration = Duration::from_millis(300);

/// Who has promised to wait, and until when. Pure.
#[derive(Debug, Default)]
pub(super) struct Failsafe {
    until: BTreeMap<MasterAddr, Option<Instant>>,
    next: Option<Instant>,
}

impl Failsafe {
    /// Nobody has promised yet.
    pub(super) fn new(others: impl IntoIterator<Item = MasterAddr>) -> Self {
        Self { until: others.into_iter().map(|addr| (addr, None)).collect(), next: None }
    }

    /// Whether everybody's promise holds. With nobody else there, nobody else can lead.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until.values().all(|until| until.is_some_and(|until| until > now))
    }

    /// Whether it is time to ask. If so, it is not for a while.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next.is_none_or(|next| next <= now);
        if due {
            self.next = Some(now + ASK_EVERY);
        }
        due
    }

    /// The answer to a question asked at `asked`: from then the promise counts, which is earlier than for the one who gave it.
    pub(super) fn answered(&mut self, addr: &MasterAddr, promise: Option<Duration>, asked: Instant) {
        if let Some(until) = self.until.get_mut(addr) {
            *until = promise.map(|promise| asked + promise.min(PROMISE));
        }
    }

    /// Another master has come.
    pub(super) fn came(&mut self, addr: MasterAddr, now: Instant) {
        self.until.entry(addr).or_insert(Some(now + NEWCOMER));
        self.next = None;
    }

    /// A master has ended: it can't be elected.
    pub(super) fn ended(&mut self, addr: &MasterAddr) {
        self.until.remove(addr);
    }
}

/// A leader that may not act.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspension {
    since: Instant,
    /// Whether everybody was told.
    told: bool,
    /// Revision of the membership when it began: nothing was told of later ones.
    rev: u64,
}

impl Control {
    /// What this leader may do, from what it hears of its coordinator and of the other masters.
    pub(super) fn stand(&mut self, now: Instant) {
        let Some(epoch) = self.epoch() else { return };
        let acts = match &self.silence {
            _ if !self.lapsed && self.silence.is_none() => {
                if self.failsafe.take().is_some() {
                    info!(target: "pomelo::master", "the coordinator is heard again, epoch {epoch} goes on");
                    self.store_desired(now);
                }
                true
            }
            _ => {
                if self.failsafe.is_none() {
                    // One that is behind a broken line may hear the coordinator.
                    let others = self.other_masters().into_iter().chain(self.lost_masters.clone());
                    self.failsafe = Some(Failsafe::new(others));
                }
                self.failsafe.as_ref().is_some_and(|failsafe| failsafe.holds(now))
            }
        };
        match (acts, self.standing) {
            (false, Standing::Active { .. }) => {
                let why = self.silence.as_deref().unwrap_or("its lease has run out");
                warn!(target: "pomelo::master", "suspended, reads only: {why}");
                self.standing = Standing::Suspended { epoch };
                let rev = self.registry.view().version.rev;
                self.suspension = Some(Suspension { since: now, told: false, rev });
            }
            (true, Standing::Suspended { .. }) => {
                let how = if self.failsafe.is_some() {
                    ": every other master waits for the coordinator, too"
                } else {
                    ""
                };
                info!(target: "pomelo::master", "active again, epoch {epoch}{how}");
                self.standing = Standing::Active { epoch };
                let rev = self.registry.view().version.rev;
                if self.suspension.take().is_none_or(|was| was.told || was.rev != rev) {
                    self.announce();
                }
                // Servers that came meanwhile were told nothing.
                self.tell_what_lasts();
                self.ops_look(now);
            }
            _ => {}
        }
        self.ask_for_promises(now);
    }

    /// Whether this master leads without its coordinator.
    pub(super) fn is_failsafe(&self) -> bool {
        self.failsafe.is_some() && self.is_active()
    }

    /// What this master knows of its lease: the driver says so whenever it finds something else. Kept here alone, because each
    /// term begins with a lease.
    pub(crate) fn is_lapsed(&self) -> bool {
        self.lapsed
    }

    /// The driver has looked at how long the place in the queue may be taken for granted.
    pub(super) fn lease(&mut self, over: bool, now: Instant) {
        self.lapsed = over;
        self.stand(now);
    }

    /// The time has come to look at promises, and to say what lasts.
    pub(super) fn failsafe_tick(&mut self, now: Instant) {
        if self.failsafe.is_some() {
            self.stand(now);
        }
        if let Some(suspension) = &mut self.suspension
            && !suspension.told
            && now.saturating_duration_since(suspension.since) >= TOLD_AFTER
        {
            suspension.told = true;
            self.tell_state();
        }
    }

    fn ask_for_promises(&mut self, now: Instant) {
        let (Some(epoch), Some(failsafe)) = (self.epoch(), &mut self.failsafe) else { return };
        if failsafe.is_due(now) {
            let to = self.links_of(|peer| matches!(peer, Peer::Candidate { .. }));
            let asked = Asked::Failsafe { epoch };
            self.ask_masters(Purpose::Failsafe { asked: now }, to, &asked, PROMISE, now);
        }
    }

    /// Another master has answered whether it waits.
    pub(super) fn promised(&mut self, link: LinkId, answer: Option<&Value>, asked: Instant, now: Instant) {
        let Some(addr) = self.master_on(link) else { return };
        let promise = answer.and_then(messages::read_promise);
        if let Some(failsafe) = &mut self.failsafe {
            failsafe.answered(&addr, promise, asked);
            self.stand(now);
        }
    }

    /// A master's link has ended.
    pub(super) fn failsafe_lost(&mut self, addr: &MasterAddr, clean: bool, now: Instant) {
        let gone = self.masters.get(addr).is_some_and(|state| state.gone.is_some());
        if clean || gone {
            self.lost_masters.remove(addr);
        } else if self.lost_masters.len() < LOST_MAX && !self.other_masters().contains(addr) {
            self.lost_masters.insert(addr.clone());
        }
        if clean && let Some(failsafe) = &mut self.failsafe {
            failsafe.ended(addr);
            self.stand(now);
        }
    }

    /// The leader asks whether this master hears the coordinator.
    pub(super) fn may_promise(&mut self, now: Instant) -> Value {
        if self.trouble.is_none() || self.epoch().is_some() {
            return messages::promise(Duration::ZERO);
        }
        self.suspect(suspicion::Event::Promised(PROMISE), now);
        messages::promise(PROMISE)
    }

    /// A standby that hears the coordinator wants this master to give up the term in which it may not act.
    pub(super) fn cede(&mut self, epoch: u64, now: Instant) {
        let told = self.suspension.is_some_and(|suspension| suspension.told);
        if self.standing == (Standing::Suspended { epoch }) && told {
            warn!(target: "pomelo::master", "gives up epoch {epoch}: another master hears the coordinator");
            // Authority first.
            self.given_up = epoch;
            self.actions.push(Action::HandOver);
            self.not_leading(Standing::Joining, now);
        }
    }

    fn other_masters(&self) -> Vec<MasterAddr> {
        let addr = |peer: &Peer| match peer {
            Peer::Candidate(info) => Some(info.addr.clone()),
            _ => None,
        };
        self.peers.values().filter_map(addr).collect()
    }

    /// The master on a link.
    pub(super) fn master_on(&self, link: LinkId) -> Option<MasterAddr> {
        match self.peers.get(&link) {
            Some(Peer::Candidate(info)) => Some(info.addr.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> MasterAddr {
        MasterAddr { host: "127.0.0.1".into(), port }
    }

    #[test]
    fn it_holds_while_every_promise_does_and_each_counts_from_the_question() {
        let now = Instant::now();
        let mut failsafe = Failsafe::new([addr(1), addr(2)]);
        assert!(!failsafe.holds(now));
        failsafe.answered(&addr(1), Some(PROMISE), now);
        assert!(!failsafe.holds(now));
        failsafe.answered(&addr(2), Some(PROMISE), now);
        assert!(failsafe.holds(now));
        assert!(!failsafe.holds(now + PROMISE));
        failsafe.answered(&addr(1), Some(PROMISE), now + ASK_EVERY);
        assert!(!failsafe.holds(now + PROMISE), "the other one has not promised again");
        failsafe.answered(&addr(2), None, now + ASK_EVERY);
        assert!(!failsafe.holds(now + ASK_EVERY), "it hears the coordinator");
    }

    #[test]
    fn whoever_ends_is_not_waited_for_and_whoever_comes_is_asked_at_once() {
        let now = Instant::now();
        let mut failsafe = Failsafe::new([addr(1)]);
        assert!(failsafe.is_due(now));
        assert!(!failsafe.is_due(now));
        failsafe.ended(&addr(1));
        assert!(failsafe.holds(now));
        failsafe.came(addr(2), now);
        assert!(failsafe.is_due(now));
        assert!(failsafe.holds(now));
        assert!(!failsafe.holds(now + NEWCOMER));
    }

    #[test]
    fn nobody_promises_for_longer_than_is_asked() {
        let now = Instant::now();
        let mut failsafe = Failsafe::new([addr(1)]);
        failsafe.answered(&addr(1), Some(Duration::MAX), now);
        assert!(failsafe.holds(now));
        assert!(!failsafe.holds(now + PROMISE));
    }
}
