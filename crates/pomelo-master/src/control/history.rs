//! How the last changes of the leader went. The new leader measures its own promotion, from the first sign that the former leader
//! was gone until the last server follows, and keeps it in the coordinator's store for those that lead later.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{MasterAddr, Record, StoreError, Write, store},
    membership::Version,
    status::{FAILOVERS_KEY, FAILOVERS_MAX, Failover},
};
use pomelo_protocol::admin::Leader;
use tracing::{info, warn};

use super::{Action, Control, Peer, stores::Purpose};
use crate::link::LinkId;

/// How long servers may take to follow before a failover is written down without them.
const FOLLOW_MAX: Duration = Duration::from_secs(5);
/// A sign that is older says nothing about the next promotion.
const SIGN_MAX: Duration = Duration::from_secs(60);
/// Names the read of the history; those of `stores` start at 1.
const READ_ID: u64 = 0;
/// Why leadership changed when the former leader gave it away.
const HANDED_OVER: &str = "handed over";

/// The first thing that was noticed of a leader's end.
#[derive(Debug)]
pub(super) struct Sign {
    pub(super) of: MasterAddr,
    at: Instant,
    why: String,
}

/// A promotion that is being measured.
#[derive(Debug)]
pub(super) struct Measure {
    epoch: u64,
    at_ms: u64,
    from: Option<MasterAddr>,
    why: String,
    detect: Option<Duration>,
    elect: Duration,
    granted: Instant,
    written: Option<Instant>,
    /// When the last one that follows said so.
    followed: Instant,
    /// Those who were linked and have not said that they follow.
    waiting: BTreeSet<LinkId>,
    linked: usize,
}

/// What former leaders and this one measured.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) failovers: Vec<Failover>,
    /// Whether what former leaders wrote is in there.
    read: bool,
    /// Measured, and not written yet.
    unwritten: bool,
    /// The epoch of the leader before this one.
    former_epoch: Option<u64>,
    measure: Option<Measure>,
}

impl Control {
    /// Something was noticed of a leader's end. Only the first sign counts.
    pub(super) fn note_sign(&mut self, of: MasterAddr, why: &str, now: Instant) {
        let first = self
            .sign
            .as_ref()
            .is_none_or(|sign| sign.of != of || now.saturating_duration_since(sign.at) >= SIGN_MAX);
        if first {
            self.sign = Some(Sign { of, at: now, why: why.to_owned() });
        }
    }

    /// The leader of an epoch says that it gives it away. The coordinator may be quicker than its word: then this master leads
    /// already, and only its record is put right.
    pub(super) fn note_handover(&mut self, epoch: u64, now: Instant) {
        if self.epoch().is_some() && self.history.former_epoch == Some(epoch) {
            self.history.put_right(HANDED_OVER);
            self.write_history(now);
        } else if let Some(leader) = self.known_leader().filter(|leader| leader.epoch == epoch) {
            self.note_sign(MasterAddr { host: leader.host, port: leader.port }, HANDED_OVER, now);
        }
    }

    /// This master was promoted just now.
    pub(super) fn measure(&mut self, epoch: u64, former: Option<Leader>, now: Instant) {
        let former = former.filter(|leader| !self.is_me(&leader.host, leader.port));
        self.history.former_epoch = former.as_ref().map(|leader| leader.epoch);
        let from = former.map(|leader| MasterAddr { host: leader.host.clone(), port: leader.port });
        let elected = self.elected.take().unwrap_or(now);
        let sign = self.sign.take().filter(|sign| Some(&sign.of) == from.as_ref());
        let detect = sign.as_ref().map(|sign| elected.saturating_duration_since(sign.at));
        let why = match (&sign, &from) {
            (Some(sign), _) => sign.why.clone(),
            (None, Some(_)) => "the coordinator took its place away".to_owned(),
            (None, None) => "nobody led".to_owned(),
        };
        let waiting: BTreeSet<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| matches!(peer, Peer::Server { rust: true, .. }))
            .map(|(link, _)| *link)
            .collect();
        self.following.clear();
        self.history.measure = Some(Measure {
            epoch,
            at_ms: self.wall_us(now) / 1_000,
            from,
            why,
            detect,
            elect: now.saturating_duration_since(elected),
            granted: now,
            written: None,
            followed: now,
            linked: waiting.len(),
            waiting,
        });
        self.history.read = false;
    }

    /// After the announcement: everything else has time.
    pub(super) fn read_history(&mut self) {
        self.actions.push(Action::Read { id: READ_ID, folder: store::HISTORY });
    }

    pub(super) fn history_read(&mut self, result: Result<Vec<Record>, StoreError>, now: Instant) {
        match result {
            Ok(records) => {
                let value =
                    records.iter().find(|record| record.key == FAILOVERS_KEY).map(|found| &found.value);
                let read = value.map(|value| serde_json::from_slice::<Vec<Failover>>(value));
                match read {
                    Some(Ok(failovers)) => self.history.begin(failovers),
                    Some(Err(why)) => {
                        warn!(target: "pomelo::master", "the history of failovers is not understood: {why}");
                    }
                    None => {}
                }
                self.history.read = true;
                self.write_history(now);
            }
            // It is only history: what is known here goes on.
            Err(why) => warn!(target: "pomelo::master", "the history of failovers was not read: {why}"),
        }
    }

    /// What was sent when this epoch began is written to every link.
    pub(super) fn announced(&mut self, epoch: u64, now: Instant) {
        if let Some(measure) = self.history.measure.as_mut().filter(|measure| measure.epoch == epoch) {
            measure.written.get_or_insert(now);
            self.look_whether_all_follow(now);
        }
    }

    /// A server follows this master and has this membership.
    pub(super) fn follows(&mut self, link: LinkId, version: Version, now: Instant) {
        if self.epoch() != Some(version.epoch) || !matches!(self.peers.get(&link), Some(Peer::Server { .. }))
        {
            return;
        }
        self.following.insert(link);
        if let Some(measure) = &mut self.history.measure
            && measure.waiting.remove(&link)
        {
            measure.followed = now;
            self.look_whether_all_follow(now);
        }
    }

    pub(super) fn history_lost(&mut self, link: LinkId, now: Instant) {
        self.following.remove(&link);
        if let Some(measure) = &mut self.history.measure
            && measure.waiting.remove(&link)
        {
            self.look_whether_all_follow(now);
        }
    }

    pub(super) fn history_tick(&mut self, now: Instant) {
        let late = |measure: &Measure| now.saturating_duration_since(measure.granted) >= FOLLOW_MAX;
        if self.history.measure.as_ref().is_some_and(late) {
            self.measured(now);
        }
    }

    pub(super) fn history_deposed(&mut self) {
        self.history.measure = None;
        self.following.clear();
    }

    fn look_whether_all_follow(&mut self, now: Instant) {
        let over = |measure: &Measure| measure.written.is_some() && measure.waiting.is_empty();
        if self.history.measure.as_ref().is_some_and(over) {
            self.measured(now);
        }
    }

    fn measured(&mut self, now: Instant) {
        let Some(measure) = self.history.measure.take() else { return };
        let written = measure.written.unwrap_or(now);
        let failover = Failover {
            epoch: measure.epoch,
            at_ms: measure.at_ms,
            from: measure.from,
            to: self.me.addr.clone(),
            why: measure.why,
            detect_ms: measure.detect.map(ms),
            elect_ms: ms(measure.elect),
            publish_ms: ms(written.saturating_duration_since(measure.granted)),
            follow_ms: ms(measure.followed.saturating_duration_since(written)),
            followed: measure.linked - measure.waiting.len(),
            linked: measure.linked,
        };
        info!(
            target: "pomelo::master",
            "{} of {} servers follow epoch {}: detect {}, elect {:.1}, publish {:.1}, follow {:.1} ms ({})",
            failover.followed, failover.linked, failover.epoch,
            failover.detect_ms.map_or_else(|| "unknown".to_owned(), |ms| format!("{ms:.1}")),
            failover.elect_ms, failover.publish_ms, failover.follow_ms, failover.why
        );
        self.history.failovers.push(failover);
        self.history.shorten();
        self.history.unwritten = true;
        self.write_history(now);
    }

    fn write_history(&mut self, now: Instant) {
        if !self.history.read || !self.history.unwritten {
            return;
        }
        self.history.unwritten = false;
        if let Ok(value) = serde_json::to_vec(&self.history.failovers) {
            let write = Write::Put { key: FAILOVERS_KEY.to_owned(), value };
            self.store(Purpose::Note("the history of failovers"), vec![write], now);
        }
    }
}

impl History {
    /// What former leaders wrote goes before what this master has measured since.
    fn begin(&mut self, mut former: Vec<Failover>) {
        let known = |failover: &Failover| former.iter().any(|other| other.epoch == failover.epoch);
        let own: Vec<_> = self.failovers.drain(..).filter(|failover| !known(failover)).collect();
        former.extend(own);
        former.sort_by_key(|failover| failover.epoch);
        self.failovers = former;
        self.shorten();
    }

    /// Why the last change came, if that was not known when it was measured.
    fn put_right(&mut self, why: &str) {
        if let Some(measure) = &mut self.measure {
            why.clone_into(&mut measure.why);
        } else if let Some(last) = self.failovers.last_mut() {
            why.clone_into(&mut last.why);
            self.unwritten = true;
        }
    }

    fn shorten(&mut self) {
        let surplus = self.failovers.len().saturating_sub(FAILOVERS_MAX);
        self.failovers.drain(..surplus);
    }
}

fn ms(duration: Duration) -> f64 {
    // Microseconds are as exact as anybody needs to read.
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
