//! When a standby takes the place of another master away, and on what evidence: a state machine without I/O and clock.
//!
//! None of the evidence is proof of death, and none needs to be: whoever is taken for dead by mistake loses its place, not more,
//! since every receiver refuses an older epoch. What a mistake costs is a failover of some milliseconds; so that mistakes do
//! not follow each other closely, evictions are kept apart by pauses that grow.
//!
//! Not here: taking the place away ([`crate::coordinator::Candidacy::evict`]), and who leads ([`crate::follower`]).

use std::{collections::BTreeMap, fmt, time::Duration};

use pomelo_protocol::ServerId;

use crate::{coordinator::MasterAddr, follower::Leader};

/// A server's word that it does not reach the leader holds for so long; servers repeat it each second.
pub const REPORT_FRESH: Duration = Duration::from_secs(2);
/// How many such words are kept; further ones are not heard.
pub const REPORTS_MAX: usize = 65_536;
/// Most masters of which something is remembered; there are never so many.
pub const MASTERS_MAX: usize = 64;
/// A leader that says it leads no more gives its own place back within this time, if it can.
pub const CEDED_AFTER: Duration = Duration::from_millis(100);
/// Pause after the first eviction; each further one doubles it.
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(30);
/// After so long without an eviction the next one is the first again.
pub const QUIET: Duration = Duration::from_secs(60);

/// Why a master's place is to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The link to it broke, and its machine refuses new ones on its port.
    Gone,
    /// Most of the servers that are linked here have lost their link to it a second ago, or have had none for three; and more than
    /// one says so, or this master has none either.
    Unreachable {
        /// How many say so.
        reports: usize,
        /// How many are linked here.
        linked: usize,
    },
    /// It said itself that it leads no more.
    Ceded,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "its link broke and its port is closed"),
            Self::Unreachable { reports, linked } => {
                write!(f, "{reports} of {linked} servers have no link to it")
            }
            Self::Ceded => write!(f, "it has given up and its place is still there"),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Whether this master may evict: it waits in the queue, and hears the coordinator.
    Able(bool),
    /// Who leads, as far as this master knows.
    Leader(Option<Leader>),
    /// The link to a master broke and its port is closed: [`crate::follow::LinkState::gone`].
    Gone(MasterAddr),
    /// There is a link to that master again.
    Back(MasterAddr),
    /// A server on a link of this master says that it does not reach this leader. Each link may speak for one server.
    Unreachable {
        /// Which server.
        by: ServerId,
        /// Which leader it means.
        leader: Leader,
    },
    /// A master that led says that it does not any more.
    Ceded(MasterAddr),
    /// This master has promised that it evicts nobody for so long.
    Promised(Duration),
    /// What became of an eviction: true if there was a place before this master's, false if not. Nothing is said of one that
    /// failed; it is wished again.
    Evicted {
        /// Whose place.
        addr: MasterAddr,
        /// Whether it was there.
        was: bool,
    },
    /// Time has passed.
    Tick {
        /// How many servers are linked here.
        linked: usize,
        /// Whether this master has a link to the leader itself.
        reached: bool,
    },
}

/// A place to take away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Whose.
    pub addr: MasterAddr,
    /// Why.
    pub evidence: Evidence,
}

/// What one standby suspects. Times are of any clock that does not jump; only their differences count.
#[derive(Clone, Debug, Default)]
pub struct Suspicion {
    able: bool,
    leader: Option<Leader>,
    /// Evidence against single masters that holds until it is used or taken back, and from when it counts.
    against: BTreeMap<MasterAddr, (Evidence, Duration)>,
    /// When each server said last that it does not reach the leader.
    reports: BTreeMap<ServerId, Duration>,
    linked: usize,
    reached: bool,
    promised_until: Duration,
    /// How many evictions followed each other, and when the last one was.
    evictions: u32,
    last: Duration,
}

impl Suspicion {
    /// Nothing suspected, and not able.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event at time `now`; an eviction is to be carried out and answered with [`Event::Evicted`].
    pub fn on(&mut self, event: Event, now: Duration) -> Option<Eviction> {
        match event {
            Event::Able(able) => self.able = able,
            Event::Leader(leader) => self.leads(leader),
            Event::Gone(addr) => self.accuse(addr, Evidence::Gone, now),
            Event::Back(addr) => self.acquit(&addr, &Evidence::Gone),
            Event::Unreachable { by, leader } => self.reported(by, &leader, now),
            Event::Ceded(addr) => self.accuse(addr, Evidence::Ceded, now + CEDED_AFTER),
            Event::Promised(within) => self.promised_until = self.promised_until.max(now + within),
            Event::Evicted { addr, was } => self.evicted(&addr, was),
            Event::Tick { linked, reached } => (self.linked, self.reached) = (linked, reached),
        }
        self.decide(now)
    }

    /// A new leader: what was said of the one before says nothing of it.
    fn leads(&mut self, leader: Option<Leader>) {
        if let Some(leader) = &leader {
            self.acquit(&leader.addr, &Evidence::Ceded);
        }
        if leader.is_some() && self.leader != leader {
            // Whoever gave up before is not in the way: somebody is first.
            self.against.retain(|_, (evidence, _)| *evidence != Evidence::Ceded);
            self.reports.clear();
        }
        // Who leads no more, in its own words, is still the one that others may not reach.
        if leader.is_some() {
            self.leader = leader;
        }
    }

    fn accuse(&mut self, addr: MasterAddr, evidence: Evidence, from: Duration) {
        let known = self.against.contains_key(&addr);
        // What is gone is gone, whatever it said before.
        let stronger = !known || evidence == Evidence::Gone;
        if stronger && (known || self.against.len() < MASTERS_MAX) {
            self.against.insert(addr, (evidence, from));
        }
    }

    fn acquit(&mut self, addr: &MasterAddr, of: &Evidence) {
        if self.against.get(addr).is_some_and(|(evidence, _)| evidence == of) {
            self.against.remove(addr);
        }
    }

    fn reported(&mut self, by: ServerId, leader: &Leader, now: Duration) {
        let meant = self.leader.as_ref().is_some_and(|known| known.epoch == leader.epoch);
        if meant && (self.reports.len() < REPORTS_MAX || self.reports.contains_key(&by)) {
            self.reports.insert(by, now);
        }
    }

    fn evicted(&mut self, addr: &MasterAddr, was: bool) {
        self.against.remove(addr);
        if self.leader.as_ref().is_some_and(|leader| leader.addr == *addr) {
            self.reports.clear();
        }
        if !was {
            // Somebody else was quicker, or it was not before this one.
            self.evictions = self.evictions.saturating_sub(1);
        }
    }

    fn decide(&mut self, now: Duration) -> Option<Eviction> {
        if !self.able || now < self.promised_until || now < self.next_at(now) {
            return None;
        }
        let eviction = self.most_wanted(now)?;
        self.evictions = self.evictions.saturating_add(1);
        self.last = now;
        Some(eviction)
    }

    /// When the next eviction may be.
    fn next_at(&mut self, now: Duration) -> Duration {
        if now.saturating_sub(self.last) >= QUIET {
            self.evictions = 0;
        }
        match self.evictions {
            0 => Duration::ZERO,
            n => self.last + PAUSE_MIN.saturating_mul(1 << (n - 1).min(16)).min(PAUSE_MAX),
        }
    }

    /// The leader first: the others only matter once it is their turn.
    fn most_wanted(&mut self, now: Duration) -> Option<Eviction> {
        let counts = |&(_, (_, from)): &(&MasterAddr, &(Evidence, Duration))| *from <= now;
        let leader = self.leader.as_ref().map(|leader| &leader.addr);
        let mut accused: Vec<_> = self.against.iter().filter(counts).collect();
        accused.sort_by_key(|(addr, _)| Some(*addr) != leader);
        if let Some((addr, (evidence, _))) = accused.first() {
            return Some(Eviction { addr: (*addr).clone(), evidence: evidence.clone() });
        }
        let addr = leader?.clone();
        self.reports.retain(|_, at| now.saturating_sub(*at) <= REPORT_FRESH);
        let (reports, linked) = (self.reports.len(), self.linked);
        // What keeps a single server from the leader may be the server's own trouble.
        let two = reports + usize::from(!self.reached) >= 2;
        let most = reports * 2 > linked && reports > 0 && two;
        most.then_some(Eviction { addr, evidence: Evidence::Unreachable { reports, linked } })
    }
}

#[cfg(test)]
mod tests;
